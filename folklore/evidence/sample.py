"""What the seeds say about one effect: estimate, interval, and whether a bound is passed beyond doubt.

A bound counts as passed where Student's interval lies beyond it, and would still do so without any single seed, and
tests that assume less agree at the same level. The largest p-value of all is that of "the effect is beyond it".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from scipy import special

from folklore.evidence import sequential, statistics


class Sample(Protocol):
    """One effect in several seeds."""

    @property
    def n(self) -> int:
        """Seeds."""

    @property
    def effect(self) -> float:
        """The estimate, positive in the claimed direction; NaN without seeds."""

    def interval(self, level: float) -> tuple[float, float]:
        """(lo, hi) at a two-sided level, such as .05; NaN for fewer than two seeds."""

    def p_interval(self, bound: float, above: bool) -> float:
        """The two-sided level at which the interval just reaches `bound` from above, or from below."""

    def p_of_tests(self, bound: float, above: bool) -> dict[str, float]:
        """Those of tests that assume less, two-sided, by their names."""

    def p_without_one(self, bound: float, above: bool) -> tuple[float, int]:
        """The largest `p_interval` of all but one seed, and the place of the seed that is left out."""

    def e_value(self, bound: float, above: bool) -> float:
        """The e-value of "the effect is `bound`"; 0 where the estimate lies on its other side."""


def p_value(sample: Sample, bound: float, above: bool) -> float:
    """The smallest two-sided level at which the effect passes `bound` beyond doubt, see above."""
    tests = sample.p_of_tests(bound, above)
    return max(sample.p_interval(bound, above), sample.p_without_one(bound, above)[0], *tests.values())


@dataclass(frozen=True, eq=False)
class Means:
    """The mean of values by seed, with Student's interval.

    Attributes:
        values: shape (n,), positive in the claimed direction.
        from_rows: the part of the mean's variance that comes from test rows which the seeds share, see
            `folklore.evidence.two_way`. More seeds do not shrink it.
        from_tuning: the part that comes from tuning, which they share too, see `folklore.evidence.tuning_choice`.
    """

    values: np.ndarray
    from_rows: float = 0.0
    from_tuning: float = 0.0

    @property
    def n(self) -> int:
        """Seeds."""
        return len(self.values)

    @cached_property
    def effect(self) -> float:
        """The mean; NaN without seeds."""
        return float(self.values.mean()) if self.n else float("nan")

    @cached_property
    def std(self) -> float:
        """Sample standard deviation over seeds."""
        return statistics.sample_std(self.values)

    @property
    def shared(self) -> float:
        """The part of the mean's variance that seeds share."""
        return self.from_rows + self.from_tuning

    @cached_property
    def error(self) -> float:
        """The standard error of the mean: seeds, and what they share."""
        return float(np.sqrt(self.std**2 / self.n + self.shared)) if self.n > 1 else float("nan")

    def interval(self, level: float) -> tuple[float, float]:
        """Student's interval with n - 1 degrees of freedom."""
        if self.n < 2:
            return float("nan"), float("nan")
        return statistics.t_from_error(self.effect, self.error, self.n, 1 - level)

    def p_interval(self, bound: float, above: bool) -> float:
        """Student's test."""
        return float(_student(self._distance(bound, above), self.n - 1)) if self.n > 1 else float("nan")

    def p_of_tests(self, bound: float, above: bool) -> dict[str, float]:
        """The sign-flip test of the values less the bound, and Student's test corrected for skewness."""
        away = self.values - bound if above else bound - self.values
        found = {"the sign-flip test": min(1.0, 2 * statistics.sign_flip_test(away, "greater"))}
        if self.error > 0:
            found["the test that allows for skewness"] = statistics.skewness_corrected_t(away, self.error)
        return found

    def p_without_one(self, bound: float, above: bool) -> tuple[float, int]:
        """Student's test of each n - 1 values."""
        if self.n < 3:
            return 1.0, 0
        means = (self.values.sum() - self.values) / (self.n - 1)
        squares = ((self.values - self.effect) ** 2).sum() - (self.values - self.effect) ** 2 * self.n / (self.n - 1)
        errors = np.sqrt(np.maximum(squares, 0) / (self.n - 2) / (self.n - 1) + self.shared)
        p = _student(_ratio(means - bound if above else bound - means, errors), self.n - 2)
        return float(p.max()), int(p.argmax())

    def e_value(self, bound: float, above: bool) -> float:
        """That of `sequential.e_value`."""
        distance = self._distance(bound, above)
        return sequential.e_value(distance, self.n) if not distance <= 0 else 0.0

    def _distance(self, bound: float, above: bool) -> float:
        away = self.effect - bound if above else bound - self.effect
        return float(_ratio(np.array(away), np.array(self.error)))


