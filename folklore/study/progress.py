"""The display while runs train: in a terminal a line for each arm, in a pipe, or on request, a line for each run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from folklore.declare import metrics
from folklore.declare.experiment import Experiment
from folklore.report.formatting import number
from folklore.storage.run_paths import tuning_point
from folklore.task import Task
from folklore.wording import count

DRAWN_PER_SECOND = 2  # however many rows and ends of runs arrive: with hundreds of workers, drawing each takes longer
_AROUND = 6  # lines of the terminal that are not arms: title, head, rules, the note, and the cursor's
Row = Mapping[str, float]
Record = Mapping[str, Any]
_Key = tuple[str, str]  # experiment and label of an arm


@dataclass
class _Arm:
    """What is known of an arm's runs.

    Attributes:
        task: one of them.
        left: of this command, not ended.
        ended, failed: of all.
        values: of the metric, by seed.
        under_way: the runs that train, each with its newest row, {} before its first epoch ended.
        seconds: that ended runs took after their network was built.
    """

    task: Task
    left: int = 0
    ended: int = 0
    failed: int = 0
    values: dict[int, float] = field(default_factory=dict)
    under_way: dict[Path, tuple[Task, Row]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)

    def add(self, task: Task, record: Record, metric: str) -> None:
        """A run that has ended."""
        self.ended += 1
        value = (record.get("metrics") or {}).get(metric)
        if record["status"] != "done" or record.get("collapse"):
            self.failed += 1
        elif value is not None:
            self.values[task.seed] = value

    def seconds_left(self) -> float | None:
        """That its runs will take, one after another; None while no run has shown how long an epoch takes."""
        rows = [(task, row) for task, row in self.under_way.values() if row.get("epoch")]
        per_run = [row["seconds"] / row["epoch"] * task.recipe.epochs for task, row in rows]
        if not (self.left and (self.seconds or per_run)):
            return None if self.left else 0.0
        whole = median(self.seconds or per_run)
        return max(0.0, whole * self.left - sum(row["seconds"] for _, row in rows))


class Progress:
    """A live table, a line an arm: state, runs, metric, difference from the baseline. For use in a `with` statement.

    A thread of rich draws it, at most twice a second and as many arms as fit; `update` and `end` only keep what is new.

    Args:
        console: where to draw. If it is not a terminal, or with `verbose`, the lines of ended runs appear too.
        tasks: the runs to come.
        experiments: their experiments, by name.
        workers: that train at once.
        stored: runs of these arms that ended before, with their records.
        verbose: whether every run has a line.
        clock: returns seconds.
    """

    def __init__(
        self,
        console: Console,
        tasks: Sequence[Task],
        experiments: Mapping[str, Experiment],
        *,
        workers: int = 1,
        stored: Iterable[tuple[Task, Record]] = (),
        verbose: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.console, self.experiments, self.workers, self.clock = console, experiments, workers, clock
        self._one_at_a_time = threading.Lock()  # what is kept, and the thread that draws it
        self.every_run = verbose or not console.is_terminal
        self.total, self.ended, self.begun = len(tasks), 0, clock()
        self.arms: dict[_Key, _Arm] = {}
        for task in tasks:
            self._arm(task).left += 1
        for task, record in stored:
            if _key(task) in self.arms:
                self._arm(task).add(task, record, self._metric(task))
        self.live = Live(
            console=console, auto_refresh=console.is_terminal, refresh_per_second=DRAWN_PER_SECOND, transient=True,
            get_renderable=self.fitting,
        )  # fmt: skip

    def __enter__(self) -> Progress:
        """Begin to draw."""
        self.live.start(refresh=True)
        return self

    def __exit__(self, *_: object) -> None:
        """Take the live table away; the lines above it stay."""
        self.live.stop()

    def update(self, task: Task, row: Row) -> None:
        """A run has come to the end of an epoch; with an empty row, it was given to a worker."""
        with self._one_at_a_time:
            self._arm(task).under_way[task.path] = task, row

    def end(self, task: Task, record: Record) -> None:
        """A run has ended."""
        with self._one_at_a_time:
            arm = self._arm(task)
            arm.under_way.pop(task.path, None)
            arm.left -= 1
            arm.add(task, record, self._metric(task))
            if taken := record.get("seconds"):
                arm.seconds.append(taken["total"] - taken["build"])
            self.ended += 1
        if self.every_run or record["status"] != "done" or record.get("collapse"):
            self.console.print(_ending(task, record, self._metric(task)), soft_wrap=True)

    def fitting(self) -> Table:
        """The table with as many arms as the terminal has lines for."""
        return self.table(max(1, self.console.height - _AROUND))

    def table(self, most: int | None = None) -> Table:
        """All arms that have runs in this command; or at most so many, those first that train, then those that wait."""
        with self._one_at_a_time:
            return self._table(len(self.arms) if most is None else most)

    def _table(self, most: int) -> Table:
        order = sorted(self.arms, key=lambda key: (not self.arms[key].under_way, not self.arms[key].left))
        shown = set(order[:most])
        leaders = {name: self._leader(name) for name in dict.fromkeys(name for name, _ in order[:most])}
        table = Table(title=f"{self.ended} of {self.total} runs ended, {self.left()}", title_justify="left")
        for name, side in (("arm", "left"), ("now", "left"), ("runs", "right"), ("mean ± sd", "right"),
                           ("against baseline", "right")):  # fmt: skip
            table.add_column(name, justify=side, no_wrap=name != "arm")  # type: ignore[arg-type]
        several = len({experiment for experiment, _ in self.arms}) > 1
        for experiment, label in (key for key in self.arms if key in shown):
            arm = self.arms[experiment, label]
            name = f"{experiment}  {label}" if several else label
            runs = f"{arm.ended}/{arm.ended + arm.left}" + (f", {arm.failed} failed" if arm.failed else "")
            table.add_row(
                Text(name), _now(arm), runs, _summary(arm), self._against(experiment, label, leaders[experiment])
            )
        if left_out := len(self.arms) - len(shown):
            table.caption, table.caption_justify = f"… and {count(left_out, 'arm')} more", "left"
        return table

    def left(self) -> str:
        """The time left, from what epochs took, without what building networks takes; or that it is not known yet."""
        known = [seconds for arm in self.arms.values() if (seconds := arm.seconds_left()) is not None]
        if len(known) < len(self.arms):
            at_least = sum(known) / self.workers
            so_far = f"{duration(self.clock() - self.begun)} so far"
            return f"more than {duration(at_least)} left" if at_least >= 1 else so_far
        return f"about {duration(sum(known) / self.workers)} left"

    def _leader(self, experiment: str) -> str | None:
        """The best arm of an experiment; None while fewer than two have values."""
        of_arms = {label: arm.values for (name, label), arm in self.arms.items() if name == experiment}
        means = {label: self._sign(experiment) * fmean(values.values()) for label, values in of_arms.items() if values}
        return max(means, key=lambda label: means[label]) if len(means) > 1 else None

    def _against(self, experiment: str, label: str, leader: str | None) -> Text:
        """The mean difference from the baseline over shared seeds, + is better; the best arm is marked."""
        declared = self.experiments[experiment]
        best = " best" if label == leader else ""
        if label == declared.baseline or label not in declared.arms:
            return Text(f"baseline{best}" if label == declared.baseline else "")
        values = self.arms[experiment, label].values
        baseline = (
            self.arms[experiment, declared.baseline].values if (experiment, declared.baseline) in self.arms else {}
        )
        shared = values.keys() & baseline.keys()
        if not shared:
            return Text("–")
        difference = self._sign(experiment) * fmean(values[seed] - baseline[seed] for seed in shared)
        return Text(f"{number(difference, signed=True)}{best}", style="bold" if best else "")

    def _arm(self, task: Task) -> _Arm:
        return self.arms.setdefault(_key(task), _Arm(task))

    def _sign(self, experiment: str) -> int:
        return -1 if self.experiments[experiment].metric.goal == "min" else 1

    def _metric(self, task: Task) -> str:
        return _shown(self.experiments[task.experiment].metric.name, task)


def duration(seconds: float) -> str:
    """Seconds as "m:ss" or "h:mm:ss"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _key(task: Task) -> _Key:
    point = tuning_point(task.path)
    return task.experiment, task.arm if point is None else f"{task.arm}, tuning"


