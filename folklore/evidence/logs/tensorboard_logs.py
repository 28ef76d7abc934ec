"""TensorBoard logs that others wrote: their runs, grouped into arms and seeds by a pattern."""

from __future__ import annotations

import math
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from folklore.declare.metrics import goal_in_table
from folklore.errors import ProblemError, did_you_mean
from folklore.evidence import statistics
from folklore.evidence.comparison import ComparedArm, Comparison, Difference
from folklore.evidence.hypotheses import finite, finite_or_none
from folklore.evidence.logs.event_reader import PATTERN, Scalars, read_scalars

GROUP = "{arm}/seed-{seed}"
SPLITS = ("train", "validation", "val", "test", "eval")  # sub-runs, which writers put in separate directories
_METRIC = re.compile(r"(?:(best|last) )?(.+)")


@dataclass(frozen=True)
class LoggedRun:
    """One run: its arm, its seed, and its tags; those of a sub-run are called `validation/tag`."""

    arm: str
    seed: str
    tags: Mapping[str, Sequence[float]]
    problems: tuple[str, ...]


def has_events(logdir: Path) -> bool:
    """Whether there are event files somewhere below a directory."""
    return next(logdir.rglob(PATTERN), None) is not None


def logged_runs(logdir: Path, group: str = GROUP) -> tuple[list[LoggedRun], list[str]]:
    """The runs below `logdir` whose directories fit a pattern, and the directories with events that do not.

    Args:
        logdir: searched for event files.
        group: such as "{arm}/seed-{seed}". Each name in braces stands for a directory's name or a part of it. {seed}
            may be left out, or replaced by another name such as {run}. A directory called train, validation, val,
            test or eval below a run is a sub-run of it.

    Raises:
        ProblemError: the pattern has no {arm}.
    """
    expression = _expression(group)
    found: dict[tuple[str, ...], dict[str, Scalars]] = {}
    strange = []
    for directory in sorted({file.parent for file in logdir.rglob(PATTERN)}):
        path, split = directory.relative_to(logdir), ""
        if path.name in SPLITS and not expression.fullmatch(path.as_posix()):
            path, split = path.parent, f"{path.name}/"
        if (match := expression.fullmatch(path.as_posix())) is None:
            strange.append(str(directory))
            continue
        named = match.groupdict()
        others = (value for name, value in named.items() if name != "arm")
        found.setdefault((named["arm"], *others), {})[split] = read_scalars(directory)
    return [_run(arm, "/".join(others), parts) for (arm, *others), parts in found.items()], strange


def _run(arm: str, seed: str, parts: Mapping[str, Scalars]) -> LoggedRun:
    tags = {f"{split}{tag}": series.values for split, part in parts.items() for tag, series in part.series.items()}
    return LoggedRun(arm, seed, tags, tuple(problem for part in parts.values() for problem in part.problems))


def _expression(group: str) -> re.Pattern[str]:
    try:
        parts = list(string.Formatter().parse(group))
    except ValueError as error:
        raise ProblemError(f"--group {group!r} cannot be read: {error}. Write one like {GROUP!r}.") from None
    names = [name for _, name, _, _ in parts if name is not None]
    if "arm" not in names or len(set(names)) < len(names) or not all(name.isidentifier() for name in names):
        raise ProblemError(f"--group {group!r} must have {{arm}} in it, and each name once. Write one like {GROUP!r}.")
    return re.compile("".join(re.escape(text) + (f"(?P<{name}>[^/]+)" if name else "") for text, name, _, _ in parts))


def compare(logdir: Path, metric: str | None = None, group: str = GROUP, baseline: str | None = None) -> Comparison:
    """Compare the arms of others' logs, as `folklore.evidence.compare` does ours, without a hypothesis.

    Args:
        logdir: the directory of all runs.
        metric: a tag such as "validation/epoch_accuracy", whose last value counts; "best …" takes the best.
        group: the pattern of a run's path, see `logged_runs`.
        baseline: the arm that others are compared with; None takes the first.

    Raises:
        ProblemError: no directory fits the pattern, no run has the metric, or no arm has the baseline's name; names
            the existing ones.
    """
    with np.errstate(all="ignore"):  # values may be as large as floats are; what overflows is None
        return _compare(logdir, metric, group, baseline)


