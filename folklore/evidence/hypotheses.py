"""From runs' values to the hypotheses' verdicts, with the numbers that stand beside them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from folklore.declare import metrics
from folklore.evidence import forecast, sequential, statistics, two_way
from folklore.evidence.asked import AskedHypothesis
from folklore.evidence.comparison import AtPoint, Failures, JudgedHypothesis, Step
from folklore.evidence.sample import Means, Rates, Sample
from folklore.evidence.tuning_choice import as_text, point_of, variance_from_tuning
from folklore.evidence.two_way import SharedRows
from folklore.evidence.verdict import LEAST, Evidence, Verdict, claims_p, judge
from folklore.storage.schema import Tuned

Values = Mapping[str, Mapping[int, float]]  # arm to seed to value


@dataclass(frozen=True)
class Runs:
    """What the stored runs of an experiment say, for its hypotheses.

    Attributes:
        values: of a metric, by its name.
        rows: the test rows of the runs.
        end: seeds at the last planned look.
        looks: the numbers of seeds at which verdicts were read before; None where none were kept.
        sizes: the numbers of rows in the parts of the data.
        tuned: how arms were tuned whose seeds chose their own points.
    """

    values: Callable[[str], Values]
    rows: SharedRows = field(default_factory=lambda: SharedRows({}))
    end: int = sequential.LOOKS[-1]
    looks: tuple[int, ...] | None = None
    sizes: Mapping[str, float] | None = None
    tuned: Mapping[str, Tuned] = field(default_factory=dict)

    def points(self, arm: str, seeds: Sequence[int]) -> list[str]:
        """The point of its grid at which each seed of an arm was trained, as text; "" where there is no choice."""
        tuned = self.tuned.get(arm)
        return [as_text(point_of(tuned, seed)) if tuned else "" for seed in seeds]


def assess(
    hypotheses: Sequence[AskedHypothesis],
    runs: Runs,
    withheld: Sequence[str | None],
    failures: Sequence[Sequence[Failures]],
    family: int = 0,
) -> list[JudgedHypothesis]:
    """The hypotheses of one experiment with their verdicts.

    Args:
        hypotheses: all of them; they share the error.
        runs: what is known of the runs.
        withheld: for each hypothesis, the reason to withhold its verdict, or None.
        failures: for each hypothesis, those of its arms.
        family: the hypotheses among which the error is shared, where some were dropped.
    """
    evidence = [_evidence(hypothesis, runs) for hypothesis in hypotheses]
    reasons = [
        reason or _exact(each.sample, runs.values(h.metric.name))
        for reason, h, each in zip(withheld, hypotheses, evidence, strict=True)
    ]
    alpha = sequential.ALPHA / max(1, len(hypotheses), family)
    verdicts = judge(evidence, runs.end, alpha * len(hypotheses))
    claims = [
        (math.nan, math.nan) if reason else claims_p(each, verdict, runs.end)
        for each, verdict, reason in zip(evidence, verdicts, reasons, strict=True)
    ]
    adjusted = iter(statistics.holm([p for p, _ in claims if math.isfinite(p)]))
    holm = [next(adjusted) if math.isfinite(p) else None for p, _ in claims]
    return [
        _judged(h, evidence[i], verdicts[i], reasons[i], failures[i], claims[i], holm[i], alpha, runs)
        for i, h in enumerate(hypotheses)
    ]


def _evidence(hypothesis: AskedHypothesis, runs: Runs) -> Evidence:
    values = runs.values(hypothesis.metric.name)
    seeds = sorted(set.intersection(*(set(values[name]) for name in hypothesis.needed)))
    if hypothesis.is_rate:
        hits, *others = (np.array([values[arm][seed] for seed in seeds], dtype=bool) for arm in hypothesis.needed)
        sample: Sample = Rates(hits, others[0] if others else float(hypothesis.against), hypothesis.sign)  # type: ignore[arg-type]
    else:
        against = hypothesis.against if isinstance(hypothesis.against, int | float) else 0.0
        sample = _means(hypothesis.metric.name, hypothesis.weights, seeds, runs, hypothesis.sign * against)
    looks = tuple(sequential.LOOKS) if runs.looks is None else runs.looks
    in_all = hypothesis.direction in ("better", "worse")
    steps = [
        (" to ".join(map(repr, step)), _means(hypothesis.metric.name, step, seeds, runs))
        for step in (hypothesis.steps if in_all else ())
    ]
    return Evidence(sample, tuple(seeds), hypothesis.direction, hypothesis.by, looks, tuple(steps))


def _means(metric: str, weights: Mapping[str, float], seeds: Sequence[int], runs: Runs, against: float = 0.0) -> Means:
    values = runs.values(metric)
    table = np.array([[values[arm][seed] for arm in weights] for seed in seeds]).reshape(-1, len(weights))
    # Sums of a few terms, not a matrix product, which rounds 3 - 1 to another number than 2.
    effects = sum((weight * table[:, place] for place, weight in enumerate(weights.values())), np.zeros(len(seeds)))
    rows = runs.rows.variance(metric, weights, seeds) or 0.0
    return Means(effects - against, rows, _from_tuning(metric, weights, effects, seeds, runs))


def _from_tuning(
    metric: str, weights: Mapping[str, float], effects: np.ndarray, seeds: Sequence[int], runs: Runs
) -> float:
    arms = {arm: runs.tuned[arm] for arm in weights if arm in runs.tuned}
    compared_alike = [
        (weights[arm], tuned) for arm, tuned in arms.items() if metrics.for_tuning(metric, "") == tuned.monitor
    ]
    return variance_from_tuning(effects, [runs.points(arm, seeds) for arm in arms], compared_alike)


def _exact(sample: Sample, values: Values) -> str | None:
    """The reason to withhold a verdict on values without any spread: arithmetic, of which seeds are no sample.

    Values have seven digits, so their differences may spread by rounding.
    """
    largest = max((abs(value) for of_arm in values.values() for value in of_arm.values()), default=0.0)
    if isinstance(sample, Means) and sample.n > 2 and np.ptp(sample.values) <= 1e-6 * largest:
        return (
            f"exact: the effect is {sample.effect:+.6g} in every seed, which is arithmetic and not a matter of chance; "
            "check it by computation"
        )
    return None


def _judged(
    hypothesis: AskedHypothesis,
    evidence: Evidence,
    verdict: Verdict,
    withheld: str | None,
    failures: Sequence[Failures],
    claims: tuple[float, float],
    holm: float | None,
    alpha: float,
    runs: Runs,
) -> JudgedHypothesis:
    sample, enough = evidence.sample, evidence.sample.n >= LEAST
    needed = (None, None) if withheld else forecast.seeds_needed(evidence, verdict, runs.end, alpha)
    return JudgedHypothesis(
        claim=hypothesis.claim,
        arm=hypothesis.arm,
        against=hypothesis.against,
        more_than=list(hypothesis.more_than) or None,
        metric=hypothesis.metric.name,
        goal=hypothesis.metric.goal,
        direction=hypothesis.direction,
        counted="worse" if hypothesis.direction == "worse" else "better",
        verdict="undecided" if withheld else verdict.word,
        size=None if withheld else verdict.size,
        withheld=withheld,
        doubt=None if withheld else verdict.doubt or None,
        effect=finite_or_none(sample.effect),
        ci=finite((verdict.lo, verdict.hi)),
        confidence=verdict.confidence,
        delta=hypothesis.by,
        n=sample.n,
        looks=list(evidence.taken) if enough else [],
        seeds_needed=needed[0],
        seeds_needed_90=needed[1],
        failures=list(failures),
        unseen=_unseen(failures),
        e_value=finite_or_none(claims[1]),
        p=holm,
        p_unadjusted=finite_or_none(claims[0]),
        **_of_means(hypothesis, evidence, verdict, runs),
    )


def _of_means(hypothesis: AskedHypothesis, evidence: Evidence, verdict: Verdict, runs: Runs) -> dict[str, Any]:
    """What stands beside the verdict where the effect is a mean over seeds."""
    sample, metric = evidence.sample, hypothesis.metric.name
    if isinstance(sample, Rates):
        others = np.broadcast_to(sample.others, sample.n)
        by_seed = sample.sign * (sample.hits.astype(float) - others)
        effects = dict(zip(map(str, evidence.seeds), by_seed.tolist(), strict=True))
        none: Any = (None, None)
        return {"effects": effects, "covers": covered_in_words(rows=False, tuning=False), "ci_seeds": none,
                "ci_resplit": none, "variance": None, "steps": None, "at_points": None, "bca": none,
                "p_sign_flip": None}  # fmt: skip
    assert isinstance(sample, Means)
    level, enough = 1 - verdict.confidence, sample.n >= LEAST
    covered = runs.rows.variance(metric, hypothesis.weights, evidence.seeds) is not None and sample.n > 1
    resplit = covered and runs.rows.resplit(metric, hypothesis.weights, evidence.seeds)
    return {
        "effects": {str(seed): finite_or_none(v) for seed, v in zip(evidence.seeds, sample.values, strict=True)},
        "covers": covered_in_words(covered, any(arm in runs.tuned for arm in hypothesis.needed)),
        "ci_seeds": finite(Means(sample.values).interval(level)),
        "ci_resplit": finite(_resplit(sample.values, level, runs.sizes or {})) if resplit else (None, None),
        "variance": {
            "seeds": finite_or_none(sample.std**2 / sample.n) if sample.n > 1 else None,
            "rows": sample.from_rows if covered else None,
            "tuning": sample.from_tuning,
        },
        "steps": [
            Step(step=name, effect=finite_or_none(step.effect), ci=finite(step.interval(level)))
            for name, step in evidence.steps
        ] or None,
        "at_points": _at_points(hypothesis, evidence.seeds, sample.values, runs),
        "bca": finite(statistics.bca_interval(sample.values, verdict.confidence)) if enough else (None, None),
        "p_sign_flip": statistics.sign_flip_test(sample.values) if enough else None,
    }  # fmt: skip


def covered_in_words(rows: bool, tuning: bool) -> str:
    """What an interval covers, in words."""
    names = ["seeds", *(["test rows"] if rows else []), *(["tuning"] if tuning else [])]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _resplit(values: np.ndarray, level: float, sizes: Mapping[str, float]) -> tuple[float, float]:
    test, train = int(sizes.get("test", 0)), int(sizes.get("train", 0))
    if not test or not train:
        return math.nan, math.nan
    variance = two_way.corrected_variance(values, test, train)
    return statistics.t_from_error(float(values.mean()), math.sqrt(variance), len(values), 1 - level)


def _at_points(
    hypothesis: AskedHypothesis, seeds: Sequence[int], values: np.ndarray, runs: Runs
) -> list[AtPoint] | None:
    """The effect by the points that the arms were trained at; None where all seeds had the same."""
    by_arm = {arm: runs.points(arm, seeds) for arm in hypothesis.needed}
    by_point: dict[str, list[float]] = {}
    for place, value in enumerate(values.tolist()):
        parts = (f"{arm}: {points[place]}" for arm, points in by_arm.items() if points[place])
        by_point.setdefault("; ".join(parts), []).append(value)
    if len(by_point) < 2:
        return None
    ordered = sorted(by_point.items(), key=lambda item: -len(item[1]))
    return [AtPoint(point=point, n=len(found), effect=sum(found) / len(found)) for point, found in ordered]


def _unseen(failures: Sequence[Failures]) -> float | None:
    if not failures or any(arm.failed for arm in failures):
        return None
    return statistics.unseen_rate(min(arm.runs for arm in failures))


def finite_or_none(value: float) -> float | None:
    """The value, or None for NaN and infinity, which JSON lacks."""
    return float(value) if math.isfinite(value) else None


def finite(bounds: tuple[float, float]) -> tuple[float | None, float | None]:
    """An interval's bounds, None for those that are not finite."""
    return finite_or_none(bounds[0]), finite_or_none(bounds[1])
