"""`folklore.fit` with validation data and no callbacks."""

from __future__ import annotations

from typing import Any

from benchmarks.sides.keras_model import keras_model
from benchmarks.works import Work
from folklore import epoch


class Side:
    """Trains with `folklore.fit`, and evaluates a quarter as many rows after every epoch."""

    def __init__(self, work: Work) -> None:
        self.work, self.model = work, keras_model(work)
        self.train_data, self.validation_data = epoch.place(work.data()), epoch.place(work.data(work.rows // 4))

    def callbacks(self) -> list[Any]:
        """The callbacks of one training: none."""
        return []

    def train(self, epochs: int) -> None:
        """Train `epochs` epochs."""
        epoch.fit(
            self.model,
            self.train_data,
            epochs=epochs,
            batch_size=self.work.batch,
            validation_data=self.validation_data,
            callbacks=self.callbacks(),
        )
