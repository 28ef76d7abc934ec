"""Regression metrics in the target's own units, for models trained on standardised targets."""

from __future__ import annotations

from typing import Any

import keras


class _InUnits:
    """Multiplies a metric's result by a scale.

    The scale is a variable, not a constant: seeds split the data differently and so standardise by another spread,
    yet share one compiled program.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.unit = self.add_variable(shape=(), initializer="ones", name="unit")  # type: ignore[attr-defined]

    def result(self) -> Any:
        """The metric times the unit."""
        return super().result() * self.unit  # type: ignore[misc]


class RMSE(_InUnits, keras.metrics.RootMeanSquaredError):
    """Root mean squared error, times `unit`."""


class MAE(_InUnits, keras.metrics.MeanAbsoluteError):
    """Mean absolute error, times `unit`."""
