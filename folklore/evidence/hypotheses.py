"""From arms' values to the hypotheses' verdicts, with the numbers that stand beside them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from folklore.declare import metrics
from folklore.declare.hypothesis import Direction
from folklore.evidence import statistics
from folklore.evidence.comparison import JudgedHypothesis
from folklore.evidence.verdict import LEAST, Evidence, Verdict, judge
from folklore.storage.schema import StoredExperiment, StoredMetric

Values = Mapping[str, Mapping[int, float]]  # arm to seed to value


@dataclass(frozen=True)
class AskedHypothesis:
    """A stored hypothesis with the experiment's metric, baseline and claim where it names none of its own.

    Attributes:
        arm: an arm, or those of a trend in order.
        against: an arm, or a number; None for a trend.
    """

    arm: str | list[str]
    against: str | float | None
    metric: StoredMetric
    direction: Direction
    by: float
    claim: str

    @property
    def needed(self) -> list[str]:
        """The arms that it is about, and the arm that they are compared with."""
        arms = self.arm if isinstance(self.arm, list) else [self.arm]
        return [*arms, self.against] if isinstance(self.against, str) else arms

    @property
    def is_rate(self) -> bool:
        """Whether the metric is 0 or 1, so that its mean is a rate."""
        return metrics.parse(self.metric.name).is_rate

    @property
    def sign(self) -> int:
        """1 where a larger metric is in the claimed direction; "no difference" counts in the direction of better."""
        return (1 if self.metric.goal == "max" else -1) * (-1 if self.direction == "worse" else 1)


def asked(declared: StoredExperiment) -> list[AskedHypothesis]:
    """The hypotheses of an experiment, filled in."""
    return [
        AskedHypothesis(
            stored.arm,
            declared.baseline if stored.against is None and isinstance(stored.arm, str) else stored.against,
            stored.metric or declared.metric,
            stored.direction,
            stored.by,
            stored.claim or declared.claim,
        )
        for stored in declared.hypotheses
    ]


def assess(
    hypotheses: Sequence[AskedHypothesis], values: Callable[[str], Values], end: int, withheld: Sequence[str | None]
) -> list[JudgedHypothesis]:
    """The hypotheses of one experiment with their verdicts.

    Args:
        hypotheses: all of them; they share the error.
        values: of a metric, by its name.
        end: seeds at the last planned look.
        withheld: for each hypothesis, the reason to withhold its verdict, or None.
    """
    of = [values(hypothesis.metric.name) for hypothesis in hypotheses]
    effects = [_effects(hypothesis, found) for hypothesis, found in zip(hypotheses, of, strict=True)]
    parts = list(zip(hypotheses, effects, of, strict=True))
    evidence = [_evidence(*part) for part in parts]
    p = [finite_or_none(_p_value(*part)) for part in parts]
    adjusted = iter(statistics.holm([value for value in p if value is not None]))
    return [
        _judged(hypothesis, effect, found, verdict, reason, None if raw is None else next(adjusted), raw)
        for hypothesis, effect, found, verdict, reason, raw in zip(
            hypotheses, effects, evidence, judge(evidence, end), withheld, p, strict=True
        )
    ]


def _effects(hypothesis: AskedHypothesis, values: Values) -> dict[int, float]:
    """By seed, positive in the claimed direction, for the seeds that have it."""
    against, needed = hypothesis.against, hypothesis.needed
    seeds = sorted(set.intersection(*(set(values[name]) for name in needed)))
    table = np.array([[values[name][seed] for name in needed] for seed in seeds]).reshape(-1, len(needed))
    if against is None:
        found = statistics.linear_contrast(table)
    else:
        found = table[:, 0] - (table[:, 1] if isinstance(against, str) else against)
    return dict(zip(seeds, (hypothesis.sign * found).tolist(), strict=True))


def _evidence(hypothesis: AskedHypothesis, by_seed: Mapping[int, float], values: Values) -> Evidence:
    effects = np.array(list(by_seed.values()))
    mean, std = float(effects.mean()) if len(effects) else math.nan, statistics.sample_std(effects)

    def interval(confidence: float, n: int) -> tuple[float, float]:
        if hypothesis.is_rate:
            return _rate_interval(hypothesis, values, confidence, n)
        return statistics.t_from_moments(mean, std, n, confidence)

    return Evidence(mean, len(effects), interval, hypothesis.direction, hypothesis.by)


def _rate_interval(hypothesis: AskedHypothesis, values: Values, confidence: float, n: int) -> tuple[float, float]:
    """The interval of a rate minus another or a number, positive in the claimed direction, at the observed rates."""
    seen = [list(values[name].values()) for name in hypothesis.needed]
    if not all(seen):
        return math.nan, math.nan
    hits = [round(sum(outcomes) / len(outcomes) * n) for outcomes in seen]
    if isinstance(hypothesis.against, int | float):
        low, high = statistics.wilson_interval(hits[0], n, confidence)
        bounds = low - hypothesis.against, high - hypothesis.against
    else:
        bounds = statistics.newcombe_difference(hits[0], n, hits[1], n, confidence)
    lo, hi = sorted(hypothesis.sign * bound for bound in bounds)
    return lo, hi


def _p_value(hypothesis: AskedHypothesis, by_seed: Mapping[int, float], values: Values) -> float:
    if len(by_seed) < 2:
        return math.nan
    if not hypothesis.is_rate:
        return statistics.paired_t(list(by_seed.values()))
    arms = [values[name] for name in hypothesis.needed]
    if isinstance(hypothesis.against, int | float):
        return statistics.binomial_test(int(sum(arms[0].values())), len(arms[0]), hypothesis.against)
    return statistics.mcnemar(*([arm[seed] for seed in by_seed] for arm in arms))


def _judged(
    hypothesis: AskedHypothesis,
    by_seed: Mapping[int, float],
    evidence: Evidence,
    verdict: Verdict,
    withheld: str | None,
    p: float | None,
    p_unadjusted: float | None,
) -> JudgedHypothesis:
    effects = list(by_seed.values())
    enough = evidence.n >= LEAST and not hypothesis.is_rate
    return JudgedHypothesis(
        claim=hypothesis.claim,
        arm=hypothesis.arm,
        against=hypothesis.against,
        metric=hypothesis.metric.name,
        goal=hypothesis.metric.goal,
        direction=hypothesis.direction,
        counted="worse" if hypothesis.direction == "worse" else "better",
        verdict="undecided" if withheld else verdict.word,
        withheld=withheld,
        effect=finite_or_none(evidence.effect),
        ci=finite((verdict.lo, verdict.hi)),
        confidence=verdict.confidence,
        delta=hypothesis.by,
        n=evidence.n,
        effects={str(seed): finite_or_none(effect) for seed, effect in by_seed.items()},
        seeds_needed=None if withheld else verdict.seeds_needed,
        bca=finite(statistics.bca_interval(effects, verdict.confidence)) if enough else (None, None),
        p_sign_flip=statistics.sign_flip_test(effects) if enough else None,
        p=p,
        p_unadjusted=p_unadjusted,
    )


def finite_or_none(value: float) -> float | None:
    """The value, or None for NaN and infinity, which JSON lacks."""
    return value if math.isfinite(value) else None


def finite(bounds: tuple[float, float]) -> tuple[float | None, float | None]:
    """An interval's bounds, None for those that are not finite."""
    return finite_or_none(bounds[0]), finite_or_none(bounds[1])
