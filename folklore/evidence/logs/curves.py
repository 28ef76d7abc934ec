"""Curves of an arm: mean over seeds and its interval, epoch by epoch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import special

from folklore.storage import run_directory

SHOWN = ("train", "validation", "test", "logged", "running", "probe")


@dataclass(frozen=True)
class Band:
    """A metric's course in one arm.

    Attributes:
        epochs: from 1, shape (epochs,).
        mean: over the runs that have the epoch, shape (epochs,).
        lo: lower bound of the 95 % interval of the mean (Student's t), NaN where fewer than two runs have the epoch.
        hi: its upper bound.
        runs: how many have the epoch.
    """

    epochs: list[int]
    mean: list[float]
    lo: list[float]
    hi: list[float]
    runs: list[int]


def histories(path: Path, arms: Iterable[str]) -> dict[str, dict[int, dict[str, list[float]]]]:
    """The histories of an experiment's ended runs, by arm, seed and column."""
    found: dict[str, dict[int, dict[str, list[float]]]] = {arm: {} for arm in arms}
    for run in run_directory.runs(path):
        if run.done and run.arm in found:
            found[run.arm][run.seed] = run_directory.read_history(run.path)
    return found


def metrics_of(runs: Mapping[str, Mapping[int, Mapping[str, Sequence[float]]]]) -> list[str]:
    """The metrics that histories hold, train and validation first."""
    names = {name for seeds in runs.values() for columns in seeds.values() for name in columns}
    shown = [name for name in names if name.partition("/")[0] in SHOWN]
    return sorted(shown, key=lambda name: (SHOWN.index(name.partition("/")[0]), name))


def band(runs: Mapping[int, Mapping[str, Sequence[float]]], metric: str) -> Band | None:
    """The band of one metric over an arm's runs, up to the epoch that half of them reach; None if none has it.

    Runs stop early; after that epoch, the mean would only be over the few runs that continued.
    """
    courses = [np.asarray(columns[metric], dtype=float) for columns in runs.values() if columns.get(metric)]
    if not courses:
        return None
    length = sorted(map(len, courses))[len(courses) // 2]
    table = np.full((len(courses), length), np.nan)
    for row, course in zip(table, courses, strict=True):
        row[: min(len(course), length)] = course[:length]
    finite = np.isfinite(table)
    count = finite.sum(0)
    some = np.maximum(count, 1)
    mean = np.where(finite, table, 0).sum(0) / some
    spread = np.where(finite, table - mean, 0)
    error = np.sqrt((spread**2).sum(0) / np.maximum(count - 1, 1) / some)
    half = np.where(count > 1, special.stdtrit(np.maximum(count - 1, 1), 0.975) * error, np.nan)
    mean = np.where(count > 0, mean, np.nan)
    return Band(
        list(range(1, length + 1)), mean.tolist(), (mean - half).tolist(), (mean + half).tolist(), count.tolist()
    )