@dataclass(frozen=True, eq=False)
class Rates:
    """A rate minus another in pairs, or minus a number; with Newcombe's or Wilson's interval.

    Attributes:
        hits: booleans (n,).
        others: those of the other arm, (n,), or a number.
        sign: 1, or -1 where a lower rate is in the claimed direction.
    """

    hits: np.ndarray
    others: np.ndarray | float
    sign: int = 1

    @property
    def n(self) -> int:
        """Pairs."""
        return len(self.hits)

    @property
    def effect(self) -> float:
        """The difference of the rates; NaN without pairs."""
        return float(self.sign * (self.hits.mean() - np.mean(self.others))) if self.n else float("nan")

    def interval(self, level: float) -> tuple[float, float]:
        """Newcombe's interval, or Wilson's less the number."""
        if not self.n:
            return float("nan"), float("nan")
        if isinstance(self.others, np.ndarray):
            bounds = statistics.newcombe_difference(self.hits, self.others, 1 - level)
        else:
            low, high = statistics.wilson_interval(int(self.hits.sum()), self.n, 1 - level)
            bounds = float(low) - self.others, float(high) - self.others
        lo, hi = sorted(self.sign * bound for bound in bounds)
        return lo, hi

    def p_interval(self, bound: float, above: bool) -> float:
        """By inverting the interval."""
        from scipy import optimize

        def beyond(log_level: float) -> float:
            lo, hi = self.interval(float(np.exp(log_level)))
            return lo - bound if above else bound - hi

        widest, narrowest = np.log(1e-12), np.log(1 - 1e-9)
        if not beyond(narrowest) > 0:
            return 1.0
        if beyond(widest) >= 0:
            return 1e-12
        return float(np.exp(optimize.brentq(beyond, widest, narrowest, xtol=1e-6)))

    def p_of_tests(self, bound: float, above: bool) -> dict[str, float]:
        """McNemar's exact test of pairs, the binomial test of a number: of 0, beyond which larger bounds lie too."""
        if bound < 0 if above else bound > 0:
            return {}
        if isinstance(self.others, np.ndarray):
            name, p = "McNemar's test", statistics.mcnemar(self.hits, self.others)
        else:
            name, p = "the binomial test", statistics.binomial_test(int(self.hits.sum()), self.n, self.others)
        return {name: p if self.effect and (self.effect > 0) == above else 1.0}

    def p_without_one(self, bound: float, above: bool) -> tuple[float, int]:
        """Seeds with equal outcomes have equal p-values, so each kind is left out once."""
        kinds = {(bool(hit), bool(other)): place for place, (hit, other) in enumerate(
            zip(self.hits, np.broadcast_to(self.others, self.n), strict=True))}  # fmt: skip
        found = [(self._without(place).p_interval(bound, above), place) for place in kinds.values()]
        return max(found, default=(1.0, 0))

    def e_value(self, bound: float, above: bool) -> float:
        """NaN: the mixture is one for means."""
        return float("nan")

    def _without(self, place: int) -> Rates:
        others = np.delete(self.others, place) if isinstance(self.others, np.ndarray) else self.others
        return Rates(np.delete(self.hits, place), others, self.sign)


def _student(distances: np.ndarray | float, freedom: int) -> np.ndarray:
    """Two-sided p-values of one-sided distances in standard errors; 1 on the wrong side."""
    return np.minimum(1.0, 2 * special.stdtr(freedom, -np.asarray(distances)))


def _ratio(distance: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Distances in standard errors; infinite, or 0, where there is no error."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(error > 0, distance / error, np.where(distance == 0, 0.0, np.sign(distance) * np.inf))
