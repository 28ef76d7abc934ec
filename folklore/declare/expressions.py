"""Expressions of a run's metrics, and their values in a run that ended. `metrics.parse` makes them from text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from folklore.declare.curves import FORMS, UNTIL, Curve

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
    def before(self) -> Mapping[str, float | None] | None:
        """What its probes measured before the first step, by name; None for a run without."""

    @property
    def selected_epoch(self) -> int | None:
        """The epoch whose weights were kept, from 1; None where there is none."""

    @property
    def recipe(self) -> Mapping[str, Any]:
        """As `Recipe.to_dict` gives it."""


@dataclass(frozen=True)
class Term:
    """One figure of a run: a metric at one of its epochs, or of the shape of its curve.

    Attributes:
        form: the name of the figure, out of `FORMS`; "" for the value at the selected epoch.
        split: the part of the data.
        metric: without the part.
        number: the one that the form needs, such as a target; None where it needs none.
        goal: whether a smaller or a larger value of the metric is better.
    """

    form: str
    split: str
    metric: str
    number: float | None = None
    goal: Literal["min", "max"] = "min"

    @property
    def name(self) -> str:
        """As recorded, such as "validation/loss"."""
        return f"{self.split}/{self.metric}"

    @property
    def has_target(self) -> bool:
        """Whether it is the time until a target, which a run may never reach."""
        return self.form in UNTIL

    @property
    def is_before(self) -> bool:
        """Whether it is measured before the first step, which only probes are."""
        return self.split == "probe" and (self.form == "first" or (self.form == "at" and self.number == 0))

    @property
    def from_history(self) -> bool:
        """Whether it is read from history.csv, not from run.json."""
        return not self.is_before and (self.form != "" or self.split in HISTORY_ONLY)

    @property
    def of_failures_too(self) -> bool:
        """Whether it also has a meaning for a run that failed."""
        return FORMS[self.form].of_failures or self.split == "probe"

    def of(self, run: EndedRun, history: History) -> float | None:
        """Its value in a run; None where the run has none."""
        if not self.from_history:
            return _number(self._source(run, history).get(self.name))
        if not history.get(self.name):
            return None
        return _number(FORMS[self.form].value(self._curve(run, history)))

    def recorded(self, run: EndedRun, history: History) -> bool:
        """Whether a run recorded it, be its value finite or not; of `at`, whether the run had that epoch."""
        found = self._source(run, history)
        lacks_epoch = self.form == "at" and self.from_history and len(found.get(self.name, ())) < (self.number or 0)
        return self.name in found and not lacks_epoch

    def _source(self, run: EndedRun, history: History) -> Mapping[str, Any]:
        if self.is_before:
            return run.before or {}
        return history if self.from_history else run.metrics

    def never_reached(self, run: EndedRun, history: History) -> bool:
        """Whether it has a target, which the run never reached."""
        return self.has_target and self._curve(run, history).reached is None

    def _curve(self, run: EndedRun, history: History) -> Curve:
        values = history.get(self.name, ())
        return Curve(
            values=values,
            seconds=history.get("seconds", ()),
            selected=run.selected_epoch,
            budget=run.recipe.get("epochs", len(values)),
            number=math.nan if self.number is None else self.number,
            goal=self.goal,
        )


@dataclass(frozen=True)
class Expression:
    """An expression of a run's metrics: one term, the difference of two, or an event, which happens in a run or not.

    Attributes:
        terms: the second is subtracted from the first.
        event: "" for a number; one of `RATES`, without terms; or "above" or "below", the terms' value a bound.
        bound: of "above" and "below".
    """

    terms: tuple[Term, ...]
    event: str = ""
    bound: float = math.nan

    @property
    def is_rate(self) -> bool:
        """Whether it is 0 or 1, so that its mean over seeds is a rate."""
        return self.event != ""

    @property
    def has_target(self) -> bool:
        """Whether it is the time until a target, which a run may never reach."""
        return any(term.has_target for term in self.terms)

    @property
    def of_failures_too(self) -> bool:
        """Whether it also has a meaning for a run that failed: a rate, a target not reached, a look inside the net."""
        return self.is_rate or any(term.of_failures_too for term in self.terms)

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
        """The metrics of the test part that it is made of, each with its sign; none for a rate."""
        if self.is_rate:
            return []
        return [(sign, term.metric) for sign, term in zip((1, -1), self.terms, strict=False) if term.split == "test"]

    def of(self, run: EndedRun, history: History) -> float | None:
        """Its value in a run with this run.json and history.csv; None where the run has none."""
        if self.event in RATES:
            return float(has_failed(run, self.event)) if run.status in ("done", "diverged") else None
        if has_failed(run) and not self.of_failures_too:
            return None
        values = [term.of(run, history) for term in self.terms]
        if None in values:
            return None
        value: float = values[0] if len(values) == 1 else values[0] - values[1]  # type: ignore[assignment, operator]
        if self.is_rate:
            return float(value > self.bound if self.event == "above" else value < self.bound)
        return value

    def never_reached(self, run: EndedRun, history: History) -> bool:
        """Whether a run that ended never reached a target."""
        return any(term.never_reached(run, history) for term in self.terms)


def has_failed(run: EndedRun, how: str = "failure") -> bool:
    """Whether a run that ended diverged (NaN or infinity) or collapsed (no better than a constant prediction)."""
    diverged, collapsed = run.status == "diverged", run.collapse is not None
    return {"failure": diverged or collapsed, "divergence": diverged, "collapse": collapsed}[how]


def _number(value: Any) -> float | None:
    """A finite number, to the seven digits that float32 has: 0.1 there is 0.1 here, and not 1.5e-9 more."""
    return float(f"{float(value):.7g}") if value is not None and math.isfinite(value) else None
