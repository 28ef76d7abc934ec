"""The network at one moment, as probes see it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import keras
import numpy as np

from callbacks.probes.hidden import Hidden, Moments, nonlinear_layers


class Labelled(Protocol):
    """Fixed labelled rows and what only a backend can compute on them; `folklore.epoch.LabelledRows` is one.

    Attributes:
        batches: the number of fixed training batches.
    """

    batches: int

    @property
    def parameters(self) -> int:
        """The number of trainable weights."""

    def gradients(self, batch: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """The gradients of a fixed batch's loss in training mode, float32.

        By each trainable variable, and by what enters each hidden layer's nonlinearity, (rows, …, units).
        """

    def hessian_products(self, directions: np.ndarray) -> np.ndarray:
        """The Hessian of the loss in inference mode times each row of float32 (n, parameters), of the same shape."""

    def with_batch_statistics(self, size: int, by_label: bool) -> dict[str, float]:
        """Loss and metrics on validation rows, in batches of `size`, sorted by label or shuffled.

        Batch normalisation uses the statistics of each batch.
        """

    def in_inference_mode(self) -> dict[str, float]:
        """Loss and metrics on the same validation rows with moving statistics."""


@dataclass(frozen=True)
class Gradients:
    """Gradients of the training loss on the fixed batches, in training mode.

    Attributes:
        kernels: the mean over batches by each layer's trainable kernel, float32, in the model's order.
        norm: of the mean, over all trainable weights.
        norms: of each batch's gradient by each trainable variable, (batches, variables).
        largest: the largest absolute value in each batch's gradient, (batches,).
        backward: root mean square over rows of the norm of the gradient of a row's loss by what enters a hidden
            layer's nonlinearity, by layer.
    """

    kernels: dict[str, np.ndarray]
    norm: float
    norms: np.ndarray
    largest: np.ndarray
    backward: dict[str, float]


def norm(array: np.ndarray) -> float:
    """The Euclidean norm of all numbers. Scaled where squares in float32 would be 0 or infinite.

    Example:
        >>> import numpy as np
        >>> round(norm(np.array([3e-30, 4e-30], dtype=np.float32)) * 1e30, 5)
        5.0
    """
    with np.errstate(over="ignore"):
        length = float(np.linalg.norm(array.ravel()))
    if 1e-15 < length < 1e15:
        return length
    largest = float(np.abs(array).max(initial=0))
    return largest * float(np.linalg.norm(array.ravel() / np.float32(largest))) if largest else 0.0


class Network:
    """The network before the first step or after an epoch. What several probes need is computed once, when asked.

    Attributes:
        model: the model itself.
        rows: inputs as it takes them, (n, …).
    """

    def __init__(
        self, model: keras.Model, rows: np.ndarray, hidden: Hidden | None = None, labelled: Labelled | None = None
    ) -> None:
        self.model, self.rows, self._labelled = model, rows, labelled
        self._hidden = Hidden(model) if hidden is None else hidden

    @cached_property
    def kernels(self) -> dict[str, np.ndarray]:
        """Kernels by layer. They may be views of the variables: copy what is kept."""
        kernels = {layer.name: getattr(layer, "kernel", None) for layer in self.model.layers}
        return {name: keras.ops.convert_to_numpy(kernel) for name, kernel in kernels.items() if kernel is not None}

    @cached_property
    def activations(self) -> dict[str, Moments]:
        """Moments of the activations on `rows` in inference mode, by hidden layer."""
        return self._hidden.activations(self.rows)

    @cached_property
    def preactivations(self) -> dict[str, Moments]:
        """Moments of what enters each hidden layer's nonlinearity, on `rows` in inference mode."""
        return self._hidden.preactivations(self.rows)

    @cached_property
    def pooled(self) -> dict[str, Moments]:
        """Moments of what leaves each pooling layer, on `rows` in inference mode."""
        return self._hidden.pooled(self.rows)

    @property
    def labelled(self) -> Labelled:
        """Fixed labelled rows.

        Raises:
            ValueError: `Probes` was given none.
        """
        if self._labelled is None:
            raise ValueError(
                "A probe needs labelled rows, and Probes was given only inputs. Give it labelled=…, a function from "
                "the model to folklore.epoch.LabelledRows; a run of an experiment has one."
            )
        return self._labelled

    @cached_property
    def gradients(self) -> Gradients:
        """Gradients on the fixed batches."""
        variables = self.model.trainable_variables
        mean = [np.zeros(variable.shape, np.float32) for variable in variables]
        names = list(nonlinear_layers(self.model))
        norms, largest, squares = [], [], np.zeros(len(names))
        for batch in range(self.labelled.batches):
            found, inner = self.labelled.gradients(batch)
            for total, gradient in zip(mean, found, strict=True):
                total += gradient
            norms.append([norm(gradient) for gradient in found])
            largest.append(max((float(np.abs(gradient).max(initial=0)) for gradient in found), default=0.0))
            # The loss is a mean over rows: a row's own gradient is as many times as large.
            squares += [np.square(each, dtype=np.float64).sum() * len(each) for each in inner]
        for total in mean:
            total /= self.labelled.batches
        backward = np.sqrt(squares / self.labelled.batches)
        places = {id(variable): place for place, variable in enumerate(variables)}
        kernels = {layer.name: places.get(id(getattr(layer, "kernel", None))) for layer in self.model.layers}
        return Gradients(
            kernels={name: mean[place] for name, place in kernels.items() if place is not None},
            norm=float(np.linalg.norm([norm(gradient) for gradient in mean])),
            norms=np.array(norms),
            largest=np.array(largest),
            backward=dict(zip(names, map(float, backward), strict=True)),
        )
