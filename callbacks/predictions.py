"""Shared parts of the pictures of predictions: labelled examples, class names, and outputs batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

BATCH = 256  # images whose inner activations fit into memory together


def check_labels(x: np.ndarray, y: np.ndarray) -> None:
    """Check that every example has a class number.

    Raises:
        ValueError: y does not hold one integer per example.
    """
    if np.shape(y) != (len(x),) or not np.issubdtype(np.asarray(y).dtype, np.integer):
        raise ValueError(
            f"y is an array of shape {np.shape(y)} and type {np.asarray(y).dtype}, and x has {len(x)} examples. Give "
            "one class number per example, as integers of shape (n,); for one-hot rows, y.argmax(axis=1)."
        )


def names_of(class_names: Sequence[str], model: keras.Model) -> tuple[str, ...]:
    """The names of the model's outputs: those given, or else their numbers.

    Raises:
        ValueError: the number of names is not the number of outputs.
    """
    outputs = model.output_shape[-1]
    if class_names and len(class_names) != outputs:
        raise ValueError(
            f"class_names has {len(class_names)} names, but the model has {outputs} outputs. Give one name per output, "
            "in order, or no names."
        )
    return tuple(class_names) or tuple(map(str, range(outputs)))


def outputs(model: keras.Model, x: np.ndarray) -> list[np.ndarray]:
    """Every output of the model on x (n, …), in inference mode, float32 (n, …)."""
    batches = [_flat(model(x[start : start + BATCH], training=False)) for start in range(0, len(x), BATCH)]
    return [np.concatenate(parts) for parts in zip(*batches, strict=True)]


def _flat(tensors: Any) -> list[np.ndarray]:
    return [keras.ops.convert_to_numpy(keras.ops.cast(part, "float32")) for part in keras.tree.flatten(tensors)]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities (n, classes) from logits of the same shape, as float64."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)
