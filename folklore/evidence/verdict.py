"""From evidence to a verdict, by the rules of evidence (docs/evidence.md)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from folklore.declare.hypothesis import Direction
from folklore.evidence import sequential

Word = Literal["supported", "refuted", "no practical difference", "undecided"]
LEAST = sequential.LOOKS[0]  # seeds: fewer never give a verdict
_LATER = (*sequential.LOOKS, 40, 50, 60, 80, 100, 150, 200, 300, 500, 1_000)


@dataclass(frozen=True)
class Evidence:
    """The evidence on one hypothesis.

    Attributes:
        effect: estimated, positive in the claimed direction; for "no difference", in the direction of better.
        n: seeds behind it.
        interval: (lo, hi) of the effect, given a confidence and a number of seeds. For `n` seeds it is the observed
            interval, for other numbers the expected one if effect and spread stayed the same.
        direction: what is claimed.
        delta: the smallest effect that matters.
    """

    effect: float
    n: int
    interval: Callable[[float, int], tuple[float, float]]
    direction: Direction
    delta: float


@dataclass(frozen=True)
class Verdict:
    """A verdict, and the interval that it was read from.

    Attributes:
        confidence: of the interval: 1 - level of this look, with alpha shared among the experiment's hypotheses.
        seeds_needed: how many seeds would decide it at the observed effect and spread; None if it is decided, or if a
            thousand seeds would not decide it.
    """

    word: Word
    lo: float
    hi: float
    confidence: float
    seeds_needed: int | None


def read(lo: float, hi: float, direction: Direction, delta: float) -> Word:
    """The verdict that an interval of the effect gives.

    The effect is positive in the claimed direction. An interval inside (-delta, delta) means no practical difference,
    which supports a claim of no difference. Otherwise an interval above 0 supports a claim of better or worse, and an
    interval below 0 refutes it; both refute a claim of no difference.
    """
    inside, none_claimed = -delta < lo and hi < delta, direction == "no difference"
    if inside:
        return "supported" if none_claimed else "no practical difference"
    if lo > 0:
        return "refuted" if none_claimed else "supported"
    return "refuted" if hi < 0 else "undecided"


def judge(
    evidence: Sequence[Evidence], end: int = sequential.LOOKS[-1], alpha: float = sequential.ALPHA
) -> list[Verdict]:
    """The verdicts on the hypotheses of one experiment.

    Each has an equal part of alpha to spend over its looks (Bonferroni), so the chance that any of their intervals ever
    misses is at most alpha, whichever of the three decided verdicts would be wrong. Passing on the part of decided
    hypotheses, as Holm does with p-values, would break this: "no practical difference" is a decision too.

    Args:
        evidence: one for each hypothesis.
        end: seeds at the last planned look.
        alpha: error to spend.
    """
    return [_at(each, end, alpha / len(evidence)) for each in evidence]


def _at(evidence: Evidence, end: int, alpha: float) -> Verdict:
    if evidence.n < LEAST:
        lo, hi = evidence.interval(1 - sequential.ALPHA, evidence.n)
        return Verdict("undecided", lo, hi, 1 - sequential.ALPHA, seeds_needed(evidence, end, alpha))
    confidence = 1 - sequential.level(evidence.n, end, alpha)
    lo, hi = evidence.interval(confidence, evidence.n)
    word = read(lo, hi, evidence.direction, evidence.delta)
    needed = seeds_needed(evidence, end, alpha) if word == "undecided" else None
    return Verdict(word, lo, hi, confidence, needed)


def seeds_needed(evidence: Evidence, end: int = sequential.LOOKS[-1], alpha: float = sequential.ALPHA) -> int | None:
    """The first look that would decide if effect and spread stayed the same; None if a thousand seeds would not.

    A look after the planned end has the level that it would have as the planned end.
    """
    if evidence.n < 2:
        return LEAST
    for n in (later for later in _LATER if later > evidence.n):
        lo, hi = evidence.interval(1 - sequential.level(n, end, alpha), n)
        if read(lo, hi, evidence.direction, evidence.delta) != "undecided":
            return n
    return None
