"""Expressions of a run's metrics, and their values in a run that ended. `metrics.parse` makes them from text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

RATES = ("failure", "divergence", "collapse")
HISTORY_ONLY = ("running", "probe", "logged")  # parts that history.csv has beside the splits, and run.json has not
History = Mapping[str, Sequence[float]]


class EndedRun(Protocol):
    """The record that metrics are read from, beside the history: `EndedRun` of `folklore.storage.schema`."""

    @property
    def status(self) -> str:
        """ "done" or "diverged"."""

    @property
    def collapse(self) -> object | None:
        """When and why it collapsed; None for a run that did not."""

    @property
    def metrics(self) -> Mapping[str, float | None]:
        """At the selected epoch, by name."""

    @property
    def selected_epoch(self) -> int | None:
        """The epoch whose weights were kept, from 1; None where there is none."""

    @property
    def recipe(self) -> Mapping[str, Any]:
        """As `Recipe.to_dict` gives it."""


@dataclass(frozen=True)
class Term:
    """One metric of a run, at one of its epochs.

    Attributes:
        when: which epoch; or the epochs, or seconds, until the metric is as good as the `target`.
        split: the part of the data.
        metric: without the part.
        goal: whether a smaller or a larger value is as good as a target.
    """

    when: Literal["selected", "best", "last", "epochs to", "seconds to"]
    split: str
    metric: str
    target: float | None = None
    goal: Literal["min", "max"] = "min"

    @property
    def name(self) -> str:
        """As recorded, such as "validation/loss"."""
        return f"{self.split}/{self.metric}"

    @property
    def from_history(self) -> bool:
        """Whether it is read from history.csv, not from run.json."""
        return self.when != "selected" or self.split in HISTORY_ONLY

    def of(self, run: EndedRun, history: History) -> float | None:
        """Its value in a run; None where the run has none.

        A target that was not reached counts as reached one epoch after the budget's last, or at the end of that epoch.
        This also holds for a run that stopped early or diverged: it would not have done better.
        """
        if not self.from_history:
            return _number(run.metrics.get(self.name))
        values = history.get(self.name)
        if not values:
            return None
        if self.when == "selected":
            selected = run.selected_epoch
            return _number(values[selected - 1]) if selected and 1 <= selected <= len(values) else None
        if self.when == "last":
            return _number(values[-1])
        if self.when == "best":
            numbers = [value for value in values if math.isfinite(value)]
            return (max if self.goal == "max" else min)(numbers, default=None)
        index = self.reached(values)
        budget = run.recipe.get("epochs", len(values))
        if self.when == "epochs to":
            return float(budget if index is None else index) + 1
        if not (seconds := history.get("seconds")):
            return None
        return _number(seconds[-1] * budget / len(values) if index is None else seconds[index])

    def reached(self, values: Sequence[float]) -> int | None:
        """The place of the first value that is as good as the target; None where there is none."""
        target, largest = math.nan if self.target is None else self.target, self.goal == "max"
        good = (place for place, value in enumerate(values) if (value >= target if largest else value <= target))
        return next(good, None)


@dataclass(frozen=True)
class Expression:
    """An expression of a run's metrics: one term, the difference of two, or whether the run failed (no terms).

    Attributes:
        terms: the second is subtracted from the first.
        rate: one of `RATES` where there are no terms.
    """

    terms: tuple[Term, ...]
    rate: str = ""

    @property
    def is_rate(self) -> bool:
        """Whether it is 0 or 1, so that its mean over seeds is a rate."""
        return not self.terms

    @property
    def has_target(self) -> bool:
        """Whether it is the time until a target, which a run may never reach."""
        return any(term.target is not None for term in self.terms)

    @property
    def of_failures_too(self) -> bool:
        """Whether it also has a meaning for a run that failed: a rate, a target not reached, a look inside the net."""
        return self.is_rate or self.has_target or any(term.split == "probe" for term in self.terms)

    @property
    def from_history(self) -> bool:
        """Whether histories must be read for it."""
        return any(term.from_history for term in self.terms)

    @property
    def names(self) -> list[str]:
        """The recorded metrics that it is made of."""
        return [term.name for term in self.terms]

    @property
    def test_terms(self) -> list[tuple[int, str]]:
        """The metrics of the test part that it is made of, each with its sign."""
        return [(sign, term.metric) for sign, term in zip((1, -1), self.terms, strict=False) if term.split == "test"]

    def of(self, run: EndedRun, history: History) -> float | None:
        """Its value in a run with this run.json and history.csv; None where the run has none."""
        if self.is_rate:
            return float(has_failed(run, self.rate)) if run.status in ("done", "diverged") else None
        if has_failed(run) and not self.of_failures_too:
            return None
        values = [term.of(run, history) for term in self.terms]
        if None in values:
            return None
        return values[0] if len(values) == 1 else values[0] - values[1]  # type: ignore[operator]

    def never_reached(self, run: EndedRun, history: History) -> bool:
        """Whether a run that ended never reached a target."""
        return any(term.target is not None and term.reached(history.get(term.name, ())) is None for term in self.terms)


def has_failed(run: EndedRun, how: str = "failure") -> bool:
    """Whether a run that ended diverged (NaN or infinity) or collapsed (no better than a constant prediction)."""
    diverged, collapsed = run.status == "diverged", run.collapse is not None
    return {"failure": diverged or collapsed, "divergence": diverged, "collapse": collapsed}[how]


def _number(value: Any) -> float | None:
    """A finite number, to the seven digits that float32 has: 0.1 there is 0.1 here, and not 1.5e-9 more."""
    return float(f"{float(value):.7g}") if value is not None and math.isfinite(value) else None
