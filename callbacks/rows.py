"""The history as rows, one for each epoch, under recorded names."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import keras

from callbacks.names import learning_rate_in, metrics_in

Row = dict[str, float]
_ORDER = ("train", "validation", "running", "probe")


class Rows(keras.callbacks.Callback):
    """Passes all rows so far to `write`, at most once in `every` seconds and when training ends.

    A row has epoch (from 1), seconds (since training began), lr, and then train/…, validation/…, running/… and
    probe/….

    Example:
        >>> import folklore, models
        >>> import numpy as np
        >>> from callbacks import Rows
        >>> x, y = np.ones((8, 2)), np.ones(8)
        >>> model = models.mlp((2,), 1, widths=(4,))
        >>> model.compile("adam", "mse")
        >>> rows = Rows(lambda rows: None)
        >>> history = folklore.fit(model, (x, y), epochs=2, callbacks=[rows], mode="step")
        >>> len(rows.rows), list(rows.rows[0])
        (2, ['epoch', 'seconds', 'lr', 'running/loss'])
    """

    def __init__(
        self, write: Callable[[list[Row]], None], every: float = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self.write, self.every, self.clock = write, every, clock

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Begin with no rows."""
        self.rows: list[Row] = []
        self.begun = self.written = self.clock()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Add this epoch's row."""
        now = self.clock()
        named = sorted(metrics_in(logs), key=lambda item: _ORDER.index(item[0]))
        self.rows.append(
            {
                "epoch": epoch + 1,
                "seconds": round(now - self.begun, 4),
                "lr": learning_rate_in(logs, self.model),
                **{f"{split}/{metric}": value for split, metric, value in named},
            }
        )
        if now - self.written >= self.every:
            self.write(self.rows)
            self.written = now

    def get_state(self) -> dict[str, Any]:
        """The rows, and the seconds since training began."""
        return {"rows": self.rows, "seconds": self.clock() - self.begun}

    def set_state(self, state: dict[str, Any]) -> None:
        """The inverse of `get_state`: the time between does not count."""
        self.rows = state["rows"]
        self.begun = self.clock() - state["seconds"]

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Pass on the rows that are not written yet."""
        if self.rows:
            self.write(self.rows)
