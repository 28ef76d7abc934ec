"""Run directories: where they are, what they contain, and how they are written and read.

logs/<topic>.<experiment>/experiment.json
logs/<topic>.<experiment>/<arm>/seed-0/{run.json, history.csv, train/, validation/, best.weights.h5, …, DONE}
"""

from __future__ import annotations

import csv
import errno
import io
import math
import os
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from callbacks.files import as_csv
from folklore.declare import checks
from folklore.declare.hypothesis import Hypothesis, Metric
from folklore.errors import DeclarationError, ProblemError
from folklore.storage import row_outcomes
from folklore.storage.files import damaged, read_json, read_text, write_json, write_text
from folklore.storage.schema import (
    Declaration,
    EndedRun,
    ExactClaim,
    MisfitError,
    Record,
    StoredExperiment,
    StoredRun,
)

ASIDE = ".aside"
CHECKPOINTS = "checkpoint"
T = TypeVar("T", bound=Record)


@dataclass(frozen=True)
class Run:
    """One arm trained with one seed.

    Attributes:
        record: its run.json, None where none was written yet.
        ended: the same record if the run is done or diverged, otherwise None.
    """

    path: Path
    arm: str
    seed: int
    record: StoredRun | None
    ended: EndedRun | None

    @property
    def done(self) -> bool:
        """Whether it ended, done or diverged, with all of its files written."""
        return self.ended is not None

    @property
    def status(self) -> str:
        """One of "done", "diverged", "failed", or "incomplete" for an interrupted run."""
        status = self.record.status if self.record else "incomplete"
        return status if self.done or status == "failed" else "incomplete"


def logdir_option(logdir: Path) -> str:
    """The option with which a command finds this log directory: " --logdir …", or "" for the default one."""
    return "" if logdir == Path("logs") else f" --logdir {shlex.quote(str(logdir))}"


def read_run(path: Path) -> Run:
    """The run in a directory, which need not exist.

    Raises:
        ProblemError: run.json is damaged, or that of another seed; names it.
    """
    file, seed = path / "run.json", int(path.name.removeprefix("seed-"))
    content = read_json(file)
    if content is None:
        return Run(path, path.parent.name, seed, None, None)
    if content.get("seed", seed) != seed:  # a copy would count as a seed of its own
        raise damaged(file, f"is that of seed {content['seed']!r}")
    if not (path / "DONE").exists():
        return Run(path, path.parent.name, seed, _parsed(file, StoredRun, content), None)
    ended = _parsed(file, EndedRun, content)
    return Run(path, path.parent.name, seed, ended, ended)


Read = Callable[[Path], Run]


def read_experiment(path: Path) -> Declaration | None:
    """The declaration stored in an experiment's directory, or None where there is none.

    Returns:
        A `StoredExperiment` where it has arms, otherwise an `ExactClaim`.

    Raises:
        ProblemError: the file is damaged, or declares what could not have been declared; names it.
    """
    file = path / "experiment.json"
    content = read_json(file)
    if content is None:
        return None
    if not content.get("arms", True):
        exact = _parsed(file, ExactClaim, content)
        if exact.tuning:
            raise damaged(file, "has tuned arms and declares none")
        return exact
    declared = _parsed(file, StoredExperiment, content)
    try:
        for arm in declared.arms:
            checks.directory_name("The arm", arm)
        named = list(_arms_named(declared))
    except DeclarationError as error:
        raise damaged(file, f"is damaged: {str(error).rstrip('.')}") from None
    for arm, tuned in (declared.tuning or {}).items():
        if len({len(row.scores or ()) for row in tuned.tried or ()}) > 1:
            raise damaged(file, f"has points of {arm!r} that were tried with different numbers of seeds")
    for name in named:
        if name not in declared.arms:
            raise damaged(file, f"is about the arm {name!r} and declares no arm of that name")
    return declared


def _parsed(file: Path, kind: type[T], content: Mapping[str, Any]) -> T:
    try:
        return kind.of(content)
    except MisfitError as place:
        raise damaged(file, f"is damaged: {place} is missing or not of its kind") from None


def _arms_named(declared: StoredExperiment) -> Iterator[str]:
    yield declared.baseline
    yield from declared.tuning or ()
    for stored in declared.hypotheses:
        metric = stored.metric or declared.metric
        arm: Any = stored.arm
        if isinstance(arm, list):
            if stored.values is not None and len(stored.values) != len(arm):
                raise DeclarationError(f"the trend over {arm!r} has {len(stored.values)} values")
            arm = tuple(arm) if stored.values is None else dict(zip(arm, stored.values, strict=True))
        more_than: Any = stored.more_than
        hypothesis = Hypothesis(
            arm, stored.direction, stored.by, Metric(metric.name, metric.goal), stored.against, stored.claim or "",
            more_than,
        )  # fmt: skip
        yield from hypothesis.named