def _now(arm: _Arm) -> Text:
    """What an arm's runs do now."""
    if not arm.left:
        return Text("done", style="green")
    if not arm.under_way:
        return Text("waiting", style="dim")
    rows = [(task.seed, row, task.recipe.epochs) for task, row in arm.under_way.values() if row.get("epoch")]
    if not rows:
        return Text("compiling" if not arm.ended else "starting", style="yellow")
    seed, row, epochs = rows[0]
    return Text(f"seed {seed}, epoch {int(row['epoch'])} of {epochs}")


def _summary(arm: _Arm) -> str:
    values = list(arm.values.values())
    if not values:
        return "–"
    spread = f" ± {number(float(np.std(values, ddof=1)))}" if len(values) > 1 else ""
    return f"{number(fmean(values))}{spread}"


def _shown(metric: str, task: Task) -> str:
    """The metric to show of a run: that of the experiment, or else the one that selects the epoch."""
    parsed = metrics.parse(metric)
    recorded = [term.form for term in parsed.terms] == [""] and not parsed.from_history
    return metric if recorded else task.recipe.monitor


def _ending(task: Task, record: Record, metric: str) -> Text:
    point = tuning_point(task.path)
    label = task.arm if point is None else f"{task.arm}, {point}"
    name = f"{task.experiment}  {label}  seed {task.seed}  "
    remarks = [f"checkpoint not used: {rejected}" for rejected in record.get("rejected_checkpoints") or ()]
    if resumed := record.get("resumed_after"):
        remarks.append(f"resumed after epoch {resumed}")
    name += "".join(f"{remark}; " for remark in remarks)
    if record["status"] == "done":
        best = f"best epoch {record['selected_epoch']} of {record['epochs']}"
        text = f"{metric} {number(record['metrics'].get(metric))}, {best}, {record['seconds']['total']:.1f} s"
        if collapse := record.get("collapse"):
            return Text(f"{name}{text}; collapsed: {collapse['reason']}", style="yellow")
        return Text(f"{name}{text}")
    if record["status"] == "diverged":
        divergence = record["divergence"]
        return Text(f"{name}diverged in epoch {divergence['epoch']}: {divergence['reason']}", style="yellow")
    return Text(f"{name}failed: {record['error']}", style="red")
