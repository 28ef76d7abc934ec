"""Data on the device, and the batches that steps take from it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from folklore.epoch.devices import room_for_data
from folklore.epoch.pipelines import is_pipeline, read_once
from folklore.epoch.rows import Shuffle, epoch_order, rows_of, split_at


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

    def example(self, size: int) -> Any:
        """The first rows, `size` or all, as a step takes them."""
        return _scaled(tf.nest.map_structure(lambda array: _tensor(array[:size]), self.arrays), self.scaling)

    def part(self, start: int, end: int) -> Placed:
        """The rows from `start` to `end`."""
        arrays = tf.nest.map_structure(lambda array: array[start:end], self.arrays)
        return replace(self, arrays=arrays, rows=min(end, self.rows) - start)

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


@dataclass(frozen=True, eq=False)
class Rows:
    """The batches of each epoch, made from placed rows.

    Attributes:
        placed: the rows.
        batch_size: rows per step.
        seed: with `shuffle`, sets the order of the rows in each epoch, see `epoch_order`.
        shuffle: whether the order differs from the given one, and from epoch to epoch.
        steps: the most batches of an epoch; the next epoch continues where this one ends, until all rows are used, and
            the last of these epochs may be shorter, as in Keras. None stands for all batches.
        targets: as they were given, to be checked once the model is built; None if they are on the device already.
    """

    placed: Placed
    batch_size: int
    seed: int = 0
    shuffle: Shuffle = True
    steps: int | None = None
    targets: Any = None
    ended = False  # an epoch always has rows

    @property
    def data(self) -> Placed:
        """The rows that an evaluation reads."""
        return self.placed if self.steps is None else self.placed.part(0, self.limit * self.batch_size)

    def example(self, size: int) -> Any:
        """The first rows, `size` or all, as a step takes them."""
        return self.placed.example(size)

    @property
    def batches(self) -> int:
        """The batches of a pass over all rows."""
        return -(-self.placed.rows // self.batch_size)

    @property
    def limit(self) -> int:
        """The most steps of an epoch."""
        return min(self.steps or self.batches, self.batches)

    known = limit

    def check_epochs(self, epochs: int) -> None:
        """Warn if some of so many epochs have fewer than the wanted steps, as Keras does."""
        if self.steps and self.batches % self.steps and epochs * self.steps > self.batches:
            warnings.warn(
                f"steps_per_epoch is {self.steps}, and a pass over {self.placed.rows} rows has {self.batches} batches "
                f"of {self.batch_size}: the last epoch of each pass is shorter.",
                stacklevel=3,
            )

    def order(self, epoch: int) -> np.ndarray:
        """The rows that an epoch visits, int32, in their order. It does not depend on earlier epochs."""
        over, part = divmod(epoch, -(-self.batches // self.limit))
        order = epoch_order(self.seed, over, self.placed.rows, self.shuffle)
        return order[part * self.limit * self.batch_size :][: self.limit * self.batch_size]


def place(data: Any, scaling: tuple[Any, Any] | None = None, *, name: str = "data", room: int | None = None) -> Placed:
    """Put `(x, y)` or `(x, y, sample_weight)` on the device; floats are cast to Keras' float type, as in Keras' `fit`.

    Args:
        data: arrays of shape (n, ...), or what `rows_of` makes arrays of, or nests of these. A finite pipeline, such
            as a `tf.data.Dataset`, is read once, into memory; its rows are then the same in every epoch, so it should
            not augment. A result of this function is returned unchanged.
        scaling: `(shift, scale)`: every step computes `(x - shift) / scale` in Keras' float type, so that images stay
            uint8 on the device, a quarter of their size as floats. For a single array x.
        name: the name of the argument, for messages.
        room: bytes that fit on the device; None measures it. Larger data stay in memory, and batches are streamed.

    Raises:
        ValueError: `data` is not a tuple of one to three arrays, the arrays differ in length or are empty, or a
            pipeline has no end or does not fit into memory.
        TypeError: a part holds neither numbers nor text, or is sparse or ragged.

    Example:
        >>> import folklore
        >>> import numpy as np
        >>> placed = folklore.place((np.ones((8, 2)), np.ones(8)))
        >>> placed.rows, placed.resident
        (8, True)
    """
    if isinstance(data, Placed):
        return data
    given = rows_of(name, read_once(name, data) if is_pipeline(data) else data)
    flat = tf.nest.flatten(given)
    factors = () if scaling is None else tuple(tf.constant(part, keras.config.floatx()) for part in scaling)
    room = room_for_data() if room is None else room
    resident = sum(array.nbytes for array in flat if not tf.is_tensor(array)) <= room
    if resident:
        given = tf.nest.map_structure(_tensor, given)
    return Placed(given, factors, len(flat[0]), resident)


def split(data: Any, validation_split: float) -> tuple[Any, Any]:
    """The first rows, to train on, and the last, the share `validation_split` of all, for validation, as in Keras.

    Raises:
        ValueError: the share is not between 0 and 1, a part is empty, or `data` is a pipeline.
    """
    if is_pipeline(data):
        raise ValueError(
            "validation_split divides arrays, and data is a pipeline of batches. Give validation_data, or read it "
            "into memory: folklore.place(data)."
        )
    if isinstance(data, Placed):
        at = split_at(data.rows, validation_split)
        return data.part(0, at), data.part(at, data.rows)
    arrays = rows_of("data", data)
    at = split_at(len(tf.nest.flatten(arrays)[0]), validation_split)
    first = tf.nest.map_structure(lambda array: array[:at], arrays)
    return first, tf.nest.map_structure(lambda array: array[at:], arrays)


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
