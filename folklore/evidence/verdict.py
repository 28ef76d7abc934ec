"""From evidence to a verdict, by the rules of evidence (docs/evidence.md)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from folklore.declare.hypothesis import Direction
from folklore.evidence import sequential
from folklore.evidence.sample import Sample, p_value

Word = Literal["supported", "refuted", "no practical difference", "undecided"]
Size = Literal["settled", "open"]
Passes = Callable[[float, bool], bool]  # whether the effect lies above, or below, a bound
LEAST = sequential.LOOKS[0]  # seeds: fewer never give a verdict


@dataclass(frozen=True, eq=False)
class Evidence:
    """The evidence on one hypothesis.

    Attributes:
        sample: the effect by seed, positive in the claimed direction; for "no difference", in the direction of better.
        seeds: their numbers.
        direction: what is claimed.
        delta: the smallest effect that matters.
        looks: the numbers of seeds at which its verdict was read before.
        steps: of a claim "the more, the better", the effect of each step from one arm to the next, by its name.
    """

    sample: Sample
    seeds: tuple[int, ...]
    direction: Direction
    delta: float
    looks: tuple[int, ...] = ()
    steps: tuple[tuple[str, Sample], ...] = ()

    @property
    def taken(self) -> tuple[int, ...]:
        """The looks that count, this one last."""
        n = self.sample.n
        return (*sorted({look for look in self.looks if look < n}), n)


@dataclass(frozen=True)
class Verdict:
    """A verdict, and the interval that it was read from.

    Attributes:
        word: see `read`.
        size: "settled" if the interval also says whether the effect matters, "open" if it only says that there is one;
            None where it says neither.
        confidence: of the interval: 1 - level of this look, with alpha shared among the experiment's hypotheses.
        doubt: why a word that the interval alone would give is not given; "" otherwise.
    """

    word: Word
    size: Size | None
    lo: float
    hi: float
    confidence: float
    doubt: str = ""


def read(passes: Passes, direction: Direction, delta: float) -> tuple[Word, Size | None]:
    """The verdict, and whether the size of the effect is settled.

    The effect is positive in the claimed direction. Direction and size are two things: an effect that is not 0 may
    still be too small to matter.

    Args:
        passes: whether the effect lies above (True) or below (False) a bound.
        direction: what is claimed.
        delta: the smallest effect that matters.

    Example:
        >>> read(interval_passes(0.1, 2.0), "better", 1.0)
        ('supported', 'open')
        >>> read(interval_passes(0.1, 2.0), "no difference", 1.0)
        ('undecided', 'open')
        >>> read(interval_passes(-0.5, 2.0), "not worse", 1.0)
        ('supported', 'settled')
    """
    above_loss, below_loss = passes(-delta, True), passes(-delta, False)
    if direction == "not worse":
        return ("supported", "settled") if above_loss else ("refuted", "settled") if below_loss else ("undecided", None)
    none_claimed = direction == "no difference"
    if above_loss and passes(delta, False):
        return "supported" if none_claimed else "no practical difference", "settled"
    if passes(delta, True):
        return "refuted" if none_claimed else "supported", "settled"
    if below_loss:
        return "refuted", "settled"
    for above, word in ((True, "supported"), (False, "refuted")):
        if passes(0.0, above):
            return "undecided" if none_claimed else word, "open"  # type: ignore[return-value]
    return "undecided", None


def interval_passes(lo: float, hi: float) -> Passes:
    """What an interval says; it passes a bound above 0, from above, or below 0, from below, where it begins there."""
    return lambda bound, above: (lo > bound or lo == bound > 0) if above else (hi < bound or hi == bound < 0)


def relied_upon(word: Word, direction: Direction, delta: float, effect: float) -> list[tuple[float, bool]]:
    """The bounds that the effect must pass for a word; for "undecided", those for "supported"."""
    within = [(-delta, True), (delta, False)]
    if word == "no practical difference" or (direction == "no difference" and word != "refuted"):
        return within
    if direction == "no difference":
        return [(delta, True) if effect > 0 else (-delta, False)]
    bound = -delta if direction == "not worse" else 0.0
    return [(bound, word != "refuted")]


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
    sample, direction, delta = evidence.sample, evidence.direction, evidence.delta
    if sample.n < LEAST:
        return Verdict("undecided", None, *sample.interval(sequential.ALPHA), 1 - sequential.ALPHA)
    level = sequential.level(evidence.taken, end, alpha)
    lo, hi = sample.interval(level)
    word, size = read(interval_passes(lo, hi), direction, delta)
    doubt = ""
    if size:  # otherwise the interval passes nothing, and what is beyond doubt does not either
        word, size, doubt = _beyond_doubt(evidence, level, word)
    if word == "supported" and evidence.steps:
        word, step_doubt = _in_every_step(evidence, level)
        size, doubt = (size if word == "supported" else None), doubt or step_doubt
    return Verdict(word, size, lo, hi, 1 - level, doubt)


def _beyond_doubt(evidence: Evidence, level: float, by_interval: Word) -> tuple[Word, Size | None, str]:
    sample = evidence.sample
    word, size = read(lambda b, above: p_value(sample, b, above) <= level, evidence.direction, evidence.delta)
    if word == by_interval or by_interval == "undecided":
        return word, size, ""
    why = f"the interval alone would say {by_interval!r}, but "
    for bound, above in relied_upon(by_interval, evidence.direction, evidence.delta, sample.effect):
        p, place = sample.p_without_one(bound, above)
        if p > level:
            return "undecided", size, f"{why}not without seed {evidence.seeds[place]}"
        for name, p in sample.p_of_tests(bound, above).items():
            if p > level:
                return "undecided", size, f"{why}{name} does not agree (p = {p:.2g}, the level is {level:.2g})"
    return "undecided", size, f"{why}the tests that stand beside it do not agree"


def _in_every_step(evidence: Evidence, level: float) -> tuple[Word, str]:
    """The word on "the more, the better", of which the slope is supported: no step may lose what matters."""
    for name, step in evidence.steps:
        if step.interval(level)[1] < -evidence.delta:
            return "refuted", f"the slope is supported, but the step {name} goes the other way"
    for name, step in evidence.steps:
        if not p_value(step, -evidence.delta, above=True) <= level:
            return "undecided", f"the slope is supported, but the step {name} may go the other way"
    return "supported", ""


def claims_p(evidence: Evidence, verdict: Verdict, end: int) -> tuple[float, float]:
    """The p-value and the e-value of the verdict's own claim; of "supported", where the verdict is undecided.

    p is the smallest alpha at which the word would have been given, with the looks that were taken. Several bounds, as
    for "no practical difference", must all be passed, so the largest p and the smallest e count.
    """
    sample = evidence.sample
    if sample.n < LEAST:
        return float("nan"), float("nan")
    bounds = relied_upon(verdict.word, evidence.direction, evidence.delta, sample.effect)
    p = max(p_value(sample, *bound) for bound in bounds)
    if evidence.steps and verdict.word in ("supported", "undecided"):
        p = max(p, *(p_value(step, -evidence.delta, above=True) for _, step in evidence.steps))
    return sequential.adjusted(p, evidence.taken, end), min(sample.e_value(*bound) for bound in bounds)
