"""Keras' metrics for the rows of `declare.metrics.TABLE`, some of them in the target's own units."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterable
from typing import Any

import keras

from folklore.declare import metrics


def metrics_of(task: str) -> list[keras.metrics.Metric]:
    """The metrics of a task beside its loss, for `keras.Model.compile`."""
    return [_new(row) for row in metrics.rows_of(task) if row.keras]


def set_unit(measured: Iterable[keras.metrics.Metric], unit: float) -> None:
    """Set the unit of those metrics that have one."""
    for metric in measured:
        if isinstance(metric, _InUnits):
            metric.unit.assign(unit)


class _InUnits:
    """Multiplies a metric's result by a scale.

    The scale is a variable, not a constant: seeds split the data differently and so standardise by different spreads,
    but share one compiled program.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.unit = self.add_variable(shape=(), initializer="ones", name="unit")  # type: ignore[attr-defined]

    def result(self) -> Any:
        """The metric times the unit."""
        return super().result() * self.unit  # type: ignore[misc]


@functools.cache
def in_units(kind: type[keras.metrics.Metric]) -> type[keras.metrics.Metric]:
    """The class of a metric whose result is multiplied by its variable `unit`, which is 1 at first."""
    return type(f"{kind.__name__}InUnits", (_InUnits, kind), {"__doc__": f"{kind.__name__}, times `unit`."})


def _new(row: metrics.RecordedMetric) -> Any:
    module, _, name = row.keras.rpartition(".")
    kind = getattr(importlib.import_module(module), name)
    return (in_units(kind) if row.in_units else kind)(**row.options, name=row.name)
