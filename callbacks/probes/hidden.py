"""What hidden layers compute on the probed rows: their tensors, and the moments of these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import keras
import numpy as np

BATCH = 2_048
VALUES = 2**26  # that a batch's tensors may hold together: a quarter of a GiB
NONLINEAR = (
    keras.layers.Activation,
    keras.layers.ReLU,
    keras.layers.LeakyReLU,
    keras.layers.PReLU,
    keras.layers.ELU,
)
POOLING = tuple(
    getattr(keras.layers, f"{kind}Pooling{axes}D") for kind in ("Max", "Average") for axes in (1, 2, 3)
)  # fmt: skip
GRID = np.linspace(-50, 50, 100_001)
RESPONDS = 0.01  # of the largest derivative: below, the activation is saturated
Limits = tuple[float, float]


def nonlinear_layers(model: keras.Model) -> dict[str, keras.layers.Layer]:
    """A model's activation layers, in its order, under the names of the layers that they end."""
    return {layer.name.removesuffix("_activation"): layer for layer in model.layers if isinstance(layer, NONLINEAR)}


class Hidden:
    """The hidden tensors of a model, each kind prepared when it is first asked for."""

    def __init__(self, model: keras.Model) -> None:
        self.model = model

    @cached_property
    def activations(self) -> Tapped:
        """What leaves the nonlinearities, by hidden layer."""
        return Tapped(self.model, {name: layer.output for name, layer in nonlinear_layers(self.model).items()})

    @cached_property
    def preactivations(self) -> Tapped:
        """What enters the nonlinearities, by hidden layer, with the limits between which they respond."""
        layers = nonlinear_layers(self.model)
        limits = {name: limits_of(layer) for name, layer in layers.items()}
        return Tapped(self.model, {name: layer.input for name, layer in layers.items()}, limits)

    @cached_property
    def pooled(self) -> Tapped:
        """What leaves the pooling layers, by their names."""
        pooling = {layer.name: layer.output for layer in self.model.layers if isinstance(layer, POOLING)}
        return Tapped(self.model, pooling)


class Tapped:
    """Some tensors of a model, which a call on rows summarises."""

    def __init__(
        self, model: keras.Model, tensors: dict[str, Any], limits: dict[str, Limits | None] | None = None
    ) -> None:
        (inputs,) = model.inputs
        self.model = keras.Model(inputs, list(tensors.values())) if tensors else None
        self.limits = limits or dict.fromkeys(tensors)
        largest = sum(int(np.prod([extent or 1 for extent in tensor.shape[1:]])) for tensor in tensors.values())
        self.batch = int(np.clip(VALUES // max(1, largest), 1, BATCH))

    def __call__(self, rows: np.ndarray) -> dict[str, Moments]:
        """The moments of each on rows, in inference mode."""
        if self.model is None:
            return {}
        moments = {name: Moments(limits) for name, limits in self.limits.items()}
        for start in range(0, len(rows), self.batch):
            outputs = self.model(rows[start : start + self.batch], training=False)
            for moment, output in zip(moments.values(), keras.tree.flatten(outputs), strict=True):
                moment.add(output)
        return moments


class Moments:
    """Moments of a layer's values over all rows and, in a convolution, all places of a map: unit by unit, or of all.

    Args:
        limits: outside of which a value counts as `outside`; None counts none.

    Attributes:
        count: the number of values.
        unit_mean, unit_std: of each unit (each channel), float64 (units,).
        dead: which units are 0 on every row, bool (units,).
        never_positive: which units are positive on no row, bool (units,).
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits
        self.count = self._rows = self._zeros = self._outside = 0
        self.unit_mean, self._squares = np.zeros(1), np.zeros(1)
        self.dead = self.never_positive = np.ones(1, dtype=bool)

    def add(self, values: Any) -> None:
        """Add the values (rows, …, units) of some rows: an array, or a tensor, which is summed up on its device."""
        numbers = keras.ops.cast(keras.ops.reshape(values, (-1, values.shape[-1])), "float32")
        rows = int(numbers.shape[0])
        mean = keras.ops.mean(numbers, axis=0)
        squares = _array(keras.ops.sum(keras.ops.square(numbers - mean), axis=0)).astype(np.float64)
        zero = _array(keras.ops.count_nonzero(keras.ops.equal(numbers, 0), axis=0))
        positive = _array(keras.ops.any(keras.ops.greater(numbers, 0), axis=0))
        # The sums of squared distances from two means, put together (Chan, Golub & LeVeque 1983).
        all_rows, distance = self._rows + rows, _array(mean).astype(np.float64) - self.unit_mean
        self._squares = self._squares + squares + distance**2 * self._rows * rows / all_rows
        self.unit_mean = self.unit_mean + distance * rows / all_rows
        self._rows, self.count = all_rows, self.count + rows * len(zero)
        self._zeros += int(zero.sum(dtype=np.int64))
        self.dead = self.dead & (zero == rows)
        self.never_positive = self.never_positive & ~positive
        if self.limits is not None:
            low, high = self.limits
            beyond = keras.ops.logical_or(keras.ops.less(numbers, low), keras.ops.greater(numbers, high))
            self._outside += int(_array(keras.ops.count_nonzero(beyond, axis=0)).sum(dtype=np.int64))

    @property
    def unit_std(self) -> np.ndarray:
        """The standard deviation of each unit."""
        return np.sqrt(self._squares / self._rows)

    @property
    def mean(self) -> float:
        """Over rows and units."""
        return float(self.unit_mean.mean())

    @property
    def std(self) -> float:
        """Over rows and units."""
        return float(np.sqrt((self._squares / self._rows).mean() + self.unit_mean.var()))

    @property
    def zeros(self) -> float:
        """The share of values that are exactly 0."""
        return self._zeros / self.count

    @property
    def outside(self) -> float | None:
        """The share of values outside of the limits; None without limits."""
        return None if self.limits is None else self._outside / self.count


def limits_of(layer: keras.layers.Layer) -> Limits | None:
    """Between which inputs an activation responds, by its derivative; None if it does not level off on both sides."""
    if isinstance(layer, keras.layers.PReLU):  # one function for each place of its input
        return None
    # Its `call` itself: under a policy of 16 bits the layer would round the grid to them.
    return responding(lambda z: _array(layer.call(keras.ops.convert_to_tensor(z[None], "float32")))[0])


def responding(function: Callable[[np.ndarray], np.ndarray | Sequence[float]]) -> Limits | None:
    """The inputs between which a function's derivative is at least 1 % of its largest; None without such on each side.

    Args:
        function: from float64 (n,) to n numbers.

    Example:
        >>> import numpy as np
        >>> [round(limit, 2) for limit in responding(np.tanh)]
        [-2.99, 2.99]
        >>> responding(lambda z: np.maximum(z, 0)) is None
        True
    """
    slopes = np.abs(np.gradient(np.asarray(function(GRID), dtype=np.float64), GRID))
    responds = np.flatnonzero(slopes >= RESPONDS * slopes.max()) if slopes.max() > 0 else np.arange(len(GRID))
    low, high = int(responds[0]), int(responds[-1])
    return None if low == 0 or high == len(GRID) - 1 else (float(GRID[low]), float(GRID[high]))


def _array(tensor: Any) -> np.ndarray:
    return keras.ops.convert_to_numpy(tensor)
