"""Keep the weights of the best epoch."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import keras

from callbacks.files import replacing


class BestWeights(keras.callbacks.Callback):
    """Keeps the weights of the epoch with the best `monitor`, writes them to a file, and restores them at the end.

    Unlike `keras.callbacks.ModelCheckpoint` it writes the file completely or not at all, and not after every epoch that
    improves: the weights stay in memory and are written at most once per `every` seconds, and when training ends.

    Args:
        path: the file, ending in `.weights.h5`.
        monitor: a name in the logs, such as `val_loss`.
        goal: whether a smaller ("min") or a larger ("max") value is better. NaN is never better.
        every: seconds between two writes.
        clock: returns seconds.

    Attributes:
        epoch: the best epoch (from 0); None if every epoch logged NaN.

    Example:
        >>> import folklore, models
        >>> import numpy as np
        >>> from callbacks import BestWeights
        >>> x, y = np.ones((8, 2)), np.ones(8)
        >>> model = models.mlp((2,), 1, widths=(4,))
        >>> model.compile("adam", "mse")
        >>> best = BestWeights("best.weights.h5", monitor="loss")
        >>> history = folklore.fit(model, (x, y), epochs=2, callbacks=[best], mode="step")
        >>> best.epoch
        1
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        monitor: str = "val_loss",
        goal: Literal["min", "max"] = "min",
        every: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.path, self.monitor, self.goal, self.every, self.clock = Path(path), monitor, goal, every, clock

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Forget any earlier training."""
        self.epoch: int | None = None
        self.best: float | None = None
        self.weights: list[Any] | None = None
        self.written = self.clock()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Keep the weights if this epoch is the best so far."""
        value = (logs or {})[self.monitor]
        sign = 1 if self.goal == "min" else -1
        if value == value and (self.best is None or sign * value < sign * self.best):
            self.epoch, self.best, self.weights = epoch, value, self.model.get_weights()
            if self.clock() - self.written >= self.every:
                self._write()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Restore the best weights and write them."""
        if self.weights is not None:
            self.restore()
            self._write()

    def restore(self) -> None:
        """Restore the best weights, if an epoch had any."""
        if self.weights is not None:
            self.model.set_weights(self.weights)

    def get_state(self) -> dict[str, Any]:
        """The best epoch, its value and its weights."""
        return {"epoch": self.epoch, "best": self.best, "weights": self.weights}

    def set_state(self, state: dict[str, Any]) -> None:
        """The inverse of `get_state`."""
        self.epoch, self.best, self.weights = state["epoch"], state["best"], state["weights"]

    def _write(self) -> None:
        with replacing(self.path) as temporary:
            self.model.save_weights(temporary)
        self.written = self.clock()
