"""Planned looks: how much of the permitted error each look at growing evidence may use.

Adding seeds until the result is clear means testing many times. This misleads more often than 5 times in 100 unless
each look has a stricter level. Error is spent in proportion to the seeds (Lan & DeMets 1983; Kim & DeMets 1987, power
family with exponent 1), and the level of each look follows from the joint distribution of the looks' statistics
(Armitage, McPherson & Rowe 1969). After the planned end an e-value takes over.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from scipy import special

LOOKS = (8, 12, 16, 22, 30)
ALPHA = 0.05
_T = 0.9  # of alpha is spent: t statistics of so few seeds cross the same levels 1.08 times as often as normal ones
_GRID = 401  # points over the region in which a study continues; odd, for Simpson's rule
_BEYOND = 9.0  # standard errors that no limit exceeds
_AFTER = 0.2  # of alpha is spent again by whoever goes on after the planned end, so that errors stay near alpha
_PRIOR = 0.2  # variance of the mixture's effects, in standard deviations squared: narrowest at about 40 seeds
_ALPHAS = tuple(np.geomspace(1e-10, 1.0, 11).tolist())  # between which adjusted p-values are interpolated


def planned(most: int) -> list[int]:
    """The looks of a study that ends with `most` seeds."""
    return [*(look for look in LOOKS if look < most), most]


def level(looks: Sequence[int], end: int = LOOKS[-1], alpha: float = ALPHA) -> float:
    """The two-sided level at which the last of the looks that were taken tests.

    Up to the planned end it follows from the looks that were taken, planned or not. After the end all of alpha is
    spent. Whoever goes on may look as often as he likes, at the level at which Student's interval equals that of an
    e-value of 5 / alpha: a fifth of alpha more.

    Args:
        looks: the numbers of seeds at which somebody looked, growing.
        end: seeds at the last planned look, when all of alpha is spent.
        alpha: error to spend over all looks.

    Raises:
        ValueError: there are fewer seeds than at the first look, where nothing is tested.

    Example:
        >>> round(level((8,)), 4), round(level((8, 12)), 4), round(level((12,)), 4)
        (0.012, 0.01, 0.018)
    """
    n = looks[-1]
    if n < LOOKS[0]:
        raise ValueError(f"{n} seeds are fewer than the first look's {LOOKS[0]}.")
    if n > end:
        return _anytime_level(n, _AFTER * alpha)
    return _levels(tuple(looks), alpha, end)[-1]


def adjusted(p: float, looks: Sequence[int], end: int = LOOKS[-1]) -> float:
    """The smallest alpha whose share for the last look is a two-sided p: the p-value adjusted for the looks taken."""
    n = looks[-1]
    if n > end:
        return min(1.0, 1 / (_AFTER * e_value(float(special.stdtrit(n - 1, p / 2)), n)))
    levels = [level(looks, end, alpha) for alpha in _ALPHAS]
    if p <= levels[0]:
        return p * _ALPHAS[0] / levels[0]
    return float(np.exp(np.interp(np.log(p), np.log(levels), np.log(_ALPHAS))))


def e_value(t: float, n: int) -> float:
    """The e-value of a t statistic of `n` values against "the mean is the null": valid however often one looks.

    It is the Bayes factor for standardised effects that are normal around 0 with variance 0.2, against 0: a martingale
    under the null whatever the spread is, so it ever reaches 1/alpha with a chance of at most alpha (Lai 1976, "On
    confidence sequences"; Wang & Ramdas 2024, "Anytime-valid t-tests and confidence sequences for Gaussian means with
    unknown variance", section 4). NaN for fewer than two values.
    """
    if n < 2 or np.isnan(t):
        return float("nan")
    wider, x = 1 + n * _PRIOR, t * t / (n - 1)
    if not np.isfinite(x):
        return float("inf")
    return float(np.exp(-0.5 * np.log(wider) + n / 2 * (np.log1p(x) - np.log1p(x / wider))))


def _anytime_level(n: int, alpha: float) -> float:
    """The two-sided level of the largest t whose e-value is below 1/alpha: that of a confidence sequence."""
    wider = 1 + n * _PRIOR
    ratio = (np.sqrt(wider) / alpha) ** (2 / n)
    if ratio >= wider:  # so few values never reach it
        return 0.0
    t = np.sqrt((n - 1) * (ratio - 1) / (1 - ratio / wider))
    return float(2 * special.stdtr(n - 1, -t))


@functools.cache
def _levels(looks: tuple[int, ...], alpha: float, end: int) -> tuple[float, ...]:
    """The two-sided levels of `looks`, of which one at `end` seeds would spend the last of alpha.

    They are derived for normal statistics; for t statistics the levels apply, not the limits.
    """
    spent = np.array(looks) / end * alpha * _T
    found = limits(np.array(looks, dtype=float), np.diff(spent, prepend=0.0))
    return tuple(float(2 * special.ndtr(-limit)) for limit in found)


def limits(information: np.ndarray, errors: np.ndarray) -> list[float]:
    """The limits |z| that the standardised sum of a growing sample without effect crosses with the given chances.

    Args:
        information: shape (looks,), growing: numbers of seeds, say.
        errors: shape (looks,): the chance that a look is the first to cross.

    Returns:
        A limit for each look.
    """
    found: list[float] = []
    points, mass = np.zeros(1), np.ones(1)  # of the sum, where no look so far has crossed
    before = 0.0
    for now, error in zip(information, errors, strict=True):
        step = np.sqrt(now - before)
        edge = _edge(points, mass, step, error, _BEYOND * np.sqrt(now))
        found.append(edge / np.sqrt(now))
        new = np.linspace(-edge, edge, _GRID)
        density = np.exp(-0.5 * ((new[:, None] - points) / step) ** 2) @ mass / (step * np.sqrt(2 * np.pi))
        points, mass, before = new, density * _simpson(new), now
    return found


def _edge(points: np.ndarray, mass: np.ndarray, step: float, error: float, beyond: float) -> float:
    """The limit that the sum exceeds, on either side, with chance `error` after one more normal step."""
    from scipy import optimize

    def excess(edge: float) -> float:
        return float(mass @ (special.ndtr((points - edge) / step) + special.ndtr((-edge - points) / step)) - error)

    return float(optimize.brentq(excess, 0.0, beyond, xtol=1e-9))


def _simpson(points: np.ndarray) -> np.ndarray:
    weights = np.ones(len(points))
    weights[1:-1:2], weights[2:-1:2] = 4, 2
    return weights * (points[1] - points[0]) / 3
