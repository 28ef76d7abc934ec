"""Simulated studies: their verdicts at every planned look, and what share of the studies said something wrong."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from folklore.declare.hypothesis import Direction
from folklore.evidence import sequential
from folklore.evidence.sample import Means
from folklore.evidence.verdict import Evidence, Verdict, judge

LOOKS, END = sequential.LOOKS, sequential.LOOKS[-1]
Reading = Sequence[Sequence[Verdict]]  # of a study: by look, by hypothesis
Row = dict[str, str]
WRONG_OF_EQUAL_ARMS: dict[Direction, tuple[str, ...]] = {
    "better": ("supported", "refuted"),
    "no difference": ("refuted",),
    "not worse": ("refuted",),
}


def evidence(
    effects: np.ndarray, direction: Direction, delta: float, look: int, from_rows: Sequence[float] = ()
) -> list[Evidence]:
    """The evidence at one of the planned looks, all earlier looks taken.

    Args:
        effects: shape (hypotheses, seeds).
        direction: of every hypothesis.
        delta: the smallest effect that matters.
        look: its place in `LOOKS`.
        from_rows: the part of each effect's variance that comes from shared test rows; () for none.
    """
    n, rows = LOOKS[look], from_rows or [0.0] * len(effects)
    seeds = tuple(range(n))
    return [
        Evidence(Means(values[:n], extra), seeds, direction, delta, LOOKS[:look])
        for values, extra in zip(effects, rows, strict=True)
    ]


def read(effects: np.ndarray, direction: Direction, delta: float, *, until_decided: bool) -> Reading:
    """The verdicts of one study: at all planned looks, or until the size of every effect is settled."""
    found: list[list[Verdict]] = []
    for look in range(len(LOOKS)):
        found.append(judge(evidence(effects, direction, delta, look)))
        if until_decided and all(verdict.size == "settled" for verdict in found[-1]):
            break
    return found


def says(reading: Reading, words: Sequence[str]) -> bool:
    """Whether any hypothesis has one of these words at any look."""
    return any(verdict.word in words for verdicts in reading for verdict in verdicts)


def end(reading: Reading) -> Verdict:
    """The last verdict on the first hypothesis."""
    return reading[-1][0]


def seeds_taken(reading: Reading) -> int:
    """The number of seeds at the last look."""
    return LOOKS[len(reading) - 1]


def percent(found: Iterable[bool]) -> str:
    """The share of studies, such as "2.4 %"."""
    return f"{np.mean(list(found)):.1%}".replace("%", " %")


def standard_error(studies: int, share: float) -> float:
    """Of a share that so many studies measure."""
    return float(np.sqrt(share * (1 - share) / studies))


def in_processes(cell: Callable[..., Row], arguments: Sequence[tuple[Any, ...]], jobs: int) -> list[Row]:
    """The rows of a table, each computed by a call of its own; their order does not depend on the processes."""
    if jobs == 1:
        return [cell(*each) for each in arguments]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=threadpool_limits, initargs=(1,)) as pool:
        return list(pool.map(cell, *zip(*arguments, strict=True)))
