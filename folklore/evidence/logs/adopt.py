"""Logs of other programs as an experiment of the suite: after that, every command treats them alike.

What they do not say stays unknown: data, recipes and budgets. HParams, where all runs of an arm share them, stand as
the arm's recipe, so that tables and TensorBoard's HParams tab show them.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from folklore.declare import metrics
from folklore.errors import ProblemError, did_you_mean
from folklore.evidence.logs import expect as questions
from folklore.evidence.logs import tags
from folklore.evidence.logs.event_reader import Hparam, Series
from folklore.evidence.logs.grouping import SEEDS
from folklore.storage.run_paths import LOGGED, run_path

if TYPE_CHECKING:
    from folklore.evidence.logs.tensorboard_logs import LoggedRun, Logs

MOST_ROWS = 1_000  # of a history that no metric gives its steps
NAMED = 3  # runs that a note names before it only counts


@contextlib.contextmanager
def adopted(
    logs: Logs, metric: str | None = None, baseline: str | None = None, expect: Sequence[str] = ()
) -> Iterator[Path]:
    """The logs as an experiment's directory, which is there while the context is open; see `write`."""
    with tempfile.TemporaryDirectory(prefix="folklore-") as folder:
        yield write(logs, Path(folder), metric, baseline, expect)


def write(
    logs: Logs, folder: Path, metric: str | None = None, baseline: str | None = None, expect: Sequence[str] = ()
) -> Path:
    """Write the logs into `folder` as an experiment and its runs; return its directory.

    Args:
        logs: of other programs.
        folder: a temporary one: nothing is synced to disk.
        metric: a tag, such as "Loss/val", or an expression of names, such as "best validation/Loss"; None takes the
            only loss in validation, or the only tag.
        baseline: the arm that others are compared with; None takes one with "baseline" in its name, or the first.
        expect: hypotheses, see `folklore.evidence.logs.expect`.

    Raises:
        ProblemError: no run has the metric, or no arm has a name that was given; names the existing ones.
    """
    named = tags.names({tag for run in logs.runs for tag in run.series})
    name = tags.expression(metric, named, str(logs.path))
    tag_of = {recorded: tag for tag, recorded in named.items()}
    wanted = [tag_of[part] for part in metrics.parse(name).names]
    arms = _names_of_arms(logs.runs)
    lacking = [run for run in logs.runs if not all(tag in run.series for tag in wanted)]
    having = [arms[run.arm] for run in logs.runs if all(tag in run.series for tag in wanted)]
    baseline = _baseline(having or list(arms.values())) if baseline is None else arms.get(baseline, baseline)
    if baseline not in arms.values():
        raise ProblemError(f"The runs in {logs.path} have no arm {baseline!r}. {did_you_mean(baseline, arms.values())}")
    numbers = _numbers(logs.runs)
    declared: dict[str, Any] = {
        "claim": "",
        "kind": LOGGED,
        "baseline": baseline,
        "metric": {"name": name, "goal": _goal(name)},
        "hypotheses": questions.hypotheses(expect, list(dict.fromkeys(arms.values())), baseline, name),
        "arms": {arms[arm]: settings for arm, settings in _settings(logs.runs).items()},
        "logs": {
            "path": str(logs.path),
            "seeds": {
                shown: {str(numbers[run.arm, run.seed]): run.seed or run.path.name
                        for run in logs.runs if run.arm == arm}
                for arm, shown in arms.items()
            },
            "paired": _is_paired(logs.runs),
            "notes": _notes(logs, {tag: named[tag] for tag in wanted}, lacking),
        },
    }  # fmt: skip
    path = folder / (logs.path.resolve().name or "logs")
    path.mkdir(parents=True)
    (path / "experiment.json").write_text(_json(declared), encoding="utf-8")
    for run in logs.runs:
        arm, number = arms[run.arm], numbers[run.arm, run.seed]
        _write_run(run_path(folder, path.name, arm, number), number, run, named, wanted, declared["arms"][arm])
    return path


def _baseline(arms: Sequence[str]) -> str:
    return next((arm for arm in arms if "baseline" in arm.lower()), arms[0])


def _goal(name: str) -> str:
    terms = metrics.parse(name).terms
    return metrics.goal(name) or (terms[0].goal if len(terms) == 1 else "min")


def _names_of_arms(runs: Sequence[LoggedRun]) -> dict[str, str]:
    """Each arm's name as a directory can have it, on every system."""
    found: dict[str, str] = {}
    for arm in dict.fromkeys(run.arm for run in runs):
        name = re.sub(r'[/\\:*?"<>|]|[^ -~\w]', "-", arm).strip(". ")[:100] or "run"
        while name in found.values():
            name += "-"
        found[arm] = name
    return found


def _is_paired(runs: Sequence[LoggedRun]) -> bool:
    """Whether arms share at least two seeds by name."""
    arms: dict[str, set[str]] = {}
    for run in runs:
        arms.setdefault(run.seed, set()).add(run.arm)
    return sum(len(of_seed) > 1 for seed, of_seed in arms.items() if seed) > 1


