"""Pure functions on arrays: intervals and differences over seeds."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special  # the quantile alone: scipy.stats takes half a second more to import


def t_interval(values: ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    """Student's t interval for the mean.

    Args:
        values: shape (n,), one figure a seed.
        confidence: between 0 and 1.

    Returns:
        (lo, hi): mean ± t(n-1) · s/√n with the sample standard deviation s; (nan, nan) for fewer than two values.
    """
    values = np.asarray(values, dtype=float)
    if len(values) < 2:
        return float("nan"), float("nan")
    half = special.stdtrit(len(values) - 1, (1 + confidence) / 2) * sample_std(values) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def sample_std(values: ArrayLike) -> float:
    """Sample standard deviation (n - 1 in the denominator) of shape (n,); nan for fewer than two values."""
    values = np.asarray(values, dtype=float)
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def paired_difference(values: dict[int, float], baseline: dict[int, float]) -> np.ndarray:
    """`values` minus `baseline` for the seeds that both have, by seed: shape (shared seeds,)."""
    return np.array([values[seed] - baseline[seed] for seed in sorted(values.keys() & baseline.keys())])
