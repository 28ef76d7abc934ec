"""Steps on several devices: every replica trains on its share of the batch, and the gradients are averaged."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import tensorflow as tf


class Replicas:
    """The replicas of the `tf.distribute.MirroredStrategy` in whose scope a model was built; otherwise a single one.

    Attributes:
        count: the number of replicas.
    """

    def __init__(self, strategy: tf.distribute.Strategy) -> None:
        self._strategy = strategy
        self.count = strategy.num_replicas_in_sync

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """The scope in which variables are created."""
        return self._strategy.scope() if self.count > 1 else contextlib.nullcontext()

    def check(self, batch_size: int) -> None:
        """Refuse a batch size that the replicas cannot share equally.

        Raises:
            ValueError: it is not a multiple of `count`.
        """
        if batch_size % self.count:
            raise ValueError(
                f"batch_size is {batch_size}, which {self.count} replicas cannot share equally. "
                f"Use a multiple of {self.count}."
            )

    def spread(self, step: Callable[[Any], dict[str, Any]]) -> Callable[[Any], dict[str, Any]]:
        """A step that every replica takes on its share of the batch; it returns the means of their results.

        Shares are equal, because Keras averages gradients over replicas, not over rows. The remaining rows at the end
        of a batch, fewer than there are replicas, are left out. A batch of so few rows is taken by every replica: the
        gradient is that of the batch, and the averages count its rows for each replica.
        """
        if self.count == 1:
            return step

        def share(batch: Any) -> dict[str, Any]:
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            return step(tf.nest.map_structure(lambda array: self._share(array, replica), batch))

        def spread_step(batch: Any) -> dict[str, Any]:
            results = self._strategy.run(share, args=(batch,))
            return {name: self._strategy.reduce("MEAN", value, axis=None) for name, value in results.items()}

        return spread_step

    def _share(self, array: tf.Tensor, replica: Any) -> tf.Tensor:
        rows = tf.shape(array)[0] if array.shape[0] is None else array.shape[0]  # unknown in a pipeline
        size = rows // self.count
        if array.shape[0] is not None:
            return array[replica * size : (replica + 1) * size] if size else array
        return array[tf.where(size > 0, replica * size, 0) : tf.where(size > 0, (replica + 1) * size, rows)]
