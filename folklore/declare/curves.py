"""The forms of a metric: its value at an epoch, or a figure of the shape of its curve.

A new form is a new row of `FORMS`.

Nothing here imports NumPy: declarations are read by commands that must answer at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from statistics import NormalDist, median
from typing import Literal

# The median of the absolute value of a normal variable, in standard deviations.
_NORMAL_MEDIAN = NormalDist().inv_cdf(0.75)


@dataclass(frozen=True)
class Curve:
    """A metric of a run, epoch by epoch.

    Attributes:
        values: after each epoch; NaN and infinity occur where a run diverged.
        seconds: since the start, after each epoch; empty where they were not recorded.
        selected: the epoch whose weights were kept, from 1; None where there is none.
        budget: the epochs that the recipe allows, of which the run may have used fewer.
        number: the one that the form needs; NaN where it needs none.
        goal: whether a smaller or a larger value is better.
    """

    values: Sequence[float]
    seconds: Sequence[float]
    selected: int | None
    budget: int
    number: float
    goal: Literal["min", "max"]

    @property
    def finite(self) -> list[float]:
        """The values that are neither NaN nor infinite."""
        return [value for value in self.values if math.isfinite(value)]

    @property
    def reached(self) -> int | None:
        """The place of the first value that is as good as the number; None where there is none."""
        good = (place for place, value in enumerate(self.values) if self._is_as_good(value))
        return next(good, None)

    def _is_as_good(self, value: float) -> bool:
        return value >= self.number if self.goal == "max" else value <= self.number


@dataclass(frozen=True)
class Form:
    """A row of the table.

    Attributes:
        meaning: in words, for people.
        value: of a curve that has one value or more; None where the curve has no such figure.
        number: what stands behind the metric, such as "a target"; "" where nothing does.
        goal: "metric" where the metric's own goal holds, else the goal of the figure.
        needs_goal: whether it makes sense only where smaller or larger values of the metric are known to be better.
        of_failures: whether it has a meaning for runs that diverged or collapsed.
        in_units: whether it is in the unit of the metric; else it counts epochs or seconds.
    """

    meaning: str
    value: Callable[[Curve], float | None]
    number: str = ""
    goal: Literal["metric", "min"] = "metric"
    needs_goal: bool = False
    of_failures: bool = False
    in_units: bool = True


def jitter(curve: Curve) -> float | None:
    """How much a curve jumps from epoch to epoch, in units of the metric; None for fewer than three epochs.

    An estimate of the standard deviation of what lies around a smooth curve, from second differences (Gasser, Sroka &
    Jennen-Steinmetz 1986, "Residual variance and residual pattern in nonlinear regression", equation 2.1: the variance
    of y[i-1] - 2 y[i] + y[i+1] is six times that of the noise). A straight rise or fall does not count. The median of
    their absolute values is taken, as for a normal distribution, so that the steep first epochs hardly do.

    Example:
        >>> def of(values):
        ...     return Curve(values, (), None, len(values), math.nan, "max")
        >>> jitter(of([0.1, 0.2, 0.3, 0.4])), round(jitter(of([0.5, 0.7, 0.5, 0.7])), 4)
        (0.0, 0.2421)
    """
    values = curve.values
    if len(values) < 3 or len(curve.finite) < len(values):
        return None
    bends = [abs(a - 2 * b + c) for a, b, c in zip(values, values[1:], values[2:], strict=False)]
    return median(bends) / (_NORMAL_MEDIAN * math.sqrt(6))


def largest_drop(curve: Curve) -> float | None:
    """The largest loss from the best value so far to a later one, in units of the metric; 0 where it never gets worse.

    Example:
        >>> largest_drop(Curve([0.2, 0.8, 0.5, 0.7, 0.4], (), None, 5, math.nan, "max"))
        0.4
    """
    sign = 1 if curve.goal == "max" else -1
    best, drop = -math.inf, 0.0
    for value in curve.finite:
        best = max(best, sign * value)
        drop = max(drop, best - sign * value)
    return drop if curve.finite else None


def flat_epochs(curve: Curve) -> float:
    """The epochs at the beginning, the first among them, in which the metric stays within `number` of its first value.

    Where it never leaves, all epochs that the recipe allows. A value that is not finite has left.

    Example:
        >>> flat_epochs(Curve([2.30, 2.29, 2.31, 1.9], (), None, 4, 0.05, "min"))
        3.0
    """
    first = curve.values[0]
    flat = list(takewhile(lambda value: abs(value - first) <= curve.number, curve.values))
    return float(curve.budget if len(flat) == len(curve.values) else len(flat))


def _selected(curve: Curve) -> float | None:
    inside = curve.selected and 1 <= curve.selected <= len(curve.values)
    return curve.values[curve.selected - 1] if inside and curve.selected else None


def _best(curve: Curve) -> float | None:
    return (max if curve.goal == "max" else min)(curve.finite, default=None)


def _at(curve: Curve) -> float | None:
    return curve.values[int(curve.number) - 1] if 1 <= curve.number <= len(curve.values) else None


def _epochs_to(curve: Curve) -> float:
    return float(curve.budget if curve.reached is None else curve.reached) + 1


def _seconds_to(curve: Curve) -> float | None:
    if not curve.seconds:
        return None
    if curve.reached is None:
        return curve.seconds[-1] * curve.budget / len(curve.values)
    return curve.seconds[curve.reached]


_NEVER = (
    "a target that was not reached counts as reached one epoch after the last that the recipe allows, also where the "
    "run stopped early or diverged, since it would not have done better"
)
FORMS = {
    "": Form("at the epoch whose weights were kept", _selected),
    "best": Form("the best of all epochs", _best, needs_goal=True),
    "first": Form("after the first epoch; of a probe, before the first step", lambda curve: curve.values[0]),
    "at": Form(
        "after this epoch; `at 0` of a probe is before the first step; a run that stopped before has none",
        _at,
        number="an epoch",
    ),
    "last": Form("at the last epoch", lambda curve: curve.values[-1]),
    "epochs to": Form(
        f"the first epoch at which the metric is as good as the number; {_NEVER}",
        _epochs_to,
        number="a target",
        goal="min",
        of_failures=True,
        in_units=False,
    ),
    "seconds to": Form(
        "the seconds of training at the end of that epoch; of a target that was not reached, those that all epochs "
        "that the recipe allows would take",
        _seconds_to,
        number="a target",
        goal="min",
        of_failures=True,
        in_units=False,
    ),
    "jitter of": Form(
        "how much the curve jumps from epoch to epoch: the standard deviation of what lies around a smooth curve, from "
        "the median of its second differences (Gasser, Sroka & Jennen-Steinmetz 1986)",
        jitter,
        goal="min",
    ),
    "largest drop of": Form(
        "the largest loss from the best value so far to a later one, 0 where it never gets worse",
        largest_drop,
        goal="min",
        needs_goal=True,
        of_failures=True,
    ),
    "flat epochs of": Form(
        "the epochs at the beginning, the first among them, in which the metric stays within the number of its first "
        "value; where it never leaves, all that the recipe allows",
        flat_epochs,
        number="a width",
        goal="min",
        of_failures=True,
        in_units=False,
    ),
}
UNTIL = ("epochs to", "seconds to")
