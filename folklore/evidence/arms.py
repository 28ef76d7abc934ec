"""The summary of each arm: mean, spread, interval, and its difference from the baseline."""

from __future__ import annotations

import numpy as np

from folklore.declare import metrics
from folklore.evidence import statistics
from folklore.evidence.comparison import ComparedArm, Difference
from folklore.evidence.hypotheses import Values, covered_in_words, finite, finite_or_none
from folklore.evidence.two_way import SharedRows


def summarised(
    values: Values, baseline: str, name: str, rows: SharedRows, *, paired: bool = True
) -> dict[str, ComparedArm]:
    """The arms of an experiment by one metric; `failed` is left at 0.

    Args:
        values: of the metric, by arm and seed.
        baseline: an arm.
        name: of the metric.
        rows: the test rows of the runs, which the intervals cover where the metric is about them.
        paired: whether runs of equal seeds belong together; if not, arms are compared as independent samples.
    """
    is_rate = metrics.parse(name).is_rate
    found = {}
    for arm, of_arm in values.items():
        seeds = sorted(of_arm)
        numbers = [of_arm[seed] for seed in seeds]
        if is_rate and numbers:
            interval = statistics.wilson_interval(int(sum(numbers)), len(numbers))
        else:
            interval = statistics.t_interval(numbers, from_rows=rows.variance(name, {arm: 1.0}, seeds) or 0.0)
        found[arm] = ComparedArm(
            n=len(numbers),
            mean=finite_or_none(sum(numbers) / len(numbers)) if numbers else None,
            std=finite_or_none(statistics.sample_std(numbers)),
            ci=finite(interval),
            values={str(seed): value for seed, value in zip(seeds, numbers, strict=True)},
            failed=0,
            difference=None if arm == baseline else _difference(values, arm, baseline, name, rows, paired),
        )
    return found


def covers(values: Values, name: str, rows: SharedRows) -> str:
    """What the arms' intervals cover: "seeds and test rows" where every run kept its rows, else "seeds"."""
    known = [rows.variance(name, {arm: 1.0}, sorted(of_arm)) is not None for arm, of_arm in values.items() if of_arm]
    return covered_in_words(bool(known) and all(known), tuning=False)


def _difference(values: Values, arm: str, baseline: str, name: str, rows: SharedRows, paired: bool) -> Difference:
    if not paired:
        return _unpaired(list(values[arm].values()), list(values[baseline].values()))
    by_seed = statistics.paired_difference(values[arm], values[baseline])
    if metrics.parse(name).is_rate:
        ours, theirs = ([of_arm[seed] for seed in by_seed] for of_arm in (values[arm], values[baseline]))
        interval = statistics.newcombe_difference(ours, theirs)
    else:
        shared = rows.variance(name, {arm: 1.0, baseline: -1.0}, list(by_seed)) or 0.0
        interval = statistics.t_interval(list(by_seed.values()), from_rows=shared)
    numbers = list(by_seed.values())
    mean = finite_or_none(sum(numbers) / len(numbers)) if numbers else None
    return Difference(n=len(numbers), mean=mean, ci=finite(interval))


def _unpaired(ours: list[float], theirs: list[float]) -> Difference:
    """Over all runs of both arms, with Welch's interval."""
    if min(len(ours), len(theirs)) < 2:
        return Difference(n=0, mean=None, ci=(None, None), paired=False)
    mean = finite_or_none(float(np.mean(ours) - np.mean(theirs)))
    return Difference(n=len(ours), mean=mean, ci=finite(statistics.welch_interval(ours, theirs)), paired=False)
