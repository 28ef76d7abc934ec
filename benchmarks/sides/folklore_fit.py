"""`folklore.fit` in the TensorFlow environment of our workers, with one thread per core."""

from __future__ import annotations

from benchmarks.sides.keras_model import keras_model
from benchmarks.works import Work
from folklore import epoch


class Side:
    """Trains with `folklore.fit`."""

    def __init__(self, work: Work) -> None:
        self.work, self.data, self.model = work, work.data(), keras_model(work)

    def train(self, epochs: int) -> None:
        """Train `epochs` epochs."""
        epoch.fit(self.model, self.data, epochs=epochs, batch_size=self.work.batch)
