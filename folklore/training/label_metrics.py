"""Metrics of rows that have several labels."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable("folklore")
class RPrecision(keras.metrics.Mean):
    """The share of a row's labels among its highest outputs, of which as many are taken as the row has labels.

    It asks only for the order of the outputs, so that networks trained with sigmoids and with a softmax are measured
    alike (Manning, Raghavan & Schütze 2008, "Introduction to Information Retrieval", section 8.4).

    Example:
        >>> metric = RPrecision()
        >>> metric.update_state([[1, 1, 0], [0, 0, 1]], [[3.0, 1.0, 2.0], [0.0, 1.0, 5.0]])
        >>> float(metric.result())
        0.75
    """

    def __init__(self, name: str = "r_precision", **options: Any) -> None:
        super().__init__(**options | {"name": name})

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add rows: targets of 0 and 1 and outputs, both (n, classes)."""
        targets = keras.ops.cast(y_true, "float32")
        labels = keras.ops.sum(targets, axis=-1, keepdims=True)
        places = keras.ops.argsort(keras.ops.argsort(-keras.ops.convert_to_tensor(y_pred), axis=-1), axis=-1)
        taken = keras.ops.cast(keras.ops.cast(places, "float32") < labels, "float32")
        found = keras.ops.sum(targets * taken, axis=-1) / keras.ops.maximum(labels[..., 0], 1)
        super().update_state(found, sample_weight)
