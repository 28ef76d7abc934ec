"""What goes on inside the network, after every epoch: mechanism beside outcome.

| probe | figures, layer by layer |
| --- | --- |
| activations | mean and std over rows and units: `probe/mean/hidden_1`, `probe/std/hidden_1` |
| dead_units | share of units that are 0 on every row; `probe/dead_units` is their share in the whole network |
| weight_movement | how far a kernel is from its first value, relative to that, by Frobenius norms |
| weight_rank | of a kernel: how many singular values exceed 1e-4 of the largest one; all zeros have rank 0 |
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

BATCH = 2_048
_RANK_TOLERANCE = 1e-4
NONLINEAR = (
    keras.layers.Activation,
    keras.layers.ReLU,
    keras.layers.LeakyReLU,
    keras.layers.PReLU,
    keras.layers.ELU,
)


class Probes(keras.callbacks.Callback):
    """Adds `probe_…` to every epoch's logs, which are recorded as `probe/…`.

    Args:
        names: which probes, out of `callbacks.names.PROBES`.
        rows: inputs as the network takes them, (n, …). Ten thousand tell as much as a whole training part.
    """

    def __init__(self, names: Sequence[str], rows: np.ndarray) -> None:
        super().__init__()
        self.names, self.rows = tuple(names), rows

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Keep the first weights; find the layers whose outputs are watched."""
        self.first = {name: np.array(kernel) for name, kernel in self._kernels()}
        hidden = [layer for layer in self.model.layers if isinstance(layer, NONLINEAR)]
        self.hidden = [layer.name.removesuffix("_activation") for layer in hidden]
        (inputs,) = self.model.inputs
        self.inner = keras.Model(inputs, [layer.output for layer in hidden]) if hidden else None

    def get_state(self) -> dict[str, Any]:
        """The first weights."""
        return {"first": self.first}

    def set_state(self, state: dict[str, Any]) -> None:
        """The inverse of `get_state`."""
        self.first = state["first"]

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Measure, and add to `logs`."""
        if logs is None:
            return
        found: dict[str, float] = {}
        if self.inner is not None and {"activations", "dead_units"} & set(self.names):
            found |= self._activations()
        for name, kernel in self._kernels():
            if "weight_rank" in self.names:
                found[f"weight_rank/{name}"] = rank(kernel)
            if "weight_movement" in self.names and (length := np.linalg.norm(self.first[name])):
                found[f"weight_movement/{name}"] = float(np.linalg.norm(kernel - self.first[name]) / length)
        logs.update({f"probe_{name}": value for name, value in found.items()})

    def _kernels(self) -> Iterator[tuple[str, np.ndarray]]:
        for layer in self.model.layers:
            if (kernel := getattr(layer, "kernel", None)) is not None:
                yield layer.name, keras.ops.convert_to_numpy(kernel)

    def _activations(self) -> dict[str, float]:
        moments = [Moments() for _ in self.hidden]
        for start in range(0, len(self.rows), BATCH):
            outputs = self.inner(self.rows[start : start + BATCH], training=False)  # type: ignore[misc]
            for moment, output in zip(moments, keras.tree.flatten(outputs), strict=True):
                moment.add(keras.ops.convert_to_numpy(output))
        found: dict[str, float] = {}
        if "activations" in self.names:
            for name, moment in zip(self.hidden, moments, strict=True):
                found |= {f"mean/{name}": moment.mean, f"std/{name}": moment.std}
        if "dead_units" in self.names:
            dead = {name: moment.dead for name, moment in zip(self.hidden, moments, strict=True)}
            found["dead_units"] = float(np.concatenate(list(dead.values())).mean())
            found |= {f"dead_units/{name}": float(units.mean()) for name, units in dead.items()}
        return found


class Moments:
    """Mean and standard deviation of all activations of a layer, and which units were never other than 0.

    Attributes:
        dead: booleans, a unit (a channel) each.
    """

    def __init__(self) -> None:
        self.count, self.sum, self.squares = 0, 0.0, 0.0
        self.dead = np.ones(1, dtype=bool)

    def add(self, output: np.ndarray) -> None:
        """Count the activations (rows, …, units) of some rows in."""
        numbers = output.reshape(-1, output.shape[-1]).astype(np.float64)
        self.count, self.sum = self.count + numbers.size, self.sum + float(numbers.sum())
        self.squares += float((numbers**2).sum())
        self.dead = self.dead & (numbers == 0).all(axis=0)

    @property
    def mean(self) -> float:
        """Over rows and units."""
        return self.sum / self.count

    @property
    def std(self) -> float:
        """Over rows and units."""
        return float(np.sqrt(max(0.0, self.squares / self.count - self.mean**2)))


def rank(kernel: np.ndarray) -> int:
    """How many singular values of a kernel, as a matrix (inputs, units), exceed 1e-4 of the largest; 0 for zeros."""
    matrix = kernel.reshape(-1, kernel.shape[-1])
    if not np.isfinite(matrix).all() or not matrix.any():
        return 0
    return int(np.linalg.matrix_rank(matrix, rtol=_RANK_TOLERANCE))
