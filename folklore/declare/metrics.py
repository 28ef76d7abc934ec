"""What arms can be compared by: figures of a run, written as short phrases.

test/accuracy                              at the selected epoch; so are train/…, validation/…, running/…, probe/…
best validation/accuracy                   of all epochs; `last` for the last epoch's
epochs to validation/accuracy 0.85         the first epoch that is as good; `seconds to` for its time
train/accuracy - validation/accuracy       any two of these, one minus the other: here the gap
divergence                                 1 for a run that diverged, else 0: over seeds, a rate
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from folklore.declare import checks
from folklore.errors import DeclarationError, did_you_mean

SPLITS = ("train", "validation", "test")
METRICS = {"classification": ("loss", "accuracy"), "regression": ("loss", "rmse", "mae")}
DIVERGENCE = "divergence"
EXAMPLES = "test/accuracy, best validation/loss, epochs to validation/accuracy 0.85, train/loss - validation/loss"
_RECORDED = ("running", "probe")  # beside the splits, in history.csv
_NUMBER = r"-?(?:\d{1,15}(?:\.\d{0,15})?|\.\d{1,15})(?:[eE][-+]?\d{1,2})?"
_TERM = re.compile(rf"(?:(best|last|epochs to|seconds to) )?([^/\s]+)/(\S+?)(?: ({_NUMBER}))?")

History = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Term:
    """One figure of a run."""

    when: Literal["selected", "best", "last", "epochs to", "seconds to"]
    split: str
    figure: str
    target: float | None = None

    @property
    def name(self) -> str:
        """As recorded, such as "validation/loss"."""
        return f"{self.split}/{self.figure}"

    @property
    def from_history(self) -> bool:
        """Whether it is read from history.csv, and not from run.json."""
        return self.when != "selected" or self.split in _RECORDED

    def of(self, record: Mapping[str, Any], history: History) -> float | None:
        """Its value in a run; None where the run has none.

        A target that was not reached counts as reached one epoch after the budget's last, or at the end of that, also
        in a run that stopped early or diverged: it would not have done better.
        """
        if not self.from_history:
            return _number(record.get("metrics", {}).get(self.name))
        values = history.get(self.name)
        if not values:
            return None
        if self.when == "selected":
            selected = record.get("selected_epoch")
            return _number(values[selected - 1]) if selected and 1 <= selected <= len(values) else None
        if self.when == "last":
            return _number(values[-1])
        largest = goal_of(self.name) == "max"
        if self.when == "best":
            numbers = [value for value in values if math.isfinite(value)]
            return (max if largest else min)(numbers, default=None)
        target = math.nan if self.target is None else self.target
        reached = (i for i, value in enumerate(values) if (value >= target if largest else value <= target))
        index = next(reached, None)
        budget = record.get("recipe", {}).get("epochs", len(values))
        if self.when == "epochs to":
            return float(budget if index is None else index) + 1
        if not (seconds := history.get("seconds")):
            return None
        return _number(seconds[-1] * budget / len(values) if index is None else seconds[index])


@dataclass(frozen=True)
class Figure:
    """A figure of a run: one term, the difference of two, or whether the run diverged (no terms)."""

    terms: tuple[Term, ...]

    @property
    def is_rate(self) -> bool:
        """Whether it is 0 or 1, so that its mean over seeds is a rate."""
        return not self.terms

    @property
    def from_history(self) -> bool:
        """Whether histories must be read for it."""
        return any(term.from_history for term in self.terms)

    @property
    def names(self) -> list[str]:
        """The recorded figures that it is made of."""
        return [term.name for term in self.terms]

    def of(self, record: Mapping[str, Any], history: History) -> float | None:
        """Its value in an ended run with this run.json and history.csv; None where it has none."""
        if self.is_rate:
            return {"diverged": 1.0, "done": 0.0}.get(record["status"])
        values = [term.of(record, history) for term in self.terms]
        if None in values:
            return None
        return values[0] if len(values) == 1 else values[0] - values[1]  # type: ignore[operator]


def parse(name: str) -> Figure:
    """The figure that a phrase stands for.

    Raises:
        DeclarationError: it is none of the forms above; says which there are.
    """
    if name == DIVERGENCE:
        return Figure(())
    return Figure(tuple(_terms(name)))


def _terms(name: str) -> Iterator[Term]:
    parts = name.split(" - ")
    for part in parts:
        match = _TERM.fullmatch(part)
        when, split, figure, target = match.groups() if match else (None, "", "", None)
        if len(parts) > 2 or split not in (*SPLITS, *_RECORDED):
            hint = "" if len(parts) > 2 else f" {did_you_mean(part.rpartition(' ')[2], known())}"
            raise DeclarationError(f"The metric {name!r} is not understood. Write one like: {EXAMPLES}.{hint}")
        if (target is not None) != (when in ("epochs to", "seconds to")):
            raise DeclarationError(
                f"The metric {name!r}: a target belongs to `epochs to` and `seconds to`, and to them alone, as in "
                "'epochs to validation/accuracy 0.85'."
            )
        if when and split == "test":
            raise DeclarationError(
                f"The metric {name!r} asks for a course of the test figure, which is read once, at the selected epoch. "
                f"Write test/{figure}, or take the validation part."
            )
        yield Term(when or "selected", split, figure, None if target is None else float(target))  # type: ignore[arg-type]


def goal(name: str) -> Literal["min", "max"] | None:
    """The goal that a metric must have, None where either makes sense (a difference, a probe).

    Raises:
        DeclarationError: as `parse` does.
    """
    terms = parse(name).terms
    if len(terms) != 1:
        return None if terms else "min"
    if terms[0].target is not None:
        return "min"
    return goal_of(name) if terms[0].name in known() or terms[0].split == "running" else None


def is_probe(name: str) -> bool:
    """Whether a metric looks inside the network."""
    return any(term.split == "probe" for term in parse(name).terms)


def check_task(name: str, task: str) -> None:
    """Stop at a metric that runs of this task do not record.

    Raises:
        DeclarationError: names the nearest.
    """
    recorded = [f"{split}/{figure}" for split in (*SPLITS, "running") for figure in METRICS[task]]
    for term in parse(name).terms:
        if term.split != "probe":
            checks.one_of(f"The metric for {task}", term.name, recorded)


def known() -> list[str]:
    """The figures that every run records."""
    return sorted({f"{split}/{figure}" for split in SPLITS for figures in METRICS.values() for figure in figures})


def goal_of(name: str) -> Literal["min", "max"]:
    """Whether smaller or larger is better, for the figures that every run records."""
    return "max" if name.endswith("/accuracy") else "min"


def _number(value: Any) -> float | None:
    """A finite number, to the seven digits that float32 tells: what is 0.1 there is 0.1, and not 1.5e-9 more."""
    return float(f"{float(value):.7g}") if value is not None and math.isfinite(value) else None
