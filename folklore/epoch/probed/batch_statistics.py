"""Evaluation in which batch normalisation uses the statistics of each batch."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from folklore.epoch.device_data import take
from folklore.epoch.loops import each_batch
from folklore.keras_internals import all_layers


class BatchStatistics:
    """The compiled evaluation of one model with the statistics of each batch."""

    def __init__(self, model: keras.Model) -> None:
        self.model = model
        self._function = tf.function(self._evaluate, autograph=False)

    def evaluate(self, batch: Any, order: tf.Tensor, size: int) -> dict[str, float]:
        """Loss and metrics over all rows of `batch` in `order`, int32 (rows,), `size` at a time, with dropout off."""
        logs = self._function(batch, order, size)
        return {name: float(value) for name, value in logs.items()}

    def _evaluate(self, batch: Any, order: tf.Tensor, size: int) -> dict[str, tf.Tensor]:
        full, rest = divmod(order.shape[0], size)
        self.model.reset_metrics()
        with using_batch_statistics(self.model):
            each_batch(
                lambda start, size: self.model.test_step(take((batch, ()), tf.slice(order, [start], [size]))),
                tf.constant(full), size, full * size, rest, keep=False,
            )  # fmt: skip
        return self.model.get_metrics_result()


@contextlib.contextmanager
def using_batch_statistics(model: keras.Model) -> Iterator[None]:
    """Inside the block, batch normalisation uses the batch's statistics in inference mode too, and updates nothing.

    A frozen layer keeps to its moving statistics, as in training.
    """
    layers = [layer for layer in all_layers(model) if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in layers:
        object.__setattr__(layer, "call", _as_in_training(layer.call))  # not through Keras' tracking of attributes
    try:
        yield
    finally:
        for layer in layers:
            object.__delattr__(layer, "call")


def _as_in_training(normalise: Callable[..., Any]) -> Callable[..., Any]:
    def call(inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        with keras.StatelessScope():  # which drops the new moving statistics
            return normalise(inputs, training=True, mask=mask)

    return call
