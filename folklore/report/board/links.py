"""Links to the runs of single seeds, no more than TensorBoard draws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import groupby
from pathlib import Path

from folklore.storage.files import read_json

# Runs: each is two to TensorBoard, train and validation. Scalars, Text and Histograms untick all where there are more
# than 40; Time Series does not.
MOST = 20


def write(folders: Mapping[Path, Path], only: str = "*") -> tuple[int, int]:
    """Link the runs of experiments, and remove links that are not among them.

    Where there are too many, every arm has the same first seeds.

    Args:
        folders: the experiments' directories, each with the folder for its links.
        only: a pattern of the runs to choose from, such as "relu/*" or "*/seed-1?".

    Returns:
        How many runs are linked, and how many there are.
    """
    found = {run: folder / run.parent.name / run.name for path, folder in folders.items() for run in _runs(path, only)}
    chosen = {found[run]: run for run in choose(list(found))}
    for folder in folders.values():
        for link in folder.glob("*/seed-*"):
            if link not in chosen:
                link.unlink()
    for link, run in chosen.items():
        if not link.is_symlink():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(_events(run).resolve(), target_is_directory=True)
    return len(chosen), len(found)


def choose(runs: Sequence[Path], most: int = MOST) -> list[Path]:
    """The first seeds of every arm, as many as fit.

    Example:
        >>> runs = [Path(arm, f"seed-{seed}") for arm in ("a", "b") for seed in range(3)]
        >>> [str(run) for run in choose(runs, most=5)]
        ['a/seed-0', 'b/seed-0', 'a/seed-1', 'b/seed-1']
    """
    chosen: list[Path] = []
    for _, same_seed in groupby(sorted(runs, key=_seed), key=_seed):
        more = list(same_seed)
        if chosen and len(chosen) + len(more) > most:
            break
        chosen += more
    return chosen[:most]


def _seed(run: Path) -> int:
    return int(run.name.removeprefix("seed-"))


def _events(run: Path) -> Path:
    """Where a run's event files lie: one that was read from logs of other programs names their directory."""
    record = read_json(run / "run.json") or {}
    return Path(record.get("logged_in") or run)


def _runs(path: Path, only: str) -> Iterator[Path]:
    for run in sorted(path.glob("[!.]*/seed-*")):
        if run.name.removeprefix("seed-").isdecimal() and fnmatchcase(f"{run.parent.name}/{run.name}", only):
            yield run
