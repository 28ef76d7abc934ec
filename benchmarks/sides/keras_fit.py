"""`keras.Model.fit` as users run it, in the default environment."""

from __future__ import annotations

from benchmarks.sides.keras_model import keras_model
from benchmarks.works import Work


class Side:
    """Trains with `keras.Model.fit`."""

    def __init__(self, work: Work) -> None:
        self.work, self.data, self.model = work, work.data(), keras_model(work)

    def train(self, epochs: int) -> None:
        """Train `epochs` epochs."""
        self.model.fit(*self.data, epochs=epochs, batch_size=self.work.batch, verbose=0)
