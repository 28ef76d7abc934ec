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
        doubt: why a word, or a settled size, that the interval alone would give is not given; "" otherwise.
        step: of a trend that a step refutes, its place; None otherwise.
    """

    word: Word
    size: Size | None
    lo: float
    hi: float
    confidence: float
    doubt: str = ""
    step: int | None = None


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


def relied_upon(
    word: Word, size: Size | None, direction: Direction, delta: float, effect: float
) -> list[tuple[float, bool]]:
    """The bounds that the effect must pass for a word and a size; for "undecided", those for "supported"."""
    within = [(-delta, True), (delta, False)]
    if word == "no practical difference" or (direction == "no difference" and word != "refuted"):
        return within
    if direction == "not worse":
        return [(-delta, word != "refuted")]
    if direction == "no difference":
        return [(delta, True) if effect > 0 else (-delta, False)]
    above = word != "refuted"
    settled = size == "settled" and word != "undecided"
    return [((delta if above else -delta) if settled else 0.0, above)]


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
    doubt, step = "", None
    if size:  # otherwise the interval passes nothing, and what is beyond doubt does not either
        word, size, doubt = _beyond_doubt(evidence, level, word, size)
    if word == "supported" and evidence.steps:
        word, size, step_doubt, step = _in_every_step(evidence, level, size)
        doubt = step_doubt or doubt
    return Verdict(word, size, lo, hi, 1 - level, doubt, step)


def _beyond_doubt(evidence: Evidence, level: float, word: Word, size: Size) -> tuple[Word, Size | None, str]:
    """The word and size that all tests allow, and why they are not those of the interval alone."""
    sample, direction, delta = evidence.sample, evidence.direction, evidence.delta
    allowed = read(lambda bound, above: p_value(sample, bound, above) <= level, direction, delta)
    if allowed == (word, size):
        return word, size, ""
    why = f"the interval alone would say {_said(word, size)}, but"
    for bound, above in relied_upon(word, size, direction, delta, sample.effect):
        p, place = sample.p_without_one(bound, above)
        if p > level:
            return *allowed, f"{why} not without seed {evidence.seeds[place]}"
        for name, p in sample.p_of_tests(bound, above).items():
            if p > level:
                return *allowed, f"{why} {name} does not agree (p = {p:.2g}, the level is {level:.2g})"
    return *allowed, f"{why} the tests beside it do not agree"


def _said(word: Word, size: Size | None) -> str:
    return repr(word) if size == "settled" else f"'{word}, size open'"


def _in_every_step(evidence: Evidence, level: float, size: Size | None) -> tuple[Word, Size | None, str, int | None]:
    """The verdict on "the more, the better", of which the slope is supported: no step may lose what matters.

    The steps share the level at which one of them refutes the claim; all must hold for it to be supported.
    """
    for place, (name, step) in enumerate(evidence.steps):
        if p_value(step, -evidence.delta, above=False) * len(evidence.steps) <= level:
            return "refuted", "settled", f"the slope is supported, but the step {name} goes the other way", place
    for name, step in evidence.steps:
        if not p_value(step, -evidence.delta, above=True) <= level:
            return "undecided", None, f"the slope is supported, but the step {name} may go the other way", None
    return "supported", size, "", None


def claims_p(evidence: Evidence, verdict: Verdict, end: int) -> tuple[float, float]:
    """The p-value and the e-value of the verdict's own claim; of "supported", where the verdict is undecided.

    p is the smallest alpha at which the word would have been given, with the looks that were taken. Several bounds, as
    for "no practical difference", must all be passed, so the largest p and the smallest e count.
    """
    sample = evidence.sample
    if sample.n < LEAST:
        return float("nan"), float("nan")
    if verdict.step is not None:
        sample, bounds, times = evidence.steps[verdict.step][1], [(-evidence.delta, False)], len(evidence.steps)
    else:  # a word holds whether or not its size is settled
        bounds, times = relied_upon(verdict.word, "open", evidence.direction, evidence.delta, sample.effect), 1
    p = min(1.0, times * max(p_value(sample, *bound) for bound in bounds))
    if evidence.steps and verdict.word in ("supported", "undecided"):
        p = max(p, *(p_value(step, -evidence.delta, above=True) for _, step in evidence.steps))
    e = min(sample.e_value(*bound) for bound in bounds) / times
    return sequential.adjusted(p, evidence.taken, end), e
