"""Fixed labelled rows on which probes measure gradients, curvature and batch statistics."""

from __future__ import annotations

from functools import cached_property
from typing import Any, TypeVar

import keras
import numpy as np
import tensorflow as tf

from folklore.epoch.device_data import Placed
from folklore.epoch.probed.batch_statistics import BatchStatistics
from folklore.epoch.probed.derivatives import Derivatives
from folklore.epoch.program import program_of

T = TypeVar("T")
BATCHES = 16
ROWS = 1_024  # of the Hessian's batch, and of the validation part


class LabelledRows:
    """Fixed rows of a training, see `callbacks.probes.network.Labelled`. Nothing is computed before it is asked for.

    Args:
        model: compiled.
        train: the training part: its first sixteen batches give gradients, its first 1,024 rows the Hessian.
        validation: the validation part: its first 1,024 rows are evaluated with batch statistics.
        batch_size: rows of a training batch.

    Example:
        >>> import folklore, models
        >>> import numpy as np
        >>> from folklore import epoch
        >>> model = models.mlp((2,), 1, widths=(4,))
        >>> model.compile("sgd", "mse")
        >>> data = folklore.place((np.ones((8, 2)), np.ones(8)))
        >>> rows = epoch.LabelledRows(model, data, data, batch_size=4)
        >>> rows.batches, rows.parameters, [gradient.shape for gradient in rows.gradients(0)[0]]
        (2, 17, [(2, 4), (4,), (4, 1), (1,)])
    """

    def __init__(self, model: keras.Model, train: Placed, validation: Placed, batch_size: int) -> None:
        self.model, self.train, self.validation = model, train, validation
        self.batch_size = min(batch_size, train.rows)
        self.batches = min(BATCHES, train.rows // self.batch_size)

    @property
    def parameters(self) -> int:
        """The number of trainable weights."""
        return sum(self._derivatives.sizes)

    def gradients(self, batch: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """The gradients of a fixed batch's loss in training mode: the batch's statistics, dropout's next masks.

        Returns:
            Float32, by each trainable variable, and by what enters each hidden layer's nonlinearity, (rows, …, units).
        """
        start = batch * self.batch_size
        rows = self.train.part(start, start + self.batch_size)
        return self._derivatives.gradients(rows.example(self.batch_size))

    def hessian_products(self, directions: np.ndarray) -> np.ndarray:
        """The Hessian of the loss in inference mode times each row of float32 (n, parameters), of the same shape."""
        return self._derivatives.products(self._curved, directions)

    def with_batch_statistics(self, size: int, by_label: bool) -> dict[str, float]:
        """Loss and metrics on validation rows, in batches of `size`, sorted by label or shuffled, dropout off."""
        return self._compiled(BatchStatistics).evaluate(self._tested, self._orders[by_label], size)

    def in_inference_mode(self) -> dict[str, float]:
        """Loss and metrics on the same validation rows with moving statistics."""
        return program_of(self.model).evaluate(self.validation.part(0, ROWS))

    @property
    def _derivatives(self) -> Derivatives:
        return self._compiled(Derivatives)

    def _compiled(self, kind: type[T]) -> T:
        """The model's functions of a kind, which the seeds of an arm share as they share its program."""
        made = program_of(self.model).probed
        return made[kind] if kind in made else made.setdefault(kind, kind(self.model))  # type: ignore[call-arg]

    @cached_property
    def _curved(self) -> Any:
        return self.train.example(ROWS)

    @cached_property
    def _tested(self) -> Any:
        return self.validation.example(ROWS)

    @cached_property
    def _orders(self) -> dict[bool, tf.Tensor]:
        """Sorted by label, and shuffled."""
        labels = np.asarray(tf.nest.flatten(self._tested[1])[0])
        by_label = np.argsort(labels.reshape(len(labels), -1)[:, 0], kind="stable")
        shuffled = np.random.default_rng(0).permutation(len(labels))
        return {True: tf.constant(by_label, tf.int32), False: tf.constant(shuffled, tf.int32)}
