"""Pure functions on arrays: intervals and tests over seeds. scipy and statsmodels do the work.

Libraries are imported where they are used: a table of means needs neither, and each takes most of a second to import.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import special  # only the quantile: scipy.stats takes half a second more to import

RESAMPLES = 9_999
_LIBRARIES = ("scipy.optimize", "scipy.stats", "statsmodels.stats.multitest", "statsmodels.stats.proportion")
_SEED = 2017  # of resampling: the same runs always give the same numbers


def import_libraries() -> None:
    """Import now what comparisons will use, by a command that is waiting anyway."""
    for name in _LIBRARIES:
        importlib.import_module(name)


def t_interval(values: ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    """Student's t interval for the mean.

    Args:
        values: shape (n,), one value a seed.
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


def bca_interval(values: ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    """Bias-corrected and accelerated bootstrap interval for the mean of shape (n,) (Efron 1987).

    (nan, nan) for fewer than two values, or values without spread, about which it says nothing.
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


def welch_interval(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    """Welch's t interval for mean(a) - mean(b), shapes (n,) and (m,): unpaired, of unequal variances (Welch 1947).

    A point where neither side has any spread; (nan, nan) for fewer than two values on a side.
    """
    from scipy import stats

    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if sample_std(a) == sample_std(b) == 0:
        return float(a.mean() - b.mean()), float(a.mean() - b.mean())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values that are nearly equal: a narrow interval says as much
        found = stats.ttest_ind(a, b, equal_var=False).confidence_interval(confidence)
    return float(found.low), float(found.high)


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
