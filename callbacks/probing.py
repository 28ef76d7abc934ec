"""The callback that measures probes, and the view of the network that it gives them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import keras
import numpy as np

from callbacks.probes import PROBES

BATCH = 2_048
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
        names: which probes, out of `callbacks.probes.PROBES`.
        rows: inputs as the network takes them, (n, …). Ten thousand are as informative as a whole training part.

    Example:
        >>> import folklore, models
        >>> import numpy as np
        >>> from callbacks import Probes
        >>> x, y = np.ones((8, 2)), np.ones(8)
        >>> model = models.mlp((2,), 1, widths=(4,))
        >>> model.compile("adam", "mse")
        >>> history = folklore.fit(model, (x, y), epochs=1, callbacks=[Probes(["weight_rank"], x)], mode="step")
        >>> sorted(history.history)
        ['loss', 'probe_weight_rank/hidden_1', 'probe_weight_rank/outputs']
    """

    def __init__(self, names: Sequence[str], rows: np.ndarray) -> None:
        super().__init__()
        self.rows = rows
        self.probes = [probe() for name, probe in PROBES.items() if name in names]

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Keep the first weights."""
        self.first = {name: np.array(kernel) for name, kernel in _kernels(self.model).items()}
        self.hidden = _Hidden(self.model)

    def get_state(self) -> dict[str, Any]:
        """The first weights."""
        return {"first": self.first}

    def set_state(self, state: dict[str, Any]) -> None:
        """The inverse of `get_state`."""
        self.first = state["first"]

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Measure, and add to `logs`."""
        if logs is not None:
            network = Network(self.model, self.rows, self.first, self.hidden)
            for probe in self.probes:
                logs.update({f"probe_{name}": value for name, value in probe.measure(network).items()})


class Network:
    """The network after an epoch, as probes see it. What several probes need is computed once.

    Attributes:
        model: the model itself.
        rows: inputs as it takes them, (n, …).
        first: kernels by layer, before the first step.
    """

    def __init__(self, model: keras.Model, rows: np.ndarray, first: dict[str, np.ndarray], hidden: _Hidden) -> None:
        self.model, self.rows, self.first, self._hidden = model, rows, first, hidden

    @cached_property
    def kernels(self) -> dict[str, np.ndarray]:
        """Kernels by layer."""
        return _kernels(self.model)

    @cached_property
    def activations(self) -> dict[str, Moments]:
        """Moments of the activations on `rows`, by hidden layer."""
        return self._hidden.moments(self.rows)


class _Hidden:
    """The outputs of a model's hidden layers: its activation layers, under the names of the layers that they end."""

    def __init__(self, model: keras.Model) -> None:
        layers = [layer for layer in model.layers if isinstance(layer, NONLINEAR)]
        self.names = [layer.name.removesuffix("_activation") for layer in layers]
        (inputs,) = model.inputs
        self.model = keras.Model(inputs, [layer.output for layer in layers]) if layers else None

    def moments(self, rows: np.ndarray) -> dict[str, Moments]:
        """Moments of their activations on rows."""
        if self.model is None:
            return {}
        moments = [Moments() for _ in self.names]
        for start in range(0, len(rows), BATCH):
            outputs = self.model(rows[start : start + BATCH], training=False)
            for moment, output in zip(moments, keras.tree.flatten(outputs), strict=True):
                moment.add(keras.ops.convert_to_numpy(output))
        return dict(zip(self.names, moments, strict=True))


class Moments:
    """Mean and standard deviation of all activations of a layer, and which units were 0 on every row.

    Attributes:
        dead: booleans, one for each unit (each channel).
    """

    def __init__(self) -> None:
        self.count, self.sum, self.squares = 0, 0.0, 0.0
        self.dead = np.ones(1, dtype=bool)

    def add(self, output: np.ndarray) -> None:
        """Add the activations (rows, …, units) of some rows."""
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


def _kernels(model: keras.Model) -> dict[str, np.ndarray]:
    return {
        layer.name: keras.ops.convert_to_numpy(kernel)
        for layer in model.layers
        if (kernel := getattr(layer, "kernel", None)) is not None
    }
