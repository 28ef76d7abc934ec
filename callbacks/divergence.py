"""Stop when training has diverged."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import keras


class StopOnDivergence(keras.callbacks.Callback):
    """Stops after the first epoch that logs NaN or infinity, and remembers it.

    Attributes:
        epoch: the epoch (from 0) that diverged; None if none did.
        reason: what that epoch logged, e.g. "val_loss is nan"; empty if training did not diverge.

    Example:
        >>> import folklore, models
        >>> import numpy as np
        >>> from callbacks import StopOnDivergence
        >>> x, y = np.ones((8, 2)), np.ones(8)
        >>> model = models.mlp((2,), 1, widths=(4,))
        >>> model.compile("adam", "mse")
        >>> stop = StopOnDivergence()
        >>> history = folklore.fit(model, (x, np.nan * y), epochs=5, callbacks=[stop], mode="step")
        >>> stop.epoch, stop.reason
        (0, 'loss is nan')
    """

    def __init__(self) -> None:
        super().__init__()
        self.epoch: int | None = None
        self.reason = ""

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Forget any earlier training."""
        self.epoch, self.reason = None, ""

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Stop if any logged value is not finite."""
        if reason := not_finite(logs):
            self.epoch, self.reason = epoch, reason
            self.model.stop_training = True


def not_finite(logs: Mapping[str, float] | None) -> str:
    """Which values of an epoch's logs are NaN or infinity, such as "val_loss is nan"; "" if none is."""
    return ", ".join(f"{name} is {value}" for name, value in (logs or {}).items() if not math.isfinite(value))
