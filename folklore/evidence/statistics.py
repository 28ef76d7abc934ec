"""Pure functions on arrays: intervals and tests over seeds. scipy and statsmodels do the work.

Libraries are imported where they are used: a table of means needs neither, and each takes most of a second to import.
"""

from __future__ import annotations

import functools
import importlib
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special  # only the quantile: scipy.stats takes half a second more to import

RESAMPLES = 9_999
_LIBRARIES = ("scipy.optimize", "scipy.stats", "statsmodels.stats.multitest", "statsmodels.stats.proportion")
_ALL_FLIPS = 13  # seeds up to which every flip of signs is tried
_SEED = 2017  # of resampling: the same runs always give the same numbers


def import_libraries() -> None:
    """Import now what comparisons will use, by a command that is waiting anyway."""
    for name in _LIBRARIES:
        importlib.import_module(name)


def t_interval(values: ArrayLike, confidence: float = 0.95, from_rows: float = 0.0) -> tuple[float, float]:
    """Student's t interval for the mean.

    Args:
        values: shape (n,), one value a seed.
        confidence: between 0 and 1.
        from_rows: variance of the mean that the seeds share, see `folklore.evidence.two_way`.

    Returns:
        (lo, hi): mean ± t(n-1) · √(s²/n + from_rows) with the sample standard deviation s; (nan, nan) for fewer than
        two values.
    """
    values = np.asarray(values, dtype=float)
    n = len(values)
    if n < 2:
        return float("nan"), float("nan")
    return t_from_error(float(values.mean()), float(np.sqrt(sample_std(values) ** 2 / n + from_rows)), n, confidence)


