"""Which point of its grid an arm is trained at, seed by seed, and what the luck of that choice adds to the variance.

The mean over a few tuning seeds does not settle which of two good points is better: the winner is partly luck, and an
arm that was lucky would keep its luck in every seed of the comparison. So each seed draws its own bootstrap sample of
the tuning seeds and takes the point that wins there. Where points tie, seeds differ in their points, and the effect at
each of them is seen. All seeds draw from the same few tuning seeds, so this part of the variance does not shrink with
more seeds of the comparison.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from folklore.storage.schema import Tuned

_DRAWS = 1_000
_STREAM = 6_2017  # apart from the numbers that the seed gives to a run


def point_of(tuned: Tuned, seed: int) -> dict[str, Any]:
    """The point for one seed of the comparison: the best mean in its bootstrap sample of the tuning seeds.

    All arms draw the same sample for a seed, so that arms that are alike are given the same point. A point that failed
    in a tuning seed of the sample cannot win there; if all did, it is the best point over all tuning seeds.

    Args:
        tuned: the scores of all points, (points, tuning seeds). Without `by_seed`, all seeds have the same best point.
        seed: of the comparison.
    """
    best = tuned.best or {}
    if not tuned.by_seed or not tuned.tried or not tuned.tried[0].scores:
        return best
    worst = np.inf if tuned.goal == "min" else -np.inf
    scores = _scores(tuned, worst)
    drawn = np.random.default_rng((_STREAM, seed)).integers(0, scores.shape[1], scores.shape[1])
    means = scores[:, drawn].mean(axis=1) * (1 if tuned.goal == "min" else -1)
    return tuned.tried[int(means.argmin())].point if np.isfinite(means.min()) else best


def variance_from_tuning(
    effects: np.ndarray, points: Sequence[Sequence[str]], tuned: Sequence[tuple[float, Tuned]]
) -> float:
    """The variance that the luck of tuning leaves in a mean effect over seeds: the larger of two estimates.

    One is from the comparison, by the points at which its seeds were trained. The other is from the tuning seeds: it
    also sees a choice that all seeds share.

    Args:
        effects: by seed, (n,).
        points: of each tuned arm, by seed, as text.
        tuned: the weight of each arm in the effect, and how it was tuned; only arms whose points were compared by the
            metric of the effect.
    """
    between = variance_between(effects, list(map("; ".join, zip(*points, strict=True)))) if points else 0.0
    return max(between, sum(weight**2 * variance_of_choice(each) for weight, each in tuned))


def variance_between(effects: np.ndarray, points: Sequence[str]) -> float:
    """The variance of the effect between the points at which seeds were trained, by one-way analysis of variance.

    The observed variance of the points' means, weighted by their seeds, less what noise within points contributes to
    it; 0 where that is larger, and where all seeds have one point.

    Args:
        effects: by seed, (n,).
        points: those of all arms together, as text, by seed.

    Example:
        >>> variance_between(np.array([1.0, 1.0, 3.0, 3.0]), ["a", "a", "b", "b"])
        1.0
    """
    names, of_seed, counts = np.unique(np.asarray(points), return_inverse=True, return_counts=True)
    if len(names) < 2:
        return 0.0
    means = np.bincount(of_seed, effects) / counts
    between = counts @ (means - effects.mean()) ** 2 / len(effects)
    within = ((effects - means[of_seed]) ** 2).sum() / max(1, len(effects) - len(names))
    return max(0.0, float(between - within * (len(names) - 1) / len(effects)))


def variance_of_choice(tuned: Tuned) -> float:
    """The variance that the tuning seeds leave in the mean score of the points that are chosen.

    Efron 2014, "Estimation and accuracy after model selection", equation 3.7, the infinitesimal jackknife for means
    over bootstrap samples: the sum over tuning seeds of the squared covariance of how often a sample has the seed and
    the mean score of the point that it chooses. 0 where all seeds have the same point.
    """
    if not tuned.by_seed or not tuned.tried or not tuned.tried[0].scores:
        return 0.0
    scores = _scores(tuned, np.nan)
    known = scores[np.isfinite(scores).all(axis=1)]  # a point that failed is hardly ever chosen
    if len(known) < 2:
        return 0.0
    counts = np.random.default_rng(_STREAM).multinomial(
        known.shape[1], np.full(known.shape[1], 1 / known.shape[1]), _DRAWS
    )
    sums = known @ counts.T  # (points, samples)
    chosen = known.mean(axis=1)[sums.argmin(axis=0) if tuned.goal == "min" else sums.argmax(axis=0)]
    covariances = (counts - counts.mean(axis=0)).T @ (chosen - chosen.mean()) / _DRAWS
    return float(covariances @ covariances)


def _scores(tuned: Tuned, failed: float) -> np.ndarray:
    """Of all points, (points, tuning seeds), with a number in place of failures."""
    return np.array([[failed if s is None else s for s in row.scores or ()] for row in tuned.tried or ()], dtype=float)


def as_text(point: dict[str, Any]) -> str:
    """A point as text, such as "learning_rate 0.01, batch_size 64"."""
    return ", ".join(f"{name.rpartition('.')[2]} {value}" for name, value in point.items())