class Snapshot:
    """Runs as they are found, each read once. For a time in which nothing is trained, with many looks at them.

    Example:
        >>> read = Snapshot()
        >>> read(Path("logs/topic.claim/arm/seed-3")).status
        'incomplete'
    """

    def __init__(self) -> None:
        self._runs: dict[Path, Run] = {}

    def __call__(self, path: Path) -> Run:
        """As `read_run`."""
        if path not in self._runs:
            self._runs[path] = read_run(path)
        return self._runs[path]


def runs(experiment_path: Path, read: Read = read_run) -> Iterator[Run]:
    """All runs of one experiment, by arm and then by seed."""
    paths = [path for path in experiment_path.glob("*/seed-*") if path.name[5:].isdecimal() and path.is_dir()]
    yield from map(read, sorted(paths, key=lambda path: (path.parent.name, int(path.name[5:]))))


def check_logdir(logdir: Path) -> Path:
    """`logdir`, if it is a directory or can become one.

    Raises:
        ProblemError: it is a file, or lies under one.
        PermissionError: it cannot be written.
    """
    existing = next(path for path in [logdir, *logdir.resolve().parents] if path.exists())
    if not existing.is_dir():
        raise ProblemError(
            f"The log directory {str(logdir)!r} cannot be used: {existing} is a file. Name a directory with --logdir."
        )
    if not os.access(existing, os.W_OK):
        raise PermissionError(errno.EACCES, "The log directory cannot be written", str(logdir))
    return logdir


def lost_events(path: Path, event_files: Mapping[str, int]) -> list[str]:
    """The event files that are missing, shorter than they were, or links, by their path in the run's directory."""
    sizes = {name: (path / name).stat().st_size if (path / name).is_file() else -1 for name in event_files}
    return [name for name, size in event_files.items() if sizes[name] < size or (path / name).is_symlink()]


def begin(path: Path, record: Mapping[str, Any], event_files: Mapping[str, int] | None = None) -> None:
    """Start or resume a run in `path`, and write run.json.

    A new start removes all that an interrupted attempt left. Resuming keeps it, except what is only written once
    training has ended, and event files, or parts of them, that were written after the checkpoint.

    Args:
        path: the run's directory.
        record: for run.json.
        event_files: how many bytes to keep of each, by its path in the directory; None for a new start.
    """
    resumed = event_files is not None
    results = [] if resumed else [path / "history.csv", path / "best.weights.h5"]
    for leftover in (path / "DONE", path / row_outcomes.FILE, *results, *path.glob(".tmp-*")):
        leftover.unlink(missing_ok=True)
    if not resumed:
        drop_checkpoints(path)
    for file in path.glob("*/events.out.tfevents.*"):
        kept = (event_files or {}).get(str(file.relative_to(path)))
        if kept is None:
            file.unlink()
        else:
            os.truncate(file, kept)
    write_json(path / "run.json", record)


def drop_checkpoints(path: Path) -> None:
    """Remove the checkpoints of a run that will not be resumed."""
    shutil.rmtree(path / CHECKPOINTS, ignore_errors=True)


def finish(path: Path, record: Mapping[str, Any]) -> None:
    """Write a run's final record. Unless it failed, write DONE, the last file of all, and drop its checkpoints."""
    write_json(path / "run.json", record)
    if record["status"] != "failed":
        write_text(path / "DONE", f"{record['status']}\n")
        drop_checkpoints(path)


def move_aside(path: Path, now: datetime | None = None) -> Path | None:
    """Rename an experiment's directory out of the way; return where it went, None if there was nothing to move."""
    if not path.exists():
        return None
    stamp = (now or datetime.now(UTC)).strftime("%Y%m%d-%H%M%S")
    aside = path.parent / ASIDE / f"{path.name}-{stamp}"
    aside.parent.mkdir(exist_ok=True)
    return path.rename(aside)


def write_history(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write history.csv: one row an epoch, columns in the order in which they first appear."""
    write_text(path / "history.csv", as_csv(rows))


def read_history(path: Path) -> dict[str, list[float]]:
    """The columns of a run's history.csv by name; an empty cell is NaN, and a run without the file has no columns.

    Raises:
        ProblemError: the file is damaged; names it.
    """
    file = path / "history.csv"
    try:
        text = read_text(file)
        head, *rows = csv.reader(io.StringIO(text)) if text else [[]]
        if not text.endswith("\n") or len(set(head)) < len(head) or any(len(row) != len(head) for row in rows):
            raise ValueError("it is incomplete")
        return {name: [float(row[i]) if row[i] else math.nan for row in rows] for i, name in enumerate(head)}
    except FileNotFoundError:
        return {}
    except PermissionError:
        raise
    except (ValueError, OSError, csv.Error) as error:
        raise damaged(file, f"cannot be read: {error}") from None
