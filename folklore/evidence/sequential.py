"""Planned looks: how much of the permitted error each look at growing evidence may use.

Adding seeds until the result is clear means testing many times. This misleads more often than 5 times in 100 unless
each look has a stricter level. Error is spent in proportion to the seeds (Lan & DeMets 1983; Kim & DeMets 1987, power
family with exponent 1), and the level of each look follows from the joint distribution of the looks' statistics
(Armitage, McPherson & Rowe 1969).
"""

from __future__ import annotations

import functools

import numpy as np
from scipy import special

LOOKS = (6, 10, 15, 20, 30)
ALPHA = 0.05
_T = 0.9  # of alpha is spent: t statistics of so few seeds cross the same levels 1.08 times as often as normal ones
_GRID = 1_201  # points over the region in which a study continues; odd, for Simpson's rule
_BEYOND = 9.0  # standard errors that no limit exceeds


def planned(most: int) -> list[int]:
    """The looks of a study that ends with `most` seeds."""
    return [*(look for look in LOOKS if look < most), most]


def level(n: int, end: int = LOOKS[-1], alpha: float = ALPHA) -> float:
    """The two-sided level at which a look at `n` seeds tests.

    A number of seeds between planned looks counts as one more look; one after the planned end counts as the end.

    Args:
        n: seeds seen.
        end: seeds at the last planned look, when all of alpha is spent.
        alpha: error to spend over all looks.

    Raises:
        ValueError: there are fewer seeds than at the first look, where nothing is tested.
    """
    if n < LOOKS[0]:
        raise ValueError(f"{n} seeds are fewer than the first look's {LOOKS[0]}.")
    return levels(tuple(planned(n)), alpha, max(n, end))[-1]


@functools.cache
def levels(looks: tuple[int, ...], alpha: float, end: int) -> tuple[float, ...]:
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
