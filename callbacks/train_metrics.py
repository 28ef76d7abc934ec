"""Train metrics measured on the weights after each epoch, in inference mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras


class TrainMetrics(keras.callbacks.Callback):
    """Adds `train_<metric>` to every epoch's logs.

    Keras' `loss` is an average over weights that change from batch to batch, with dropout on and batch statistics in
    use, so it is not comparable with `val_loss`. These metrics are. Place this callback first: callbacks see only what
    earlier ones added to the logs.

    Args:
        evaluate: returns loss and metrics on the training data in inference mode, e.g.
            `functools.partial(folklore.evaluate, model, (x, y))`.

    Example:
        >>> import folklore, models
        >>> import numpy as np
        >>> from functools import partial
        >>> from callbacks import TrainMetrics
        >>> x, y = np.ones((8, 2)), np.ones(8)
        >>> model = models.mlp((2,), 1, widths=(4,))
        >>> model.compile("adam", "mse")
        >>> train_metrics = TrainMetrics(partial(folklore.evaluate, model, (x, y)))
        >>> history = folklore.fit(model, (x, y), epochs=1, callbacks=[train_metrics], mode="step")
        >>> sorted(history.history)
        ['loss', 'train_loss']
    """

    def __init__(self, evaluate: Callable[[], dict[str, float]]) -> None:
        super().__init__()
        self.evaluate = evaluate

    def logs_names(self, metrics: list[str]) -> list[str]:
        """The names that this callback adds to the logs, given the model's metrics."""
        return [f"train_{name}" for name in metrics]

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Measure and add to `logs`."""
        if logs is not None:
            logs.update({f"train_{name}": value for name, value in self.evaluate().items()})
