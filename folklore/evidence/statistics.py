"""Pure functions on arrays: intervals, tests and sample sizes over seeds. scipy and statsmodels do the work.

Libraries are imported where they are used: a table of means needs neither, and each takes most of a second.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special  # the quantile alone: scipy.stats takes half a second more to import

RESAMPLES = 9_999
_SEED = 2017  # of resampling: the same runs always give the same figures


@dataclass(frozen=True)
class Estimate:
    """A difference with its interval and the two-sided p-value of "it is zero"."""

    difference: float
    lo: float
    hi: float
    p: float


def t_interval(values: ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    """Student's t interval for the mean.

    Args:
        values: shape (n,), one figure a seed.
        confidence: between 0 and 1.

    Returns:
        (lo, hi): mean ± t(n-1) · s/√n with the sample standard deviation s; (nan, nan) for fewer than two values.
    """
    values = np.asarray(values, dtype=float)
    return t_from_moments(float(values.mean()) if len(values) else 0.0, sample_std(values), len(values), confidence)


def t_from_moments(mean: float, std: float, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Student's t interval for the mean, from the mean and the sample standard deviation of `n` values.

    (nan, nan) for fewer than two values.
    """
    if n < 2:
        return float("nan"), float("nan")
    half = special.stdtrit(n - 1, (1 + confidence) / 2) * std / np.sqrt(n)
    return float(mean - half), float(mean + half)


def sample_std(values: ArrayLike) -> float:
    """Sample standard deviation (n - 1 in the denominator) of shape (n,); nan for fewer than two values."""
    values = np.asarray(values, dtype=float)
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def paired_difference(values: Mapping[int, float], baseline: Mapping[int, float]) -> np.ndarray:
    """`values` minus `baseline` for the seeds that both have, by seed: shape (shared seeds,)."""
    return np.array([values[seed] - baseline[seed] for seed in sorted(values.keys() & baseline.keys())])


def paired_t(differences: ArrayLike, null: float = 0.0) -> float:
    """Two-sided p-value of Student's t for "the mean of `differences`, shape (n,), is `null`".

    Without spread it is 0, or 1 where the mean is the null itself; nan for fewer than two values.
    """
    differences = np.asarray(differences, dtype=float)
    if len(differences) < 2:
        return float("nan")
    distance, error = abs(differences.mean() - null), sample_std(differences) / np.sqrt(len(differences))
    if error == 0:
        return float(distance == 0)
    return float(2 * special.stdtr(len(differences) - 1, -distance / error))


def tost(differences: ArrayLike, delta: float) -> float:
    """p-value of "the mean of `differences`, shape (n,), is at least `delta` from 0", by two one-sided t tests.

    Small where the mean lies within (-delta, delta) (Schuirmann 1987). The two-sided interval of confidence 1 - a lies
    inside exactly where this is below a/2.
    """
    differences = np.asarray(differences, dtype=float)
    sides = [(side, np.sign(side) * (differences.mean() - side)) for side in (-delta, delta)]
    halves = [paired_t(differences, side) / 2 for side, _ in sides]
    # `paired_t` measures distance from the bound; beyond it, the one-sided p-value is above a half.
    return float(max(half if inside < 0 else 1 - half for half, (_, inside) in zip(halves, sides, strict=True)))


