"""The questions about the arms: `Metric`, `Hypothesis`, and `Fact`, for claims that computation settles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from folklore.declare import checks, metrics
from folklore.errors import DeclarationError

Direction = Literal["better", "worse", "no difference"]


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
        arm: the arm it is about. Several, in order, make it a trend: along them the metric gets better, or worse; the
            effect is the change from the first to the last along a straight line.
        direction: "better", "worse" or "no difference".
        by: the smallest effect that matters, above 0, in units of the metric.
        metric: the metric it is about; None takes the experiment's.
        against: the arm it is compared with, or a number; None takes the experiment's baseline.
        claim: the part of the experiment's claim that it is about; "" takes the whole.

    Example:
        >>> from folklore import Hypothesis
        >>> hypothesis = Hypothesis("dropout", "worse", by=0.5)
        >>> hypothesis.arms, hypothesis.is_trend
        (('dropout',), False)
    """

    arm: str | tuple[str, ...]
    direction: Direction
    by: float
    metric: Metric | None = None
    against: str | float | None = None
    claim: str = ""

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
        if self.is_trend and (len(set(self.arm)) < max(3, len(self.arm)) or self.against is not None):
            raise DeclarationError(
                f"The trend over {self.arm!r} needs three different arms or more, in order, and no `against`."
            )

        if self.is_trend and self.metric and metrics.parse(self.metric.name).is_rate:
            raise DeclarationError(
                f"The trend over {self.arm!r} is about {self.metric.name!r}, a rate, and a trend of rates has no "
                "interval. Compare the last arm with the first."
            )

    @property
    def is_trend(self) -> bool:
        """Whether it is about several arms in order."""
        return isinstance(self.arm, tuple)

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms it is about, always as a tuple."""
        return self.arm if isinstance(self.arm, tuple) else (self.arm,)

    def to_dict(self) -> dict[str, Any]:
        """As JSON-able data."""
        metric = None if self.metric is None else {"name": self.metric.name, "goal": self.metric.goal}
        return {
            "arm": list(self.arm) if isinstance(self.arm, tuple) else self.arm,
            "direction": self.direction,
            "by": self.by,
            "metric": metric,
            "against": self.against,
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
