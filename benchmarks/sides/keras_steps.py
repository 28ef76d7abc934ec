"""`keras.Model.fit` with its own remedy, 50 steps a graph call, in the default environment."""

from __future__ import annotations

from benchmarks.sides.keras_model import keras_model
from benchmarks.works import Work


class Side:
    """Trains with `keras.Model.fit` and `steps_per_execution`."""

    def __init__(self, work: Work) -> None:
        self.work, self.data, self.model = work, work.data(), keras_model(work)
        self.model.compile(
            self.model.optimizer,
            self.model.loss,
            metrics=["mae" if work.outputs == 1 else "accuracy"],
            steps_per_execution=50,
        )

    def train(self, epochs: int) -> None:
        """Train so many epochs."""
        self.model.fit(*self.data, epochs=epochs, batch_size=self.work.batch, verbose=0)