def bca_interval(values: ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    """Bias-corrected and accelerated bootstrap interval for the mean of shape (n,) (Efron 1987).

    (nan, nan) for fewer than two values, or values without spread, of which it says nothing.
    """
    from scipy import stats

    values = np.asarray(values, dtype=float)
    if len(values) < 2 or sample_std(values) == 0:
        return float("nan"), float("nan")
    rng = np.random.default_rng(_SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of degenerate resamples: the bounds are nan then, which says as much
        found = stats.bootstrap(
            (values,), np.mean, confidence_level=confidence, n_resamples=RESAMPLES, method="BCa", rng=rng
        )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def sign_flip_test(differences: ArrayLike) -> float:
    """Two-sided p-value of "`differences`, shape (n,), are symmetric about 0", by flipping signs.

    All 2ⁿ flips up to n = 13, else 9,999 random ones; (Fisher 1935, "The design of experiments", section 21).
    """
    from scipy import stats

    differences = np.asarray(differences, dtype=float)
    found = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=RESAMPLES, rng=np.random.default_rng(_SEED)
    )
    return float(found.pvalue)


def welch(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Welch's t interval and test for mean(a) - mean(b), shapes (n,) and (m,): unpaired, of unequal variances."""
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    return welch_from_moments(a.mean(), sample_std(a), len(a), b.mean(), sample_std(b), len(b), confidence)


def welch_from_moments(
    mean_a: float, std_a: float, n_a: int, mean_b: float, std_b: float, n_b: int, confidence: float = 0.95
) -> Estimate:
    """`welch` from published means, sample standard deviations and numbers of runs (Welch 1947).

    With fewer than two runs on a side there is a difference and nothing else: the rest is nan.
    """
    if min(n_a, n_b) < 2:
        return Estimate(float(mean_a - mean_b), float("nan"), float("nan"), float("nan"))
    parts = std_a**2 / n_a, std_b**2 / n_b
    difference, error = mean_a - mean_b, np.sqrt(sum(parts))
    if error == 0:
        return Estimate(float(difference), float(difference), float(difference), float(difference == 0))
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / (n_a - 1) + parts[1] ** 2 / (n_b - 1))
    half = special.stdtrit(freedom, (1 + confidence) / 2) * error
    p = 2 * special.stdtr(freedom, -abs(difference) / error)
    return Estimate(float(difference), float(difference - half), float(difference + half), float(p))


def wilson_interval(hits: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval for the rate behind `hits` out of `n` (Wilson 1927)."""
    from statsmodels.stats.proportion import proportion_confint

    lo, hi = proportion_confint(hits, n, alpha=1 - confidence, method="wilson")
    return max(0.0, float(lo)), min(1.0, float(hi))  # rounding puts 0 of n a hair below 0


def newcombe_difference(hits_a: int, n_a: int, hits_b: int, n_b: int, confidence: float = 0.95) -> tuple[float, float]:
    """Newcombe's hybrid score interval for rate a - rate b, of independent runs (Newcombe 1998, method 10)."""
    from statsmodels.stats.proportion import confint_proportions_2indep

    lo, hi = confint_proportions_2indep(hits_a, n_a, hits_b, n_b, method="newcomb", alpha=1 - confidence)
    return float(lo), float(hi)


def binomial_test(hits: int, n: int, rate: float) -> float:
    """Exact two-sided p-value of "the rate behind `hits` out of `n` is `rate`" (Clopper & Pearson 1934)."""
    from scipy import stats

    return float(stats.binomtest(hits, n, min(1.0, max(0.0, rate))).pvalue)


def mcnemar(a: ArrayLike, b: ArrayLike) -> float:
    """McNemar's exact two-sided p-value for paired outcomes, booleans of shape (n,): "both are as often true".

    (McNemar 1947; exact: the binomial test on the pairs that differ.)
    """
    from statsmodels.stats.contingency_tables import mcnemar as test

    a, b = np.asarray(a, dtype=bool), np.asarray(b, dtype=bool)
    counts = [[int((a & b).sum()), int((a & ~b).sum())], [int((~a & b).sum()), int((~a & ~b).sum())]]
    return float(test(counts, exact=True).pvalue) if counts[0][1] + counts[1][0] else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values (Holm 1979), in the order given."""
    if len(p_values) < 2:
        return list(p_values)
    from statsmodels.stats.multitest import multipletests

    return [float(p) for p in multipletests(p_values, method="holm")[1]]


def interquartile_mean(values: ArrayLike) -> float:
    """Mean of the middle half of shape (n,): the lowest and the highest n // 4 are left out (Agarwal et al. 2021)."""
    values = np.sort(np.asarray(values, dtype=float))
    cut = len(values) // 4
    return float(values[cut : len(values) - cut].mean())


def probability_of_improvement(a: ArrayLike, b: ArrayLike) -> float:
    """Share of pairs (one of `a`, one of `b`) in which a is larger, ties half (Agarwal et al. 2021; Mann–Whitney U)."""
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    return float((np.sign(a[:, None] - b[None, :]) / 2 + 0.5).mean())


def linear_contrast(values: ArrayLike) -> np.ndarray:
    """The change from the first arm to the last along the least-squares line, seed by seed.

    Args:
        values: shape (seeds, arms), arms in order and equally far apart.

    Returns:
        Shape (seeds,), in units of the values.
    """
    values = np.asarray(values, dtype=float)
    place = np.arange(values.shape[1]) - (values.shape[1] - 1) / 2
    return values @ place / (place @ place) * (values.shape[1] - 1)


def power(effect: float, std: float, n: int, alpha: float = 0.05) -> float:
    """The chance that a two-sided paired t test on `n` seeds finds a mean difference of `effect` with spread `std`."""
    from statsmodels.stats.power import TTestPower

    return float(TTestPower().power(_standardised(effect, std), n, alpha))


def seeds_for_power(effect: float, std: float, wanted: float = 0.8, alpha: float = 0.05) -> int:
    """The number of seeds with which `power` is at least `wanted`."""
    from statsmodels.stats.power import TTestPower

    return max(2, int(np.ceil(TTestPower().solve_power(_standardised(effect, std), power=wanted, alpha=alpha))))


def _standardised(effect: float, std: float) -> float:
    """Cohen's d, without its sign: tests here are two-sided.

    Raises:
        ValueError: it is 0, infinite, or too small for any number of seeds that could be run.
    """
    d = abs(effect) / std if std > 0 else 0.0
    if not 1e-3 <= d < float("inf"):
        raise ValueError(f"An effect of {effect} with a spread of {std} has no power to speak of. Give both, not 0.")
    return d
