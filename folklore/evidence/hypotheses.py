"""From arms' values to the hypotheses' verdicts, with the figures that stand beside them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from folklore.declare import metrics
from folklore.evidence import statistics
from folklore.evidence.verdict import LEAST, Evidence, Verdict, judge

Values = Mapping[str, Mapping[int, float]]  # arm to seed to figure
Declared = Mapping[str, Any]  # a hypothesis as in experiment.json, its metric and opponent filled in


def assess(
    hypotheses: Sequence[Declared], values: Callable[[str], Values], end: int, withheld: Sequence[str | None]
) -> list[dict[str, Any]]:
    """The hypotheses of one experiment with their verdicts, JSON-able.

    Args:
        hypotheses: as `filled_in` gives them.
        values: of a metric, by its name.
        end: seeds at the last planned look.
        withheld: for each hypothesis, why no verdict on it may be given, if so.
    """
    of = [values(hypothesis["metric"]["name"]) for hypothesis in hypotheses]
    effects = [_effects(hypothesis, found) for hypothesis, found in zip(hypotheses, of, strict=True)]
    parts = list(zip(hypotheses, effects, of, strict=True))
    evidence = [_evidence(*part) for part in parts]
    p = [_p_value(*part) for part in parts]
    finite = [index for index, value in enumerate(p) if math.isfinite(value)]
    adjusted = dict(zip(finite, statistics.holm([p[index] for index in finite]), strict=True))
    return [
        _row(hypothesis, effect, found, verdict, withheld[index])
        | {"p": adjusted.get(index), "p_unadjusted": p[index] if index in finite else None}
        for index, (hypothesis, effect, found, verdict) in enumerate(
            zip(hypotheses, effects, evidence, judge(evidence, end), strict=True)
        )
    ]


def filled_in(declared: Declared, hypothesis: Declared) -> dict[str, Any]:
    """A stored hypothesis with the experiment's metric, baseline and claim where it names none of its own."""
    trend = isinstance(hypothesis["arm"], list)
    own = {key: hypothesis.get(key) for key in ("metric", "against", "claim")}
    return {
        **hypothesis,
        "metric": own["metric"] or declared["metric"],
        "against": None if trend else declared["baseline"] if own["against"] is None else own["against"],
        "claim": own["claim"] or declared["claim"],
    }


def _sign(hypothesis: Declared) -> int:
    return (1 if hypothesis["metric"]["goal"] == "max" else -1) * (-1 if hypothesis["direction"] == "worse" else 1)


def _effects(hypothesis: Declared, values: Values) -> dict[int, float]:
    """By seed, positive in the claimed direction, for the seeds that have it."""
    arm, against = hypothesis["arm"], hypothesis["against"]
    needed = arm if isinstance(arm, list) else [arm, against] if isinstance(against, str) else [arm]
    seeds = sorted(set.intersection(*(set(values[name]) for name in needed)))
    table = np.array([[values[name][seed] for name in needed] for seed in seeds]).reshape(-1, len(needed))
    if isinstance(arm, list):
        found = statistics.linear_contrast(table)
    else:
        found = table[:, 0] - (table[:, 1] if isinstance(against, str) else against)
    return dict(zip(seeds, (_sign(hypothesis) * found).tolist(), strict=True))


def _is_rate(hypothesis: Declared) -> bool:
    return metrics.parse(hypothesis["metric"]["name"]).is_rate


def _evidence(hypothesis: Declared, by_seed: Mapping[int, float], values: Values) -> Evidence:
    effects = np.array(list(by_seed.values()))
    mean, std = float(effects.mean()) if len(effects) else math.nan, statistics.sample_std(effects)

    def interval(confidence: float, n: int) -> tuple[float, float]:
        if _is_rate(hypothesis):
            return _rate_interval(hypothesis, values, confidence, n)
        return statistics.t_from_moments(mean, std, n, confidence)

    return Evidence(mean, len(effects), interval, hypothesis["direction"], hypothesis["by"])


def _rate_interval(hypothesis: Declared, values: Values, confidence: float, n: int) -> tuple[float, float]:
    """Of a rate, less another or a number, positive in the claimed direction, with as many hits in `n` as were seen."""
    names = [name for name in (hypothesis["arm"], hypothesis["against"]) if isinstance(name, str)]
    seen = [list(values[name].values()) for name in names]
    if not all(seen):
        return math.nan, math.nan
    hits = [round(sum(outcomes) / len(outcomes) * n) for outcomes in seen]
    if len(hits) == 2:
        bounds = statistics.newcombe_difference(hits[0], n, hits[1], n, confidence)
    else:
        low, high = statistics.wilson_interval(hits[0], n, confidence)
        bounds = low - hypothesis["against"], high - hypothesis["against"]
    lo, hi = sorted(_sign(hypothesis) * bound for bound in bounds)
    return lo, hi


def _p_value(hypothesis: Declared, by_seed: Mapping[int, float], values: Values) -> float:
    if len(by_seed) < 2:
        return math.nan
    if not _is_rate(hypothesis):
        return statistics.paired_t(list(by_seed.values()))
    arm, against = values[hypothesis["arm"]], hypothesis["against"]
    if not isinstance(against, str):
        return statistics.binomial_test(int(sum(arm.values())), len(arm), against)
    shared = sorted(arm.keys() & values[against].keys())
    return statistics.mcnemar([arm[seed] for seed in shared], [values[against][seed] for seed in shared])


def _row(
    hypothesis: Declared,
    by_seed: Mapping[int, float],
    evidence: Evidence,
    verdict: Verdict,
    withheld: str | None,
) -> dict[str, Any]:
    effects = list(by_seed.values())
    enough = evidence.n >= LEAST and not _is_rate(hypothesis)
    return {
        "claim": hypothesis["claim"],
        "arm": hypothesis["arm"],
        "against": hypothesis["against"],
        "metric": hypothesis["metric"]["name"],
        "goal": hypothesis["metric"]["goal"],
        "direction": hypothesis["direction"],
        "counted": "worse" if hypothesis["direction"] == "worse" else "better",  # what a positive effect is
        "verdict": "undecided" if withheld else verdict.word,
        "withheld": withheld,
        "effect": known(evidence.effect),
        "ci": [known(verdict.lo), known(verdict.hi)],
        "confidence": verdict.confidence,
        "delta": hypothesis["by"],
        "n": evidence.n,
        "effects": {str(seed): known(effect) for seed, effect in by_seed.items()},
        "seeds_needed": None if withheld else verdict.seeds_needed,
        "bca": [known(bound) for bound in statistics.bca_interval(effects, verdict.confidence)]
        if enough
        else [None, None],
        "p_sign_flip": statistics.sign_flip_test(effects) if enough else None,
    }


def known(value: float) -> float | None:
    """The value, or None, which JSON can tell, for NaN and infinity."""
    return value if math.isfinite(value) else None
