"""Where experiments and runs are stored. Looking for them reads no file, and imports nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

NETWORK = "network.svg"  # the diagram of an arm's network, beside its runs
LOGGED = "logged"  # the kind of an experiment whose data, recipes and budgets are unknown: nothing can repeat its runs
FIRST_TUNING_SEED = 1_000_000  # beyond all seeds of comparisons
TUNING = ".tuning"  # hidden, so that no reader takes it for an arm


def experiments(logdir: Path) -> list[Path]:
    """The directories of the experiments in `logdir`, or `logdir` itself if it is one of them."""
    if (logdir / "experiment.json").is_file():
        return [logdir]
    return sorted(path.parent for path in logdir.glob("[!.]*/experiment.json"))


def event_files(logdir: Path) -> Iterator[Path]:
    """TensorBoard's event files below a directory, whoever wrote them, but for hidden folders, such as `.board`."""
    for path in logdir.rglob("*tfevents*"):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(logdir).parts):
            yield path


def run_path(logdir: Path, experiment: str, arm: str, seed: int) -> Path:
    """The directory of one run."""
    return logdir / experiment / arm / f"seed-{seed}"


def tuning_path(logdir: Path, experiment: str, arm: str, point: Mapping[str, Any], seed: int) -> Path:
    """The directory of a run that tries one point of an arm's grid."""
    values = ", ".join(f"{setting}={value}" for setting, value in point.items())
    return logdir / experiment / TUNING / arm / values / f"seed-{seed}"


def tuning_point(path: Path) -> str | None:
    """The point that a run's directory is named after, such as "batch_size=64"; None for a run of the comparison."""
    return path.parent.name if TUNING in path.parts[-4:-3] else None


def run_beside(path: Path, experiment: str, arm: str, seed: int) -> Path:
    """The directory of another run in the log directory that holds the run at `path`."""
    return run_path(path.parents[2 if tuning_point(path) is None else 4], experiment, arm, seed)
