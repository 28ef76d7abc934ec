"""Trainings for tests of callbacks: one without a model, and one of a small network under both `fit`s."""

import keras
import numpy as np
import pytest

import folklore
from models import mlp

NAN, INF = float("nan"), float("inf")
X = np.random.default_rng(4).normal(size=(24, 3)).astype("float32")
Y = X.sum(axis=1)
both_fits = pytest.mark.parametrize(
    "how", [pytest.param(how, marks=pytest.mark.compile) for how in ("folklore", "keras")]
)


class Clock:
    """A clock that shows `now`, which the test sets."""

    now = 0.0

    def __call__(self):
        return self.now


class OneWeight:
    """The parts of a model that callbacks use: one weight, which counts epochs; a rate; a file of the weight."""

    class optimizer:  # noqa: N801
        learning_rate = 0.5

    def __init__(self):
        self.weight, self.saved, self.stop_training = 0, [], False

    def get_weights(self):
        return [self.weight]

    def set_weights(self, weights):
        (self.weight,) = weights

    def save_weights(self, path):
        assert path.name.endswith(".weights.h5")
        path.write_text(str(self.weight))
        self.saved.append(self.weight)


def call(callback, logs, clock=None, seconds=1.0, model=None):
    """Call a callback as a training would: the weight is the epoch's number, and each epoch takes the given seconds."""
    model = model or OneWeight()
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, log in enumerate(logs):
        model.weight = epoch + 1
        if clock:
            clock.now += seconds
        callback.on_epoch_end(epoch, log)
        if model.stop_training:
            break
    callback.on_train_end()
    return model


def small_model(**params):
    keras.utils.set_random_seed(3)
    model = mlp((3,), 1, **({"widths": (4,)} | params))
    model.compile("sgd", "mse", metrics=[keras.metrics.MeanAbsoluteError(name="mae")])
    return model


def fit(how, model, watchers, epochs=4):
    if how == "keras":
        model.fit(X, Y, epochs=epochs, batch_size=8, validation_data=(X[:9], Y[:9]), callbacks=watchers, verbose=0)
    else:
        folklore.fit(model, (X, Y), epochs=epochs, batch_size=8, validation_data=(X[:9], Y[:9]), callbacks=watchers,
                     mode="graph")  # fmt: skip