def t_from_error(mean: float, error: float, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Student's t interval for the mean of `n` values, from its standard error, with n - 1 degrees of freedom."""
    half = float(special.stdtrit(n - 1, (1 + confidence) / 2)) * error
    return mean - half, mean + half


def sample_std(values: ArrayLike) -> float:
    """Sample standard deviation (n - 1 in the denominator) of shape (n,); nan for fewer than two values."""
    values = np.asarray(values, dtype=float)
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def paired_difference(values: Mapping[int, float], baseline: Mapping[int, float]) -> dict[int, float]:
    """`values` minus `baseline` for the seeds that both have, by seed."""
    return {seed: values[seed] - baseline[seed] for seed in sorted(values.keys() & baseline.keys())}


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


def sign_flip_test(differences: ArrayLike, alternative: Literal["two-sided", "greater"] = "two-sided") -> float:
    """The p-value of "`differences`, shape (n,), are symmetric about 0", by flipping signs.

    All 2ⁿ flips up to n = 13, else 9,999 random ones and the one observed (Fisher 1935, "The design of experiments",
    section 21). It equals `scipy.stats.permutation_test` with `permutation_type="samples"`, which takes half a second
    to import and milliseconds a call. "greater" asks whether the mean is above 0.
    """
    differences = np.asarray(differences, dtype=float)
    n = len(differences)
    sums, total = _signs(n) @ differences, differences.sum()
    tied = 1e-12 * np.abs(differences).sum()  # two sums of the same numbers in another order may differ by rounding
    extra = 0 if n <= _ALL_FLIPS else 1
    above, below = ((np.count_nonzero(side) + extra) / (len(sums) + extra)
                    for side in (sums >= total - tied, sums <= total + tied))  # fmt: skip
    return float(above if alternative == "greater" else min(1.0, 2 * min(above, below)))


@functools.lru_cache(maxsize=8)
def _signs(n: int) -> np.ndarray:
    """Signs, shape (flips, n): all of them, or random ones."""
    if n <= _ALL_FLIPS:
        bits = np.arange(2**n)[:, None] >> np.arange(n) & 1
        return 1.0 - 2.0 * bits
    return np.random.default_rng(_SEED).choice((-1.0, 1.0), size=(RESAMPLES, n))


def skewness_corrected_t(values: ArrayLike, error: float) -> float:
    """Twice the one-sided p-value of "the mean of `values`, shape (n,), is not above 0", corrected for skewness.

    Hall 1992, "On the removal of skewness by transformation", section 2: with S the mean in standard deviations and g
    the skewness, S + gS²/3 + g²S³/27 + g/6n takes the place of S in Student's t. Student's test calls a mean of skewed
    values different too often on the side of the short tail.

    Args:
        values: one a seed.
        error: the standard error of their mean, above 0.
    """
    values = np.asarray(values, dtype=float)
    n = len(values)
    centred = values - values.mean()
    spread = np.sqrt((centred**2).mean())
    skewness = (centred**3).mean() / spread**3 * np.sqrt(n * (n - 1)) / (n - 2) if spread > 0 and n > 2 else 0.0
    s = values.mean() / error / np.sqrt(n)
    corrected = s + skewness * s**2 / 3 + skewness**2 * s**3 / 27 + skewness / (6 * n)
    return float(min(1.0, 2 * special.stdtr(n - 1, -np.sqrt(n) * corrected)))


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


def wilson_interval(hits: ArrayLike, n: ArrayLike, confidence: float = 0.95) -> tuple[Any, Any]:
    """Wilson's score interval for the rate behind `hits` out of `n`, numbers or arrays (Wilson 1927)."""
    from statsmodels.stats.proportion import proportion_confint

    lo, hi = proportion_confint(hits, n, alpha=1 - confidence, method="wilson")
    return np.maximum(0.0, lo), np.minimum(1.0, hi)  # rounding puts 0 of n a hair below 0


def newcombe_difference(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    """Newcombe's hybrid score interval for rate(a) - rate(b) of pairs (Newcombe 1998, "Improved confidence intervals
    for the difference between binomial proportions based on paired data", method 10).

    Args:
        a, b: paired outcomes, booleans of shape (n,).
        confidence: between 0 and 1.

    Returns:
        (lo, hi); (nan, nan) for no pairs.
    """
    a, b = np.asarray(a, dtype=bool), np.asarray(b, dtype=bool)
    if not len(a):
        return float("nan"), float("nan")
    lo, hi = newcombe_from_counts([np.count_nonzero(x & y) for x in (a, ~a) for y in (b, ~b)], confidence)
    return float(lo), float(hi)


def newcombe_from_counts(counts: ArrayLike, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """As `newcombe_difference`, for studies given by numbers of pairs, shape (4, ...): both true, only a, only b, none.

    Returns:
        (lo, hi), each of shape (...).
    """
    both, a_only, b_only, neither = np.asarray(counts, dtype=float)
    n, of_a, of_b = both + a_only + b_only + neither, both + a_only, both + b_only
    rate_a, rate_b = of_a / n, of_b / n
    (low_a, high_a), (low_b, high_b) = (wilson_interval(hits, n, confidence) for hits in (of_a, of_b))
    agreement = both * neither - a_only * b_only
    agreement = np.where(agreement > 0, np.maximum(agreement - n / 2, 0), agreement)  # Newcombe's continuity correction
    margins = of_a * (n - of_a) * of_b * (n - of_b)
    phi = np.where(margins > 0, agreement / np.sqrt(np.where(margins > 0, margins, 1)), 0)

    def distance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return np.sqrt(np.maximum(0, one**2 - 2 * phi * one * other + other**2))

    difference = rate_a - rate_b
    return (
        difference - distance(rate_a - low_a, high_b - rate_b),
        difference + distance(high_a - rate_a, rate_b - low_b),
    )


def unseen_rate(n: int, confidence: float = 0.95) -> float:
    """The largest rate of failure that `n` runs without a failure leave possible, one-sided (Clopper & Pearson 1934).

    Example:
        >>> round(unseen_rate(8), 2), round(unseen_rate(30), 2)
        (0.31, 0.1)
    """
    return float(1 - (1 - confidence) ** (1 / n)) if n else 1.0


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
    """The weights of arms in the change from the first to the last along their least-squares line.

    Args:
        values: shape (arms,), the arms' numeric values, such as rates of dropout.

    Returns:
        Shape (arms,): a metric of shape (seeds, arms) times these weights is the change in each seed.

    Example:
        >>> linear_contrast([0, 1, 2]).tolist()
        [-1.0, 0.0, 1.0]
    """
    values = np.asarray(values, dtype=float)
    place = values - values.mean()
    return place / (place @ place) * (values[-1] - values[0])
