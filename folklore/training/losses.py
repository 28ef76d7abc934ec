"""The losses that `Recipe.loss` names: as Keras minimises them, and row by row in NumPy.

Targets of classification are class numbers (n,), or, for rows with any number of labels, 0 or 1 for each class
(n, classes): "sigmoid" takes these as they are, and a softmax is compared with equal shares of a row's labels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np


@keras.saving.register_keras_serializable("folklore")
class Softmax(keras.losses.SparseCategoricalCrossentropy):
    """Cross-entropy of the softmax of the outputs (Bridle 1990), in nats."""

    def __init__(self, name: str = "softmax", **options: Any) -> None:
        super().__init__(**options | {"name": name, "from_logits": True})

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Each row's loss (n,), from targets (n,) or (n, classes) and outputs (n, classes)."""
        if not _is_by_class(y_true, y_pred):
            return super().call(y_true, y_pred)
        labels = keras.ops.sum(y_true, axis=-1, keepdims=True)
        shares = keras.ops.divide(y_true, keras.ops.maximum(labels, 1))
        return keras.losses.categorical_crossentropy(shares, y_pred, from_logits=True)


@keras.saving.register_keras_serializable("folklore")
class SoftmaxTwice(Softmax):
    """As `Softmax`, of outputs that have been through a softmax already: what a network with a softmax layer minimises
    under a loss that applies another one, such as PyTorch's `CrossEntropyLoss`.

    A class that gets all of the first softmax has e / (e + classes - 1) of the second, .23 of ten: the loss cannot
    reach 0.
    """

    def __init__(self, name: str = "softmax_twice", **options: Any) -> None:
        super().__init__(**options | {"name": name})

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Each row's loss (n,), from targets (n,) or (n, classes) and outputs (n, classes)."""
        # Not `ops.softmax`: Keras recognises its results on TensorFlow, and would take the logits before it.
        return super().call(y_true, keras.ops.exp(keras.ops.log_softmax(y_pred)))


@keras.saving.register_keras_serializable("folklore")
class Sigmoid(keras.losses.Loss):
    """The mean over the classes of the binary cross-entropy of a sigmoid of each output, in nats.

    It is the mean, as in Keras, and not the sum, so gradients are smaller than a softmax's by the number of classes.
    """

    def __init__(self, name: str = "sigmoid", **options: Any) -> None:
        super().__init__(**options | {"name": name})

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Each row's loss (n,), from targets (n,) or (n, classes) and outputs (n, classes)."""
        if not _is_by_class(y_true, y_pred):
            y_true = keras.ops.one_hot(keras.ops.reshape(keras.ops.cast(y_true, "int32"), (-1,)), y_pred.shape[-1])
        return keras.losses.binary_crossentropy(y_true, y_pred, from_logits=True)


@dataclass(frozen=True)
class TrainedLoss:
    """A row of the table.

    Attributes:
        new: makes the Keras loss; its name is an argument.
        by_row: each row's loss, float64 (n,), from outputs (n, outputs) and targets: milliseconds, nothing to trace.
        constant: the outputs (outputs,) of a network that knows only the mean of the targets (outputs,): of classes,
            their shares.
    """

    new: Callable[..., keras.losses.Loss]
    by_row: Callable[[np.ndarray, np.ndarray], np.ndarray]
    constant: Callable[[np.ndarray], np.ndarray]


def cross_entropy(outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Each row's cross-entropy of the softmax of the outputs, in nats, float64 (n,).

    Example:
        >>> cross_entropy(np.zeros((1, 4)), np.array([2])).round(4).tolist()
        [1.3863]
    """
    logs = _log_softmax(outputs)
    if targets.ndim == 1:
        return -logs[np.arange(len(targets)), targets]
    return -np.where(targets > 0, logs, 0).sum(axis=1) / np.maximum(targets.sum(axis=1), 1)


def cross_entropy_of_two(outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """As `cross_entropy`, of outputs that have been through a softmax already.

    Example:
        >>> cross_entropy_of_two(np.array([[99.0, 0, 0, 0, 0, 0, 0, 0, 0, 0]]), np.array([0])).round(4).tolist()
        [1.4612]
    """
    return cross_entropy(np.exp(_log_softmax(outputs)), targets)


def binary_cross_entropy(outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Each row's binary cross-entropy of the sigmoids of the outputs, the mean over classes, in nats, float64 (n,).

    Example:
        >>> binary_cross_entropy(np.zeros((1, 4)), np.array([2])).round(4).tolist()
        [0.6931]
    """
    wide = outputs.astype(np.float64)
    labels = np.eye(outputs.shape[1])[targets] if targets.ndim == 1 else targets
    return np.logaddexp(0, np.where(labels > 0, -wide, wide)).mean(axis=1)


# A new loss is a new row, and a name in `declare.recipe.LOSSES`.
LOSSES = {
    "softmax": TrainedLoss(Softmax, cross_entropy, np.log),
    "sigmoid": TrainedLoss(Sigmoid, binary_cross_entropy, lambda shares: np.log(shares) - np.log1p(-shares)),
    "softmax twice": TrainedLoss(SoftmaxTwice, cross_entropy_of_two, np.log),
    "squared error": TrainedLoss(
        keras.losses.MeanSquaredError, lambda outputs, y: (outputs[:, 0] - y) ** 2, lambda mean: mean
    ),
}


def _is_by_class(y_true: Any, y_pred: Any) -> bool:
    """Whether targets have a number for each class."""
    return len(y_true.shape) == 2 and y_true.shape[-1] == y_pred.shape[-1]


def _log_softmax(outputs: np.ndarray) -> np.ndarray:
    shifted = outputs.astype(np.float64)
    with np.errstate(invalid="ignore"):  # the outputs of a test row may be infinite: its loss is then NaN
        shifted = shifted - shifted.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
