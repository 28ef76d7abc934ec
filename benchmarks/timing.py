"""Paired timing: both sides take turns, so that a machine whose speed drifts slows both alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Pairs:
    """Seconds of two pieces of work, measured in turn; index k of both is one pair."""

    ours: tuple[float, ...]
    theirs: tuple[float, ...]

    @property
    def ratios(self) -> list[float]:
        """Theirs over ours, pair by pair: above 1 where ours is faster."""
        return [theirs / ours for ours, theirs in zip(self.ours, self.theirs, strict=True)]

    @property
    def ratio(self) -> float:
        """The median of the ratios."""
        return statistics.median(self.ratios)


def interleaved(
    ours: Callable[[], object],
    theirs: Callable[[], object],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> Pairs:
    """Time two pieces of work, which must be warmed up already, in turn: theirs, ours, theirs, ours, …"""
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for side, work in ((1, theirs), (0, ours)):
            begun = clock()
            work()
            seconds[side].append(clock() - begun)
    return Pairs(tuple(seconds[0]), tuple(seconds[1]))
