"""The display while runs train: a line for each run that ended, and a live table of those under way."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from folklore.declare import metrics
from folklore.declare.hypothesis import Metric
from folklore.report.formatting import number
from folklore.storage.run_paths import tuning_point
from folklore.task import Task


class Progress:
    """A live table: arm, seed, epoch, train and validation metric, time left. For use in a `with` statement.

    Args:
        console: where to draw; if it is not a terminal, only the lines of ended runs appear.
        total: how many runs there will be.
        metrics: the metric that each experiment is about, by its name.
        clock: returns seconds.
    """

    def __init__(
        self, console: Console, total: int, metrics: Mapping[str, Metric], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.console, self.total, self.metrics, self.clock = console, total, metrics, clock
        self.active: dict[Path, tuple[Task, dict[str, float]]] = {}
        self.ended = 0
        self.begun = clock()
        self.live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Progress:
        """Begin to draw."""
        self.live.start()
        self._draw()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the live table away; the lines above it stay."""
        self.live.stop()

    def update(self, task: Task, row: dict[str, float]) -> None:
        """A run has come to the end of an epoch."""
        self.active[task.path] = task, row
        self._draw()

    def end(self, task: Task, record: Mapping[str, Any]) -> None:
        """A run has ended."""
        self.active.pop(task.path, None)
        self.ended += 1
        shown = _shown(self.metrics[task.experiment].name, task)
        self.console.print(_ending(task, record, shown), soft_wrap=True)
        self._draw()

    def _draw(self) -> None:
        self.live.update(self.table(), refresh=True)

    def table(self) -> Table:
        """The runs under way."""
        left = "starting workers"
        if self.ended:
            spent = self.clock() - self.begun
            left = f"about {duration(spent / self.ended * (self.total - self.ended))} left"
        table = Table(title=f"{self.ended} of {self.total} runs ended, {left}", title_justify="left")
        for name, side in (("experiment", "left"), ("arm", "left"), ("seed", "right"), ("epoch", "right"),
                           ("train", "right"), ("validation", "right"), ("left", "right")):  # fmt: skip
            table.add_column(name, justify=side)  # type: ignore[arg-type]
        for task, row in self.active.values():
            metric = _shown(self.metrics[task.experiment].name, task).partition("/")[2]
            epoch, epochs = int(row["epoch"]), task.recipe.epochs
            table.add_row(
                task.experiment,
                Text(_label(task)),
                str(task.seed),
                f"{epoch}/{epochs}",
                number(row.get(f"train/{metric}")),
                number(row.get(f"validation/{metric}")),
                duration(row["seconds"] / epoch * (epochs - epoch)),
            )
        return table


def duration(seconds: float) -> str:
    """Seconds as "m:ss" or "h:mm:ss"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _shown(metric: str, task: Task) -> str:
    """The metric to show of a run: that of the experiment, or else the one that selects the epoch."""
    parsed = metrics.parse(metric)
    recorded = len(parsed.terms) == 1 and not parsed.from_history
    return metric if recorded else task.recipe.monitor


def _label(task: Task) -> str:
    """The arm; of a tuning run with its point of the grid."""
    point = tuning_point(task.path)
    return task.arm if point is None else f"{task.arm}, {point}"


def _ending(task: Task, record: Mapping[str, Any], metric: str) -> Text:
    name = f"{task.experiment}  {_label(task)}  seed {task.seed}  "
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
