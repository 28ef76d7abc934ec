"""The best epoch's weights: selected, restored and written."""

import os

import keras
import numpy as np
import pytest

from callbacks import BestWeights
from tests.callback_training import NAN, Clock, X, Y, both_fits, call, fit, small_model


@pytest.mark.parametrize(
    ("goal", "values", "best"),
    [
        ("min", [3, 1, 2], 2),
        ("max", [3, 1, 2], 1),
        ("min", [2, 1, 1], 2),  # the earliest of equals
        ("max", [1, 2, 2], 2),
        ("min", [NAN, 5, NAN], 2),
        ("max", [NAN, 5, NAN, 4], 2),
        ("min", [0, NAN, -1], 3),
    ],
)
def test_weights_of_best_epoch_are_restored_and_written(tmp_path, goal, values, best):
    callback = BestWeights(tmp_path / "new" / "best.weights.h5", goal=goal, clock=Clock())
    model = call(callback, [{"val_loss": value} for value in values])
    assert (callback.epoch, callback.best, model.weight) == (best - 1, values[best - 1], best)
    assert {file.name: file.read_text() for file in (tmp_path / "new").iterdir()} == {"best.weights.h5": str(best)}


def test_nan_restores_and_writes_nothing(tmp_path):
    callback = BestWeights(tmp_path / "best.weights.h5", clock=Clock())
    model = call(callback, [{"val_loss": NAN}] * 3)
    assert (callback.epoch, model.weight, list(tmp_path.iterdir())) == (None, 3, [])


def test_new_training_forgets_best_epoch(tmp_path):
    callback = BestWeights(tmp_path / "best.weights.h5", clock=Clock())
    call(callback, [{"val_loss": 1}])
    call(callback, [{"val_loss": 9}, {"val_loss": 8}])
    assert (callback.epoch, callback.best) == (1, 8)


def test_weights_are_written_at_intervals_and_at_end(tmp_path):
    clock = Clock()
    callback = BestWeights(tmp_path / "best.weights.h5", every=10, clock=clock)
    # Four seconds an epoch, each better: due at 12 and 24 seconds, and at the end.
    model = call(callback, [{"val_loss": -epoch} for epoch in range(7)], clock, seconds=4)
    assert model.saved == [3, 6, 7]


def test_another_metric_can_be_monitored(tmp_path):
    callback = BestWeights(tmp_path / "best.weights.h5", monitor="train_mae", clock=Clock())
    call(callback, [{"val_loss": 1, "train_mae": 2}, {"val_loss": 2, "train_mae": 1}])
    assert callback.epoch == 1


def test_interrupted_write_keeps_previous_weights(tmp_path, monkeypatch):
    callback = BestWeights(tmp_path / "best.weights.h5", clock=Clock())
    call(callback, [{"val_loss": 1}])
    monkeypatch.setattr(os, "fsync", lambda number: (_ for _ in ()).throw(OSError("no space left")))
    with pytest.raises(OSError, match="no space left"):
        call(callback, [{"val_loss": 0}, {"val_loss": -1}])
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {"best.weights.h5": "1"}


@both_fits
def test_best_weights_reproduce_best_loss(tmp_path, how):
    model, callback = small_model(), BestWeights(tmp_path / "best.weights.h5", every=0)
    worsen = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.01 if epoch < 2 else 0.5)
    fit(how, model, [worsen, callback], epochs=4)
    losses = model.history.history["val_loss"]
    assert callback.epoch == np.nanargmin(losses) < 3
    assert [file.name for file in tmp_path.iterdir()] == ["best.weights.h5"]
    fresh = small_model()
    fresh.load_weights(callback.path)
    for restored in (model, fresh):
        assert restored.evaluate(X[:9], Y[:9], verbose=0)[0] == pytest.approx(min(losses), rel=1e-5)
