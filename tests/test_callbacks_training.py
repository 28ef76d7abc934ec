"""Callbacks, called by hand with logs that a reader can check; then under both `fit`s."""

import functools
import math
import os

import keras
import numpy as np
import pytest

import callbacks
import folklore
from callbacks import BestWeights, Rows, StopOnDivergence, TrainMetrics, log_name, names
from models import mlp

NAN, INF = float("nan"), float("inf")
X = np.random.default_rng(4).normal(size=(24, 3)).astype("float32")
Y = X.sum(axis=1)
FITS = [pytest.param(how, marks=pytest.mark.compile) for how in ("folklore", "keras")]
both_fits = pytest.mark.parametrize("how", FITS)


class Clock:
    """Shows `now`, which the test sets."""

    now = 0.0

    def __call__(self):
        return self.now


class OneWeight:
    """What callbacks need of a model: one weight, which counts epochs; a rate; a file that holds the weight."""

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


def run(callback, logs, clock=None, seconds=1.0, model=None):
    """A training without training: the weight is the number of the epoch, and each takes some seconds."""
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


def real_model(**params):
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


def test_each_public_name_is_importable():
    assert {name: getattr(callbacks, name).__name__ for name in callbacks.__all__} == {n: n for n in callbacks.__all__}
    with pytest.raises(AttributeError, match="No callbacks attribute Row"):
        callbacks.Row  # noqa: B018


@pytest.mark.parametrize(
    ("log", "split", "metric"),
    [
        ("val_loss", "validation", "loss"),
        ("train_loss", "train", "loss"),
        ("loss", "running", "loss"),
        ("val_train_x", "validation", "train_x"),
        ("value", "running", "value"),
    ],
)
def test_names_are_translated_in_both_directions(log, split, metric):
    assert names.split_and_metric(log) == (split, metric)
    assert log_name(f"{split}/{metric}") == log


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
@pytest.mark.parametrize("name", ["loss", "val_loss", "train_mae"])
def test_divergence_stops_after_the_first_bad_epoch(bad, name):
    callback = StopOnDivergence()
    good = {"loss": 1e30, "val_loss": 0.0, "train_mae": -1.0}
    model = run(callback, [good, good, good | {name: bad}, good])
    assert (callback.epoch, callback.reason) == (2, f"{name} is {bad}")
    assert (model.stop_training, model.weight) == (True, 3)


def test_every_bad_figure_is_named():
    callback = StopOnDivergence()
    run(callback, [{"loss": NAN, "mae": 1.0, "val_loss": INF}])
    assert callback.reason == "loss is nan, val_loss is inf"


def test_what_does_not_diverge_goes_on():
    callback = StopOnDivergence()
    model = run(callback, [{"loss": 1e38}, {}, None])
    assert (callback.epoch, callback.reason, model.stop_training, model.weight) == (None, "", False, 3)


def test_a_new_training_forgets_the_divergence():
    callback = StopOnDivergence()
    run(callback, [{"loss": NAN}])
    run(callback, [{"loss": 1.0}])
    assert (callback.epoch, callback.reason) == (None, "")


@both_fits
def test_divergence_stops_both_fits(how):
    model, callback = real_model(), StopOnDivergence()
    model.optimizer.learning_rate = 1e20
    fit(how, model, [callback], epochs=50)
    assert callback.epoch == model.history.epoch[-1] < 49
    assert "loss is" in callback.reason


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
def test_the_best_epochs_weights_are_restored_and_kept(tmp_path, goal, values, best):
    callback = BestWeights(tmp_path / "new" / "best.weights.h5", goal=goal, clock=Clock())
    model = run(callback, [{"val_loss": value} for value in values])
    assert (callback.epoch, callback.best, model.weight) == (best - 1, values[best - 1], best)
    assert {file.name: file.read_text() for file in (tmp_path / "new").iterdir()} == {"best.weights.h5": str(best)}


def test_without_a_number_nothing_is_restored_or_written(tmp_path):
    callback = BestWeights(tmp_path / "best.weights.h5", clock=Clock())
    model = run(callback, [{"val_loss": NAN}] * 3)
    assert (callback.epoch, model.weight, list(tmp_path.iterdir())) == (None, 3, [])


def test_a_new_training_forgets_the_best(tmp_path):
    callback = BestWeights(tmp_path / "best.weights.h5", clock=Clock())
    run(callback, [{"val_loss": 1}])
    run(callback, [{"val_loss": 9}, {"val_loss": 8}])
    assert (callback.epoch, callback.best) == (1, 8)


def test_weights_are_written_once_in_a_while_and_at_the_end(tmp_path):
    clock = Clock()
    callback = BestWeights(tmp_path / "best.weights.h5", every=10, clock=clock)
    # Four seconds an epoch, each better: due at 12 and 24 seconds, and at the end.
    model = run(callback, [{"val_loss": -epoch} for epoch in range(7)], clock, seconds=4)
    assert model.saved == [3, 6, 7]


def test_another_figure_may_be_monitored(tmp_path):
    callback = BestWeights(tmp_path / "best.weights.h5", monitor="train_mae", clock=Clock())
    run(callback, [{"val_loss": 1, "train_mae": 2}, {"val_loss": 2, "train_mae": 1}])
    assert callback.epoch == 1


def test_a_write_that_breaks_off_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    callback = BestWeights(tmp_path / "best.weights.h5", clock=Clock())
    run(callback, [{"val_loss": 1}])
    monkeypatch.setattr(os, "fsync", lambda number: (_ for _ in ()).throw(OSError("no space left")))
    with pytest.raises(OSError, match="no space left"):
        run(callback, [{"val_loss": 0}, {"val_loss": -1}])
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {"best.weights.h5": "1"}