def _compare(logdir: Path, metric: str | None, group: str, baseline: str | None) -> Comparison:
    runs, strange = logged_runs(logdir, group)
    if not runs:
        raise ProblemError(
            f"No directory with event files below {logdir} fits --group {group!r}; one is {strange[0]!r}. Write the "
            f"pattern of a run's path below {logdir}, such as {GROUP!r}."
            if strange
            else f"{logdir} holds no event files."
        )
    tags = {tag for run in runs for tag in run.tags}
    name = _default(tags) if metric is None else metric
    match = _METRIC.fullmatch(name or "")
    when, tag = match.groups() if match else (None, "")
    if tag not in tags:
        hint = did_you_mean(tag, tags)
        raise ProblemError(f"The runs in {logdir} have no metric {tag!r}. {hint} Name one with --metric.")
    goal = goal_of(tag)
    values: dict[str, dict[str, float]] = {}
    for run in runs:
        number = _value(run.tags.get(tag, ()), when or "last", goal)
        arm = values.setdefault(run.arm, {})
        if number is not None:
            arm[run.seed] = number
    baseline = next(iter(values)) if baseline is None else baseline
    if baseline not in values:
        raise ProblemError(f"The runs in {logdir} have no arm {baseline!r}. {did_you_mean(baseline, values)}")
    arms = {
        arm: _arm(by_seed, None if arm == baseline else values[baseline], sum(run.arm == arm for run in runs))
        for arm, by_seed in values.items()
    }
    return Comparison(
        experiment=logdir.name or str(logdir), claim=None, kind=None, baseline=baseline, facts=None, tuning=None,
        options=None, metric=name, goal=goal, data=None, arms=arms, hypotheses=[], unfinished=0,
        notes=_notes(runs, strange, tag, group),
    )  # fmt: skip


def goal_of(tag: str) -> Literal["min", "max"]:
    """The goal, judged by a tag's name: accuracies, scores and areas are maximised, the rest are losses."""
    if in_table := goal_in_table(tag.rpartition("/")[2].removeprefix("epoch_")):
        return in_table
    grows = ("acc", "auc", "f1", "score", "precision", "recall", "reward", "return")
    return "max" if any(word in tag.lower() for word in grows) else "min"


def _default(tags: set[str]) -> str | None:
    """The metric if none is named: the only validation loss, otherwise the only tag."""
    losses = [tag for tag in tags if tag.startswith(("validation/", "val/", "eval/")) and tag.endswith("loss")]
    candidates = losses or list(tags)
    return candidates[0] if len(candidates) == 1 else None


def _value(course: Sequence[float], when: str, goal: str) -> float | None:
    finite = [value for value in course if math.isfinite(value)]
    if not course or not finite:
        return None
    if when == "last":
        return finite_or_none(course[-1])
    return max(finite) if goal == "max" else min(finite)


def _arm(values: Mapping[str, float], baseline: Mapping[str, float] | None, runs: int) -> ComparedArm:
    numbers = list(values.values())
    return ComparedArm(
        n=len(numbers),
        mean=finite_or_none(sum(numbers) / len(numbers)) if numbers else None,
        std=finite_or_none(statistics.sample_std(numbers)),
        ci=finite(statistics.t_interval(numbers)),
        values=dict(sorted(values.items())),
        failed=runs - len(numbers),
        difference=None if baseline is None else _difference(values, baseline),
    )


def _difference(values: Mapping[str, float], baseline: Mapping[str, float]) -> Difference:
    """By seed, over the shared seeds; unpaired, over all runs, if fewer than two seeds with a name are shared."""
    shared = sorted(values.keys() & baseline.keys())
    if len(shared) > 1 and any(shared):
        found = [values[seed] - baseline[seed] for seed in shared]
        mean, ci = finite_or_none(sum(found) / len(found)), finite(statistics.t_interval(found))
        return Difference(n=len(found), mean=mean, ci=ci, paired=True)
    numbers, others = list(values.values()), list(baseline.values())
    if min(len(numbers), len(others)) < 2:
        return Difference(n=0, mean=None, ci=(None, None), paired=False)
    mean = finite_or_none(float(np.mean(numbers) - np.mean(others)))
    return Difference(n=len(numbers), mean=mean, ci=finite(statistics.welch_interval(numbers, others)), paired=False)


def _notes(runs: Sequence[LoggedRun], strange: Sequence[str], tag: str, group: str) -> list[str]:
    notes = ["logs of others: they do not say whether data, budget and code were the same"]
    lengths = {len(run.tags[tag]) for run in runs if tag in run.tags}
    if len(lengths) > 1:
        notes.append(f"runs have between {min(lengths)} and {max(lengths)} values of {tag}")
    if strange:
        notes.append(f"{len(strange)} directories do not fit {group!r} and are left out, such as {strange[0]}")
    problems = [problem for run in runs for problem in run.problems]
    return notes + [f"incomplete: {problem}" for problem in problems]
