"""`keras.Model.fit` with Keras' own option for speed, 50 steps per graph call, in the default environment."""

from __future__ import annotations

from benchmarks.sides import keras_fit
from benchmarks.works import Work


class Side(keras_fit.Side):
    """Trains with `keras.Model.fit` and `steps_per_execution`."""

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self.model.steps_per_execution = 50
