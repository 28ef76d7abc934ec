"""Loops over the steps of an epoch, in a graph or in Python."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import tensorflow as tf

Step = Callable[[tf.Tensor, int], dict[str, Any]]  # takes a batch's first row and its size; returns logs


def each_batch(step: Step, full: tf.Tensor, size: int, rest_start: int, rest: int, *, keep: bool) -> dict[str, Any]:
    """Call `step(start, size)` for `full` batches in a loop in the graph, then for the `rest`.

    The number of full batches is an argument of the call, not part of the program, so that measuring a few steps runs
    the same program as the training. To keep the last step's logs, the loop must know their shapes before it begins, so
    the first step is taken outside the loop.
    """
    logs: dict[str, Any] = {}
    first = 0
    if keep and rest_start:
        logs, first = step(tf.constant(0), size), 1

    def body(index: tf.Tensor, kept: dict[str, Any]) -> tuple[tf.Tensor, dict[str, Any]]:
        now = step(index * size, size)
        return index + 1, {name: now[name] for name in kept}

    if rest_start:
        _, logs = tf.while_loop(lambda index, _: index < full, body, [tf.constant(first), logs], parallel_iterations=1)
    if rest:
        logs = step(tf.constant(rest_start), rest)
    return logs


def each_batch_of(step: Callable[[Any], dict[str, Any]], iterator: Any, limit: tf.Tensor, *, keep: bool) -> Any:
    """Call `step(batch)` for up to `limit` batches, in a loop in the graph; return the last logs and the steps taken.

    Args:
        step: returns logs.
        iterator: over batches; it never reads ahead of the limit, because the next epoch may continue there.
        limit: int32 scalar.
        keep: whether the logs are wanted. The loop must know their shapes before it begins, so the first step is then
            taken outside of it, and an iterator without a batch raises `OutOfRangeError`.
    """
    logs: dict[str, Any] = {}
    first = tf.constant(0)
    if keep:
        logs, first = step(unwrapped(iterator.get_next())), tf.constant(1)

    def upcoming(index: tf.Tensor) -> Any:
        return tf.cond(
            index < limit,
            iterator.get_next_as_optional,
            lambda: tf.experimental.Optional.empty(iterator.element_spec),
        )

    def body(index: tf.Tensor, batch: Any, kept: dict[str, Any]) -> Any:
        now = step(unwrapped(batch.get_value()))
        return index + 1, upcoming(index + 1), {name: now[name] for name in kept}

    begun = [first, upcoming(first), logs]
    taken, _, logs = tf.while_loop(lambda _, batch, __: batch.has_value(), body, begun, parallel_iterations=1)
    return logs, taken


def groups(batches: Iterable[Any], size: int) -> Iterator[tuple[int, list[Any]]]:
    """`size` batches at a time, or what is left, with the number of the first."""
    batches = iter(batches)
    for first in itertools.count(0, size):
        group = list(itertools.islice(batches, size))
        if not group:
            return
        yield first, group


def unwrapped(batch: Any) -> Any:
    """A batch with None where the pipeline has a part that is None, which TensorFlow wraps."""
    return keras.tree.map_structure(lambda p: None if isinstance(p, tf.experimental.Optional) else p, batch)