def _numbers(runs: Sequence[LoggedRun]) -> dict[tuple[str, str], int]:
    """Seeds as 0, 1, …: alike in all arms that share a name, and never alike where they share none."""
    names = sorted({run.seed for run in runs}, key=lambda seed: (not seed.isdecimal(), seed.zfill(20)))
    if _is_paired(runs):
        return {(run.arm, run.seed): names.index(run.seed) for run in runs}
    return {(run.arm, run.seed): number for number, run in enumerate(runs)}


def _settings(runs: Sequence[LoggedRun]) -> dict[str, dict[str, Hparam]]:
    """The HParams that all runs of an arm share; a seed is none."""
    found: dict[str, dict[str, Hparam]] = {}
    for run in runs:
        given = {name: value for name, value in run.hparams.items() if name not in SEEDS}
        shared = found.setdefault(run.arm, given)
        found[run.arm] = {name: value for name, value in shared.items() if given.get(name) == value}
    return found


def _notes(logs: Logs, wanted: Mapping[str, str], lacking: Sequence[LoggedRun]) -> list[str]:
    notes = [logs.grouping.in_words()]
    notes += [f"{name} is logged as {tag!r}" for tag, name in wanted.items() if name != tag]
    if strange := logs.grouping.strange:
        notes.append(
            f"{len(strange)} directories do not fit {logs.grouping.pattern!r} and are left out, such as "
            f"{logs.path / strange[0]}"
        )
    if logs.twice:
        notes.append(f"of runs with the same arm and seed, the last is used, and not {_some(logs, logs.twice)}")
    for name in wanted.values():
        metric = name.partition("/")[2]
        if not (metrics.goal_in_table(metric) or metrics.goal_in_name(metric)):
            notes.append(f"lower {metric} is taken as better, since its name does not say which is")
    if logs.unfinished:
        notes.append(f"unfinished runs are left out: {_some(logs, logs.unfinished)}")
    if lacking:
        tag = " and ".join(wanted)
        notes.append(f"{len(lacking)} of {len(logs.runs)} runs have no {tag}: {_some(logs, [r.path for r in lacking])}")
    for tag in wanted:
        lengths = {len(run.series[tag].values) for run in logs.runs if tag in run.series}
        if len(lengths) > 1:
            notes.append(f"runs have between {min(lengths)} and {max(lengths)} values of {tag}")
    return notes + [f"incomplete: {problem}" for run in logs.runs for problem in run.problems]


def _some(logs: Logs, paths: Sequence[Path]) -> str:
    shown = [str(path.relative_to(logs.path)) for path in paths[:NAMED]]
    return ", ".join(shown) + (" …" if len(paths) > NAMED else "")


def _write_run(
    path: Path, number: int, run: LoggedRun, named: Mapping[str, str], wanted: Sequence[str],
    settings: Mapping[str, Hparam],
) -> None:  # fmt: skip
    steps = _steps(run, wanted)
    last = {named[tag]: series.values[-1] for tag, series in run.series.items()}
    curves = [tag for tag, series in run.series.items() if len(series.steps) > 1 or tag in wanted]
    columns = {named[tag]: _sampled(run.series[tag], steps) for tag in curves}
    first, end = _begun_and_ended(run)
    diverged = [tag for tag in wanted if tag in run.series and not math.isfinite(last[named[tag]])]
    record = {
        "arm": path.parent.name,
        "seed": number,
        "status": "diverged" if diverged else "done",
        "identity": "",
        "recipe": settings,
        "data": None,
        "metrics": {} if diverged else {name: value for name, value in last.items() if math.isfinite(value)},
        "selected_epoch": None if diverged else len(steps),
        "seconds": {"total": round(end - first, 3)},
        "logged_in": str(run.path),
    }
    if diverged:
        reason = ", ".join(f"{tag} is {last[named[tag]]}" for tag in diverged)
        record["divergence"] = {"epoch": len(steps), "reason": reason}
    path.mkdir(parents=True)
    (path / "run.json").write_text(_json(record), encoding="utf-8")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["epoch", "step", *columns])
    writer.writerows(
        zip(range(1, len(steps) + 1), steps.tolist(), *(c.tolist() for c in columns.values()), strict=True)
    )
    (path / "history.csv").write_text(text.getvalue(), encoding="utf-8")
    (path / "DONE").write_text(f"{record['status']}\n", encoding="utf-8")


def _steps(run: LoggedRun, wanted: Sequence[str]) -> np.ndarray:
    """The steps that become the rows of a history: those of the compared metric, where it is a curve."""
    of_metric = np.unique([step for tag in wanted if tag in run.series for step in run.series[tag].steps])
    if len(of_metric) > 1:
        return of_metric
    steps = np.unique([step for series in run.series.values() for step in series.steps] or [0])
    thinned = np.linspace(0, len(steps) - 1, min(len(steps), MOST_ROWS)).round().astype(int)
    return steps[thinned]


def _sampled(series: Series, steps: np.ndarray) -> np.ndarray:
    """At each step, the last value that was logged by then; NaN before the first."""
    places = np.searchsorted(series.steps, steps, side="right")
    return np.concatenate([[math.nan], series.values])[places]


def _begun_and_ended(run: LoggedRun) -> tuple[float, float]:
    seconds = [second for series in run.series.values() for second in (series.seconds[0], series.seconds[-1])]
    return min(seconds, default=0.0), max(seconds, default=0.0)


def _json(record: Mapping[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, allow_nan=False)
