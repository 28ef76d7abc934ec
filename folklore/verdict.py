"""From evidence to a verdict, by the rules of evidence (docs/evidence.md)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

from folklore import looks
from folklore.spec import Direction

Word = Literal["supported", "refuted", "no practical difference", "undecided"]
LEAST = looks.LOOKS[0]  # seeds: fewer never give a verdict
_LATER = (*looks.LOOKS, 40, 50, 60, 80, 100, 150, 200, 300, 500, 1_000)


@dataclass(frozen=True)
class Evidence:
    """What the runs say about one hypothesis.

    Attributes:
        effect: estimated, positive in the claimed direction; for "no difference", in the direction of better.
        n: seeds behind it.
        std: sample standard deviation of the effect from seed to seed.
        interval: (lo, hi) of the effect at a confidence.
        direction: what is claimed.
        delta: the smallest effect that matters.
    """

    effect: float
    n: int
    std: float
    interval: Callable[[float], tuple[float, float]]
    direction: Direction
    delta: float


@dataclass(frozen=True)
class Verdict:
    """A verdict, and the interval that it was read from.

    Attributes:
        confidence: of the interval: 1 - level of this look, with alpha shared among the hypotheses that are open.
        seeds_needed: how many seeds would decide it at the observed effect and spread; None where it is decided, or
            where a thousand would not.
    """

    word: Word
    lo: float
    hi: float
    confidence: float
    seeds_needed: int | None


def read(lo: float, hi: float, direction: Direction, delta: float) -> Word:
    """The verdict that an interval of the effect gives.

    With the effect counted in the claimed direction: supported where all of the interval is above 0, refuted where all
    of it is below, unless it lies wholly inside (-delta, delta): no practical difference, which is what a claim of no
    difference needs.
    """
    inside, none_claimed = -delta < lo and hi < delta, direction == "no difference"
    if inside:
        return "supported" if none_claimed else "no practical difference"
    if lo > 0:
        return "refuted" if none_claimed else "supported"
    return "refuted" if hi < 0 else "undecided"


def judge(evidence: Sequence[Evidence], alpha: float = looks.ALPHA) -> list[Verdict]:
    """The verdicts on the hypotheses of one experiment, Holm-adjusted.

    Each is first given an equal part of alpha to spend over its looks; those that are still open then share all of it,
    and so on until none is decided (Holm 1979, step-down).
    """
    verdicts: dict[int, Verdict] = {}
    while True:
        remaining = [index for index in range(len(evidence)) if index not in verdicts]
        found = {index: _at(evidence[index], len(remaining), alpha) for index in remaining}
        decided = {index: verdict for index, verdict in found.items() if verdict.word != "undecided"}
        verdicts |= decided or found
        if not decided or len(decided) == len(remaining):
            return [verdicts[index] for index in range(len(evidence))]


def _at(evidence: Evidence, sharing: int, alpha: float) -> Verdict:
    if evidence.n < LEAST:
        confidence = 1 - alpha
        word: Word = "undecided"
        lo, hi = evidence.interval(confidence)
    else:
        confidence = 1 - looks.level(evidence.n, alpha / sharing)
        lo, hi = evidence.interval(confidence)
        word = read(lo, hi, evidence.direction, evidence.delta)
    needed = seeds_needed(evidence, sharing, alpha) if word == "undecided" else None
    return Verdict(word, lo, hi, confidence, needed)


def seeds_needed(evidence: Evidence, sharing: int = 1, alpha: float = looks.ALPHA) -> int | None:
    """The first look at which Student's interval would decide, if effect and spread stayed what they are."""
    if evidence.n < 2:
        return LEAST
    for n in (later for later in _LATER if later > evidence.n):
        quantile = special.stdtrit(n - 1, 1 - looks.level(n, alpha / sharing) / 2)
        half = quantile * evidence.std / np.sqrt(n)
        if read(evidence.effect - half, evidence.effect + half, evidence.direction, evidence.delta) != "undecided":
            return n
    return None