@both_fits
def test_best_weights_give_the_best_figure_again(tmp_path, how):
    model, callback = real_model(), BestWeights(tmp_path / "best.weights.h5", every=0)
    worsen = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.01 if epoch < 2 else 0.5)
    fit(how, model, [worsen, callback], epochs=4)
    losses = model.history.history["val_loss"]
    assert callback.epoch == np.nanargmin(losses) < 3
    assert [file.name for file in tmp_path.iterdir()] == ["best.weights.h5"]
    fresh = real_model()
    fresh.load_weights(callback.path)
    for restored in (model, fresh):
        assert restored.evaluate(X[:9], Y[:9], verbose=0)[0] == pytest.approx(min(losses), rel=1e-5)


def test_rows_have_our_names_in_our_order():
    clock, written = Clock(), []
    clock.now = 100.0
    logs = {"val_loss": 4, "loss": 1, "train_mae": 3, "mae": 2, "val_mae": 5, "train_loss": NAN}
    run(Rows(lambda rows: written.append(list(rows)), clock=clock), [logs, {"loss": 6}], clock, seconds=2.25)
    first, second = written[-1]
    assert list(first) == [
        *("epoch", "seconds", "lr", "train/mae", "train/loss", "validation/loss", "validation/mae"),
        *("running/loss", "running/mae"),
    ]
    assert [v for v in first.values() if not math.isnan(v)] == [1, 2.25, 0.5, 3, 4, 5, 1, 2]
    assert second == {"epoch": 2, "seconds": 4.5, "lr": 0.5, "running/loss": 6}


def test_rows_are_handed_over_once_in_a_while_and_at_the_end():
    clock, lengths = Clock(), []
    run(Rows(lambda rows: lengths.append(len(rows)), every=10, clock=clock), [{}] * 7, clock, seconds=4)
    assert lengths == [3, 6, 7]


def test_a_training_without_epochs_hands_over_nothing_and_a_new_one_begins_anew():
    written = []
    callback = Rows(lambda rows: written.append(list(rows)), every=99, clock=Clock())
    run(callback, [])
    assert written == []
    run(callback, [{"loss": 1}])
    run(callback, [{"loss": 2}])
    assert [[row["running/loss"] for row in rows] for rows in written] == [[1], [2]]


@both_fits
def test_rows_follow_the_learning_rate(how):
    rows = []
    halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.5**epoch)
    fit(how, real_model(), [Rows(rows.extend, every=99), halve], epochs=3)
    assert [(row["epoch"], row["lr"]) for row in rows] == [(1, 1.0), (2, 0.5), (3, 0.25)]
    assert "running/learning_rate" not in rows[0]


def test_train_metrics_are_added_for_those_that_follow():
    rows = []
    measured = iter([{"loss": 1, "mae": 2}, {"loss": 3, "mae": 4}])
    watchers = keras.callbacks.CallbackList([TrainMetrics(lambda: next(measured)), Rows(rows.extend, every=99)])
    run(watchers, [{"loss": 9}, {"loss": 8}])
    assert [(row["train/loss"], row["train/mae"], row["running/loss"]) for row in rows] == [(1, 2, 9), (3, 4, 8)]


def test_train_metrics_without_logs_measures_nothing():
    run(TrainMetrics(lambda: pytest.fail("measured")), [None])
    assert TrainMetrics(dict).logs_names(["loss", "mae"]) == ["train_loss", "train_mae"]


@both_fits
@pytest.mark.parametrize("evaluate", ["folklore", "keras"])
def test_train_metrics_are_honest(how, evaluate):
    model = real_model(widths=(16,), dropout=0.5)
    if evaluate == "keras":
        honest = functools.partial(model.evaluate, X, Y, verbose=0, return_dict=True)
    else:
        honest = functools.partial(folklore.evaluate, model, (X, Y))
    after, validation = [], []
    check = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: (
            after.append(model.evaluate(X, Y, verbose=0)),
            validation.append(model.evaluate(X[:9], Y[:9], verbose=0)[0]),
        )
    )
    fit(how, model, [TrainMetrics(honest), check], epochs=2)
    history = model.history.history
    assert history["train_loss"] == pytest.approx([loss for loss, _ in after], rel=1e-5)
    assert history["train_mae"] == pytest.approx([mae for _, mae in after], rel=1e-5)
    assert history["val_loss"] == pytest.approx(validation, rel=1e-5)
    # Dropout and the moving weights are in Keras' own average.
    assert all(abs(one - other) > 0.01 for one, other in zip(history["loss"], history["train_loss"], strict=True))


@both_fits
def test_keras_early_stopping_may_monitor_train_metrics(how):
    losses = iter([3.0, 2.0, 2.5, 2.5, 2.5])
    stopping = keras.callbacks.EarlyStopping("train_loss", patience=2, mode="min")
    model = real_model()
    fit(how, model, [TrainMetrics(lambda: {"loss": next(losses)}), stopping], epochs=9)
    assert (stopping.stopped_epoch, len(model.history.epoch)) == (3, 4)


@pytest.mark.compile
def test_train_metrics_must_be_there_to_be_monitored():
    with pytest.raises(ValueError, match="EarlyStopping monitors 'train_loss', which is not logged"):
        fit("folklore", real_model(), [keras.callbacks.EarlyStopping("train_loss")])
