"""Batches that a pipeline of the user makes: a `tf.data.Dataset`, a `keras.utils.PyDataset`, or a generator."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np
import psutil
import tensorflow as tf

from folklore.epoch.loops import unwrapped
from folklore.epoch.rows import Shuffle, epoch_order
from folklore.keras_internals import data_adapter

ENDLESS = 2**31 - 1  # more steps than any epoch has


def is_pipeline(data: Any) -> bool:
    """Whether `data` gives batches one after the other: a dataset, a `PyDataset` or an iterator."""
    return isinstance(data, tf.data.Dataset | keras.utils.PyDataset | Iterator)


class Pipeline:
    """The batches of each epoch, as the pipeline makes them: it runs again in every epoch, for it may shuffle.

    Args:
        data: a finite or infinite dataset or `PyDataset`, or an iterator, which gives its batches only once.
        name: the name of the argument, for messages.
        steps: the most batches of an epoch; the next epoch continues where this one ends, as in Keras. None stands for
            all batches.
        seed: with `shuffle`, sets the order of the batches of a `PyDataset` that knows how many it has.
        shuffle: see `seed` and `fit`; others come in their own order.
        class_weight: turned into sample weights.

    Attributes:
        spec: the tensor specs of a batch.
        batches: how many there are, if it is known; otherwise None.
        once: whether the batches can be read only once.
        limit: the most steps of an epoch.
        ended: whether there will be no more batches.

    Raises:
        ValueError: the pipeline is empty, is infinite and `steps` is None, or gives single rows; or class weights or a
            replayed order do not go with it.
    """

    def __init__(
        self,
        data: Any,
        name: str = "data",
        *,
        steps: int | None = None,
        seed: int = 0,
        shuffle: Shuffle = False,
        class_weight: Mapping[int, float] | None = None,
    ) -> None:
        if class_weight is not None and isinstance(data, Iterator):
            raise ValueError(f"class_weight is not for an iterator. Let {name} give (x, y, sample_weight).")
        self.name, self.steps, self.once = name, steps, isinstance(data, Iterator)
        self._ordered = None
        if isinstance(data, keras.utils.PyDataset) and shuffle and data.num_batches is not None:
            data = self._ordered = _Ordered(data, seed, shuffle)
        elif shuffle == "replayed":
            raise ValueError(
                f"shuffle is 'replayed', and {name} has an order of its own. Read it into memory: "
                f"folklore.place({name})."
            )
        self._adapter = data_adapter(_generator(data) if self.once else data, class_weight)
        self.dataset = self._adapter.get_tf_dataset()
        self.batches: int | None = self._adapter.num_batches
        self.spec = keras.tree.map_structure(_spec, self.dataset.element_spec)
        self.limit = steps or self.batches or ENDLESS
        self.ended = False
        self._iterator: Any = None
        self._seen = 0
        self._check(data)
        self._adapter.on_epoch_end()  # as Keras does before the first epoch

    batch_size = None  # each batch has its own

    @property
    def data(self) -> Pipeline:
        """The pipeline itself, which an evaluation reads."""
        return self

    @property
    def known(self) -> int | None:
        """The steps of an epoch, if they are known."""
        return self.steps or self.batches

    def check_epochs(self, epochs: int) -> None:
        """Refuse to read more than once what gives its batches once.

        Raises:
            ValueError: it would be read in several epochs, each of which takes all batches.
        """
        if self.once and self.steps is None and epochs > 1:
            raise ValueError(
                f"{self.name} is an iterator, which gives its batches once, and it is needed {epochs} times. Put its "
                f"rows on the device, folklore.place({self.name}), or give {self._argument}, the batches each time."
            )

    @property
    def _argument(self) -> str:
        return "validation_steps" if self.name == "validation_data" else "steps_per_epoch"

    def begin(self, epoch: int) -> Any:
        """The iterator over the batches of an epoch, of which the first `limit` are its own."""
        self._adapter.on_epoch_begin()
        if self._iterator is None:
            if self._ordered is not None:
                self._ordered.begin_pass(epoch)
            self._iterator, self._seen = iter(self.dataset), 0
        return self._iterator

    def end(self, taken: int, *, out: bool) -> bool:
        """Say how many batches an epoch took; whether it is over. If not, it begins again, with the first batch.

        Args:
            taken: so many.
            out: whether there was no further one.

        Raises:
            ValueError: there are no batches at all.
        """
        self._adapter.on_epoch_end()
        self._seen += taken
        if out and not self._seen:
            raise ValueError(f"{self.name} gave no batch. Give data with at least one row.")
        if out and self.steps is not None and taken < self.steps and (taken or self.once):
            what = "Validation" if self.name == "validation_data" else "Training"
            more = f"{what} ends: an iterator gives its batches once." if self.once else "The next epoch has the first."
            warnings.warn(f"{self.name} ran out after {taken} of {self.steps} steps of an epoch. {more}", stacklevel=6)
        # Every evaluation takes the same batches, as in Keras, unless they come only once.
        from_the_first = self.name == "validation_data" and not self.once
        if out or self.steps is None or self._seen == self.batches or from_the_first:
            self._iterator, self.ended = None, self.once
        return taken > 0 or self.ended

    def example(self, size: int) -> Any:
        """Specs of a batch, for `Program.build`; the pipeline sets its size."""
        return self.spec

    def pass_over(self) -> Iterator[Any]:
        """All batches of an epoch."""
        batches = Counted(self.begin(0), self.limit)
        yield from batches
        self.end(batches.taken, out=batches.out)

    def _check(self, data: Any) -> None:
        infinite = self.dataset.cardinality() == tf.data.INFINITE_CARDINALITY
        infinite = infinite or (isinstance(data, keras.utils.PyDataset) and self.batches is None)
        if infinite and self.steps is None:
            raise ValueError(
                f"{self.name} has no end. Give {self._argument}, the number of batches each time, or a part of it: "
                f"{self.name}.take(100)."
            )
        if self.batches == 0:
            raise ValueError(f"{self.name} gave no batch. Give data with at least one row.")
        _check_batched(self.name, self.spec)


class Counted:
    """The first batches of an iterator.

    Attributes:
        taken: how many there were so far.
        out: whether there was no further one within the limit.
    """

    def __init__(self, iterator: Any, limit: int) -> None:
        self.iterator, self.limit = iterator, limit
        self.taken, self.out = 0, False

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self.taken == self.limit:
            raise StopIteration
        try:
            batch = next(self.iterator)
        except StopIteration:
            self.out = True
            raise
        self.taken += 1
        return unwrapped(batch)


def read_once(name: str, data: Any) -> tuple[Any, ...]:
    """All rows of a finite pipeline, as arrays, in the order in which its batches come.

    Raises:
        ValueError: the pipeline has no end or no batch, gives single rows, or does not fit into memory.
    """
    batches: Any = data
    if isinstance(data, keras.utils.PyDataset):
        batches = itertools.count() if data.num_batches is None else range(data.num_batches)
        batches = map(data.__getitem__, batches)
    if isinstance(data, tf.data.Dataset) and data.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError(f"{name} has no end. Give a part of it: {name}.take(100).")
    kept, used, room = [], 0, psutil.virtual_memory().available // 3  # the arrays, and their concatenation
    for batch in batches:
        batch = batch if isinstance(batch, tuple | list) else (batch,)
        kept.append(keras.tree.map_structure(keras.ops.convert_to_numpy, tuple(batch)))
        used += sum(array.nbytes for array in keras.tree.flatten(kept[-1]))
        if used > room:
            raise ValueError(
                f"{name} does not fit into memory: {len(kept)} batches are {used >> 20} MiB. Train on it as it is."
            )
    if not kept:
        raise ValueError(f"{name} gave no batch. Give data with at least one row.")
    _check_batched(name, kept[0])
    try:
        return keras.tree.map_structure(lambda *arrays: np.concatenate(arrays), *kept)
    except ValueError as error:
        raise ValueError(f"The batches of {name} do not fit into one array ({error}). Train on it as it is.") from error


class _Ordered(keras.utils.PyDataset):
    """The batches of a `PyDataset` in an order that depends only on the seed and the epoch in which a pass begins, or
    only on the seed.
    """

    def __init__(self, inner: keras.utils.PyDataset, seed: int, shuffle: Shuffle) -> None:
        super().__init__(inner.workers, inner.use_multiprocessing, inner.max_queue_size)
        self.inner, self.seed, self.shuffle = inner, seed, shuffle
        self.begin_pass(0)

    def begin_pass(self, epoch: int) -> None:
        self.order = epoch_order(self.seed, epoch, self.num_batches, self.shuffle)

    @property
    def num_batches(self) -> int:
        return int(self.inner.num_batches)

    def __getitem__(self, index: int) -> Any:
        return self.inner[int(self.order[index])]

    def on_epoch_begin(self) -> None:
        self.inner.on_epoch_begin()

    def on_epoch_end(self) -> None:
        self.inner.on_epoch_end()


def _generator(iterator: Iterator[Any]) -> Iterator[Any]:
    """A generator over the same batches: Keras knows no other iterators, and wants tuples."""
    return (
        batch if isinstance(batch, tuple) else tuple(batch) if isinstance(batch, list) else (batch,)
        for batch in iterator
    )


def _spec(part: Any) -> Any:
    return None if isinstance(part, tf.OptionalSpec) else part


def _check_batched(name: str, batch: Any) -> None:
    """Refuse parts without a first axis, or whose first axes differ, as those of single rows do."""
    shapes = [tuple(part.shape) for part in keras.tree.flatten(batch) if getattr(part.shape, "rank", 0) is not None]
    if () in shapes or len({shape[0] for shape in shapes} - {None}) > 1:
        raise ValueError(f"{name} yields single rows, not batches of rows. Give a dataset as {name}.batch(32).")
