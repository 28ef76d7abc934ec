"""The questions about the arms: `Metric`, `Hypothesis`, and `Fact`, for claims that computation settles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from folklore.declare import checks, metrics
from folklore.errors import DeclarationError

Direction = Literal["better", "worse", "slope", "no difference", "not worse"]


@dataclass(frozen=True)
class Metric:
    """A metric of a run, such as "test/rmse", and whether smaller ("min") or larger ("max") is better.

    `folklore.declare.metrics` lists the metrics and the forms: at the selected epoch, best, last, epochs to a target,
    differences.

    Example:
        >>> from folklore import Metric
        >>> Metric("test/accuracy", goal="max").name
        'test/accuracy'
    """

    name: str
    goal: Literal["min", "max"]

    def __post_init__(self) -> None:
        checks.kind("Metric's name", self.name, str, "Write, say, Metric('test/accuracy', goal='max').")
        checks.one_of("Metric's goal", self.goal, ("min", "max"))
        wanted = metrics.goal(self.name)
        if wanted is not None and self.goal != wanted:
            raise DeclarationError(
                f"The metric {self.name!r} has the goal {self.goal!r}, which would count worse as better: "
                f"write Metric({self.name!r}, goal={wanted!r})."
            )


@dataclass(frozen=True)
class Hypothesis:
    """The hypothesis that an arm is better or worse than another, or does not differ from it.

    Attributes:
        arm: the arm it is about. Several, in order, make it a trend, whose effect is the change of the metric from the
            first to the last along their least-squares line. Where they stand on that line is the number in which
            their recipes differ; a mapping gives it for each arm, where there is none or more than one.
        direction: "better", "worse", "no difference", or "not worse": as good as, costs nothing. Of a trend, "better"
            and "worse" say "the more, the better": no step may go the other way; "slope" says that the metric gets
            better from the first to the last, whatever single steps do.
        by: the smallest effect that matters, above 0, in units of the metric.
        metric: the metric it is about; None takes the experiment's.
        against: the arm it is compared with, or a number; None takes the experiment's baseline.
        claim: the part of the experiment's claim that it is about; "" takes the whole.
        more_than: two other arms, `(arm, against)`. The effect is then a difference of differences: by how much more
            `arm` differs from `against` than the first of these from the second.

    Example:
        >>> from folklore import Hypothesis
        >>> hypothesis = Hypothesis("dropout", "worse", by=0.5)
        >>> hypothesis.arms, hypothesis.is_trend
        (('dropout',), False)
        >>> deep = Hypothesis("deep, bn", "better", by=0.01, against="deep", more_than=("shallow, bn", "shallow"))
        >>> deep.named
        ('deep, bn', 'deep', 'shallow, bn', 'shallow')
    """

    arm: str | tuple[str, ...] | Mapping[str, float]
    direction: Direction
    by: float
    metric: Metric | None = None
    against: str | float | None = None
    claim: str = ""
    more_than: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        checks.one_of("Hypothesis' direction", self.direction, get_args(Direction))
        if not checks.is_positive(self.by):
            raise DeclarationError(
                f"Hypothesis({self.arm!r}) has by={self.by!r}. Give the smallest effect that would matter, above 0, "
                "in units of the metric."
            )
        advice = 'Write metric=Metric("best validation/loss", goal="min"), or leave it out.'
        checks.kind("Hypothesis' metric", self.metric, Metric | None, advice)
        checks.kind("Hypothesis' claim", self.claim, str, "Write a sentence, or leave it out.")
        if isinstance(self.against, bool) or not isinstance(self.against, str | int | float | None):
            raise DeclarationError(f"Hypothesis' against is {self.against!r}. Give an arm's name or a number.")
        if isinstance(self.arm, list):
            object.__setattr__(self, "arm", tuple(self.arm))
        if isinstance(self.more_than, list):
            object.__setattr__(self, "more_than", tuple(self.more_than))
        if self.is_trend:
            self._check_trend()
        elif self.direction == "slope":
            raise DeclarationError(
                f"Hypothesis({self.arm!r}) has the direction 'slope', which is one of a trend. Name three arms or "
                "more, in order, or give 'better' or 'worse'."
            )
        if self.more_than is not None:
            self._check_more_than()

    def _check_trend(self) -> None:
        if len(set(self.arms)) < max(3, len(self.arms)) or self.against is not None:
            raise DeclarationError(
                f"The trend over {self.arms!r} needs three different arms or more, in order, and no `against`."
            )
        if self.values is not None and not checks.rising_or_falling(self.values):
            raise DeclarationError(
                f"The trend over {self.arms!r} has the values {self.values!r}. Give each arm a number, in rising or "
                "falling order."
            )
        if self.metric and metrics.parse(self.metric.name).is_rate:
            raise DeclarationError(
                f"The trend over {self.arms!r} is about {self.metric.name!r}, a rate, and a trend of rates has no "
                "interval. Compare the last arm with the first."
            )

    def _check_more_than(self) -> None:
        pair = self.more_than
        if not (isinstance(pair, tuple) and len(pair) == 2 and all(isinstance(name, str) for name in pair)):
            raise DeclarationError(f"Hypothesis' more_than is {pair!r}. Give two arms: (arm, against).")
        if self.is_trend or isinstance(self.against, int | float) or pair[0] == pair[1]:
            raise DeclarationError(
                f"Hypothesis({self.arm!r}) has more_than={pair!r}: a difference of differences is one of four arms, of "
                "an arm against another, more than of a third against a fourth."
            )
        if self.metric and metrics.parse(self.metric.name).is_rate:
            raise DeclarationError(
                f"Hypothesis({self.arm!r}) has more_than={pair!r} and is about {self.metric.name!r}, a rate, and a "
                "difference of differences of rates has no interval. Compare two arms."
            )

    @property
    def is_trend(self) -> bool:
        """Whether it is about several arms in order."""
        return isinstance(self.arm, tuple | Mapping)

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms it is about, always as a tuple."""
        return tuple(self.arm) if isinstance(self.arm, tuple | Mapping) else (self.arm,)

    @property
    def values(self) -> tuple[float, ...] | None:
        """The numbers given for the arms of a trend; None where their recipes say them."""
        return tuple(self.arm.values()) if isinstance(self.arm, Mapping) else None

    @property
    def named(self) -> tuple[str, ...]:
        """All arms that it names itself; the baseline is not among them."""
        against = (self.against,) if isinstance(self.against, str) else ()
        return (*self.arms, *against, *(self.more_than or ()))

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able data."""
        metric = None if self.metric is None else {"name": self.metric.name, "goal": self.metric.goal}
        return {
            "arm": list(self.arms) if self.is_trend else self.arm,
            "values": None if self.values is None else list(self.values),
            "direction": self.direction,
            "by": self.by,
            "metric": metric,
            "against": self.against,
            "more_than": None if self.more_than is None else list(self.more_than),
            "claim": self.claim,
        }


@dataclass(frozen=True)
class Fact:
    """A statement that a computation settles, with what was expected and what was found. Both JSON-able.

    Example:
        >>> from folklore import Fact
        >>> fact = Fact("The network has 9 parameters", expected=9, found=9)
        >>> fact.holds
        True
    """

    statement: str
    expected: Any
    found: Any

    @property
    def holds(self) -> bool:
        """Whether the value found is the expected one."""
        return bool(self.expected == self.found)
