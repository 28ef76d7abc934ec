"""TensorBoard logs that others wrote: their runs, grouped into arms and seeds, and how these compare."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from folklore.declare import metrics
from folklore.errors import ProblemError, did_you_mean
from folklore.evidence import compare as comparing
from folklore.evidence.comparison import Comparison
from folklore.evidence.logs import adopt, grouping
from folklore.evidence.logs.event_reader import Hparam, Scalars, Series, read_scalars
from folklore.evidence.logs.grouping import GROUP, Grouping
from folklore.evidence.logs.tags import SPLITS, recorded
from folklore.storage.run_paths import event_files
from folklore.storage.schema import Goal

_SESSION = re.compile(r"\d{9,}\.\d+")  # the folder in which PyTorch's add_hparams writes: the time at which it did
_SESSION_OF = "session of "  # stands for such a folder where sub-runs have their names


@dataclass(frozen=True)
class LoggedRun:
    """One run.

    Attributes:
        path: its directory.
        arm, seed: as its path, or its HParams, name them.
        series: tag to course; those of a sub-run are called `validation/tag`.
        hparams: its settings.
        problems: a sentence for each damaged file.
    """

    path: Path
    arm: str
    seed: str
    series: Mapping[str, Series]
    hparams: Mapping[str, Hparam]
    problems: tuple[str, ...]

    @property
    def tags(self) -> dict[str, Sequence[float]]:
        """The values of each tag, by step."""
        return {tag: series.values for tag, series in self.series.items()}


@dataclass(frozen=True)
class Logs:
    """The logs below one directory.

    Attributes:
        path: the directory.
        runs: those that fit the pattern; if two are the same seed of an arm, the later by name.
        grouping: how they were grouped.
        twice: the directories of the earlier ones.
        unfinished: those of `callbacks.Logger` that have no DONE.
    """

    path: Path
    runs: Sequence[LoggedRun]
    grouping: Grouping
    twice: Sequence[Path]
    unfinished: Sequence[Path] = ()


def read(logdir: Path, group: str | None = None) -> Logs:
    """The runs below `logdir`.

    Args:
        logdir: searched for event files.
        group: a pattern, see `folklore.evidence.logs.grouping`; None guesses it. A directory called train, validation,
            val, test or eval below a run is a sub-run of it.

    Raises:
        ProblemError: there are no event files, the pattern cannot be read, or no run fits it.
    """
    if not logdir.exists():
        beside = [path.name for path in logdir.parent.glob("*") if path.is_dir()]
        raise ProblemError(f"There is no directory {logdir}. {did_you_mean(logdir.name, beside)}")
    parts = _parts(logdir, group)
    if not parts:
        raise ProblemError(f"{logdir} holds no event files.")
    hparams = {run: _hparams(of_run) for run, of_run in parts.items() if _hparams(of_run)}
    paths = sorted(parts, key=_natural)
    found = grouping.by_pattern(paths, group, hparams) if group else grouping.guess(paths, hparams)
    if not found.runs:
        raise ProblemError(
            f"No directory with event files below {logdir} fits --group {group!r}; one is "
            f"{str(logdir / found.strange[0])!r}. Write the pattern of a run's path below {logdir}, such as {GROUP!r}"
            + (f", or names of these HParams: {', '.join(next(iter(hparams.values())))}." if hparams else ".")
        )
    runs: dict[grouping.Key, LoggedRun] = {}
    twice, unfinished = [], []
    for path, (arm, seed) in found.runs.items():
        if (logdir / path / "run.json").exists() and not (logdir / path / "DONE").exists():
            unfinished.append(logdir / path)  # of callbacks.Logger: it was interrupted, or still trains
            continue
        if (arm, seed) in runs:
            twice.append(runs[arm, seed].path)
        runs[arm, seed] = _run(logdir / path, arm or logdir.resolve().name, seed, parts[path], hparams.get(path, {}))
    if not runs:
        raise ProblemError(f"No run below {logdir} has come to its end: {len(unfinished)} are unfinished.")
    return Logs(logdir, list(runs.values()), found, twice, unfinished)


def _parts(logdir: Path, group: str | None) -> dict[str, dict[str, Scalars]]:
    """What was logged: the path of a run, to "" or the name of a sub-run with a slash, to the content of its files."""
    fits = grouping.compiled(group)[0].fullmatch if group else lambda path: None
    directories = sorted({file.parent for file in event_files(logdir)})
    sessions = [directory.parent for directory in directories if _SESSION.fullmatch(directory.name)]
    found: dict[str, dict[str, Scalars]] = {}
    for directory in directories:
        path, split = directory.relative_to(logdir), ""
        if path.name in SPLITS and not fits(path.as_posix()):
            path, split = path.parent, f"{path.name}/"
        elif _SESSION.fullmatch(path.name) and sessions.count(directory.parent) == 1:
            path, split = path.parent, _SESSION_OF  # the only one of its run
        found.setdefault("" if path == Path() else path.as_posix(), {})[split] = read_scalars(directory)
    return found


def _hparams(parts: Mapping[str, Scalars]) -> dict[str, Hparam]:
    return {name: value for part in parts.values() for name, value in part.hparams.items()}


def _run(path: Path, arm: str, seed: str, parts: Mapping[str, Scalars], hparams: Mapping[str, Hparam]) -> LoggedRun:
    ordered = sorted(parts.items(), key=lambda item: item[0] != _SESSION_OF)  # what the run itself logged comes last
    series = {
        tag if split == _SESSION_OF else f"{split}{tag}": course
        for split, part in ordered
        for tag, course in part.series.items()
    }
    problems = tuple(problem for part in parts.values() for problem in part.problems)
    return LoggedRun(path, arm, seed, series, hparams, problems)


def _natural(path: str) -> list[tuple[int, str]]:
    """A key by which "width 8" comes before "width 32"."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", path)]


def logged_runs(logdir: Path, group: str = GROUP) -> tuple[list[LoggedRun], list[str]]:
    """The runs below `logdir` whose directories fit a pattern, and the directories with events that do not.

    Raises:
        ProblemError: as `read` does.
    """
    logs = read(logdir, group)
    return list(logs.runs), [str(logdir / path) for path in logs.grouping.strange]


def compare(
    logdir: Path,
    metric: str | None = None,
    group: str | None = None,
    baseline: str | None = None,
    expect: Sequence[str] = (),
) -> Comparison:
    """Compare the arms of others' logs, as `folklore.evidence.compare` does ours.

    Args:
        logdir: the directory of all runs.
        metric: a tag such as "validation/epoch_accuracy", whose last value counts; "best …" takes the best.
        group: the pattern of a run's path, see `read`.
        baseline: the arm that others are compared with; None takes the first.
        expect: hypotheses such as "width 32 better 0.01".

    Raises:
        ProblemError: no directory fits the pattern, no run has the metric, or no arm has a name that was given; names
            the existing ones.
    """
    with adopt.adopted(read(logdir, group), metric, baseline, expect) as path:
        return comparing.compare(path)


def goal_of(tag: str) -> Goal:
    """Whether smaller or larger is better, judged by a tag's name."""
    return metrics.goal_of(recorded(tag))
