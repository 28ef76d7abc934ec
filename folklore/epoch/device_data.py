"""Data on the device, and the batches that steps take from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from folklore.epoch.checks import arrays
from folklore.epoch.devices import room_for_data


@dataclass(frozen=True, eq=False)
class Placed:
    """Arrays of equal length, ready for compiled steps. Created by `place`.

    Attributes:
        arrays: `(x,)`, `(x, y)` or `(x, y, sample_weight)`, each a nest of tensors on the device; a nest of arrays if
            they are too large for the device.
        scaling: `(shift, scale)`, float scalars or one for each column: a step sees `(x - shift) / scale`; or ().
        rows: the length of the arrays.
        resident: whether the arrays are on the device; otherwise batches are streamed to it.
    """

    arrays: tuple[Any, ...]
    scaling: tuple[tf.Tensor, ...]
    rows: int
    resident: bool

    @property
    def tensors(self) -> tuple[tuple[Any, ...], tuple[tf.Tensor, ...]]:
        """The argument of compiled functions, for `take` and `rows_from`."""
        return self.arrays, self.scaling

    @cached_property
    def signature(self) -> str:
        """A text that is equal for data that the same concrete function accepts."""
        return repr(tf.nest.map_structure(lambda tensor: (tensor.shape.as_list(), tensor.dtype.name), self.tensors))

    def batch(self, start: int, size: int) -> Any:
        """The rows from `start` to `start + size`, or to the end, as a step takes them."""
        part = tf.nest.map_structure(lambda array: _tensor(array[start : start + size]), self.arrays)
        return _scaled(part, self.scaling)

    def batches(self, order: np.ndarray | None, size: int) -> Iterator[Any]:
        """All rows in `order`, or in their own order, `size` at a time; read ahead if they are not on the device."""
        order = np.arange(self.rows, dtype=np.int32) if order is None else order
        if self.resident:
            index = tf.constant(order)
            for start in range(0, len(order), size):
                yield take(self.tensors, index[start : start + size])
            return
        flat = tf.nest.flatten(self.arrays)
        kinds = [_tensor(array[:1]).dtype for array in flat]

        def read(index: np.ndarray) -> list[np.ndarray]:
            return [np.asarray(_tensor(array[index])) for array in flat]

        indices = tf.data.Dataset.from_tensor_slices(order).batch(size)
        pipeline = indices.map(lambda index: tf.numpy_function(read, [index], kinds)).prefetch(tf.data.AUTOTUNE)
        for parts in pipeline:
            yield _scaled(tf.nest.pack_sequence_as(self.arrays, list(parts)), self.scaling)


def place(data: Any, scaling: tuple[Any, Any] | None = None, *, name: str = "data", room: int | None = None) -> Placed:
    """Put `(x, y)` or `(x, y, sample_weight)` on the device; floats are cast to Keras' float type, as in Keras' `fit`.

    Args:
        data: arrays of shape (n, ...), or nests of arrays. A result of this function is returned unchanged.
        scaling: `(shift, scale)`: every step computes `(x - shift) / scale` in Keras' float type, so that images stay
            uint8 on the device, a quarter of their size as floats. For a single array x.
        name: the name of the argument, for messages.
        room: bytes that fit on the device; None measures it. Larger data stay in memory, and batches are streamed.

    Raises:
        ValueError: `data` is not a tuple of one to three arrays, or the arrays differ in length or are empty.

    Example:
        >>> import folklore
        >>> import numpy as np
        >>> placed = folklore.place((np.ones((8, 2)), np.ones(8)))
        >>> placed.rows, placed.resident
        (8, True)
    """
    if isinstance(data, Placed):
        return data
    given = tf.nest.map_structure(lambda a: a if tf.is_tensor(a) else np.asanyarray(a), arrays(name, data))
    flat = tf.nest.flatten(given)
    sizes = {len(array) for array in flat}
    if len(sizes) != 1 or sizes == {0}:
        raise ValueError(f"The arrays have {sorted(sizes)} rows. Give arrays of equal length, with at least one row.")
    factors = () if scaling is None else tuple(tf.constant(part, keras.config.floatx()) for part in scaling)
    room = room_for_data() if room is None else room
    resident = sum(array.nbytes for array in flat if not tf.is_tensor(array)) <= room
    if resident:
        given = tf.nest.map_structure(_tensor, given)
    return Placed(given, factors, int(sizes.pop()), resident)


def epoch_order(seed: int, epoch: int, rows: int) -> np.ndarray:
    """The order in which an epoch visits the rows: a permutation of `range(rows)`, int32, fixed by the arguments."""
    return np.random.default_rng([seed, epoch]).permutation(rows).astype(np.int32)


def take(tensors: Any, index: tf.Tensor) -> Any:
    """The rows `index`, int32 (batch,), of `Placed.tensors`."""
    data, scaling = tensors
    return _scaled(tf.nest.map_structure(lambda array: tf.gather(array, index), data), scaling)


def rows_from(tensors: Any, start: tf.Tensor, size: int) -> Any:
    """`size` rows of `Placed.tensors` from `start` on; XLA needs a fixed `size`, unlike that of `array[start:]`."""

    def part(array: tf.Tensor) -> tf.Tensor:
        rest = array.shape[1:]
        return tf.slice(array, [start, *[0] * len(rest)], [size, *rest])

    data, scaling = tensors
    return _scaled(tf.nest.map_structure(part, data), scaling)


def _scaled(batch: Any, scaling: tuple[tf.Tensor, ...]) -> Any:
    if not scaling:
        return batch
    shift, scale = scaling
    return ((tf.cast(batch[0], shift.dtype) - shift) / scale, *batch[1:])


def _tensor(array: Any) -> tf.Tensor:
    if not tf.is_tensor(array) and np.issubdtype(array.dtype, np.floating):
        array = array.astype(keras.config.floatx(), copy=False)
    return tf.convert_to_tensor(array)
