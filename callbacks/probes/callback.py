"""The callback that measures probes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from callbacks.probes import PROBES
from callbacks.probes.hidden import Hidden
from callbacks.probes.network import Labelled, Network


class Probes(keras.callbacks.Callback):
    """Measures before the first step, and adds `probe_…` to every epoch's logs, which are recorded as `probe/…`.

    Args:
        names: which probes, out of `callbacks.probes.PROBES`.
        rows: inputs as the network takes them, (n, …). Ten thousand are as informative as a whole training part.
        labelled: from the model to fixed labelled rows, for probes of gradients, curvature and batch statistics.

    Attributes:
        before: the values before the first step, by name without `probe_`; None until they are measured.

    Example:
        >>> import folklore, models
        >>> import numpy as np
        >>> from callbacks import Probes
        >>> x, y = np.ones((8, 2)), np.ones(8)
        >>> model = models.mlp((2,), 1, widths=(4,))
        >>> model.compile("adam", "mse")
        >>> probes = Probes(["weight_rank"], x)
        >>> history = folklore.fit(model, (x, y), epochs=1, callbacks=[probes], mode="step")
        >>> sorted(history.history)
        ['loss', 'probe_weight_rank/hidden_1', 'probe_weight_rank/outputs']
        >>> probes.before
        {'weight_rank/hidden_1': 2, 'weight_rank/outputs': 1}
    """

    def __init__(
        self, names: Sequence[str], rows: np.ndarray, labelled: Callable[[keras.Model], Labelled] | None = None
    ) -> None:
        super().__init__()
        self.names, self.rows, self.labelled = [name for name in PROBES if name in names], rows, labelled

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Begin with new probes, which remember nothing."""
        self.probes = {name: PROBES[name]() for name in self.names}
        self.before: dict[str, float] | None = None
        self.hidden = Hidden(self.model)
        self.fixed = None if self.labelled is None else self.labelled(self.model)

    def get_state(self) -> dict[str, Any]:
        """The values before the first step, and what each probe keeps."""
        return {"before": self.before, "kept": {name: probe.kept for name, probe in self.probes.items()}}

    def set_state(self, state: dict[str, Any]) -> None:
        """The inverse of `get_state`."""
        self.before = state["before"]
        for name, kept in state["kept"].items():
            self.probes[name].kept = kept

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Measure before the first step. A training that is resumed has done so."""
        if self.before is None:
            self.before = self._measured()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Measure, and add to `logs`."""
        if logs is not None:
            logs.update({f"probe_{name}": value for name, value in self._measured().items()})

    def _measured(self) -> dict[str, float]:
        network = Network(self.model, self.rows, self.hidden, self.fixed)
        with np.errstate(all="ignore"):  # in a network that diverges, numbers overflow
            return {name: value for probe in self.probes.values() for name, value in probe.measure(network).items()}
