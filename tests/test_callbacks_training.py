"""Names of logs, divergence, rows of the history and train metrics, with hand-made logs and under both `fit`s."""

import functools
import math

import keras
import pytest

import callbacks
import folklore
from callbacks import Rows, StopOnDivergence, TrainMetrics, log_name, names
from tests.callback_training import INF, NAN, Clock, X, Y, both_fits, call, fit, small_model


def test_every_public_callback_is_importable():
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
def test_log_names_translate_both_ways(log, split, metric):
    assert names.split_and_metric(log) == (split, metric)
    assert log_name(f"{split}/{metric}") == log


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
@pytest.mark.parametrize("name", ["loss", "val_loss", "train_mae"])
def test_divergence_stops_training_after_first_bad_epoch(bad, name):
    callback = StopOnDivergence()
    good = {"loss": 1e30, "val_loss": 0.0, "train_mae": -1.0}
    model = call(callback, [good, good, good | {name: bad}, good])
    assert (callback.epoch, callback.reason) == (2, f"{name} is {bad}")
    assert (model.stop_training, model.weight) == (True, 3)


def test_every_nonfinite_metric_is_named():
    callback = StopOnDivergence()
    call(callback, [{"loss": NAN, "mae": 1.0, "val_loss": INF}])
    assert callback.reason == "loss is nan, val_loss is inf"


def test_finite_logs_do_not_stop_training():
    callback = StopOnDivergence()
    model = call(callback, [{"loss": 1e38}, {}, None])
    assert (callback.epoch, callback.reason, model.stop_training, model.weight) == (None, "", False, 3)


def test_new_training_forgets_divergence():
    callback = StopOnDivergence()
    call(callback, [{"loss": NAN}])
    call(callback, [{"loss": 1.0}])
    assert (callback.epoch, callback.reason) == (None, "")


@both_fits
def test_divergence_stops_both_fits(how):
    model, callback = small_model(), StopOnDivergence()
    model.optimizer.learning_rate = 1e20
    fit(how, model, [callback], epochs=50)
    assert callback.epoch == model.history.epoch[-1] < 49
    assert "loss is" in callback.reason


def test_rows_have_names_in_fixed_order():
    clock, written = Clock(), []
    clock.now = 100.0
    logs = {"val_loss": 4, "loss": 1, "train_mae": 3, "mae": 2, "val_mae": 5, "train_loss": NAN}
    call(Rows(lambda rows: written.append(list(rows)), clock=clock), [logs, {"loss": 6}], clock, seconds=2.25)
    first, second = written[-1]
    assert list(first) == [
        *("epoch", "seconds", "lr", "train/mae", "train/loss", "validation/loss", "validation/mae"),
        *("running/loss", "running/mae"),
    ]
    assert [v for v in first.values() if not math.isnan(v)] == [1, 2.25, 0.5, 3, 4, 5, 1, 2]
    assert second == {"epoch": 2, "seconds": 4.5, "lr": 0.5, "running/loss": 6}


def test_rows_are_written_at_intervals_and_at_end():
    clock, lengths = Clock(), []
    call(Rows(lambda rows: lengths.append(len(rows)), every=10, clock=clock), [{}] * 7, clock, seconds=4)
    assert lengths == [3, 6, 7]


def test_rows_of_new_training_start_empty():
    written = []
    callback = Rows(lambda rows: written.append(list(rows)), every=99, clock=Clock())
    call(callback, [])
    assert written == []
    call(callback, [{"loss": 1}])
    call(callback, [{"loss": 2}])
    assert [[row["running/loss"] for row in rows] for rows in written] == [[1], [2]]


@both_fits
def test_rows_follow_learning_rate(how):
    rows = []
    halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.5**epoch)
    fit(how, small_model(), [Rows(rows.extend, every=99), halve], epochs=3)
    assert [(row["epoch"], row["lr"]) for row in rows] == [(1, 1.0), (2, 0.5), (3, 0.25)]
    assert "running/learning_rate" not in rows[0]


def test_train_metrics_reach_later_callbacks():
    rows = []
    measured = iter([{"loss": 1, "mae": 2}, {"loss": 3, "mae": 4}])
    watchers = keras.callbacks.CallbackList([TrainMetrics(lambda: next(measured)), Rows(rows.extend, every=99)])
    call(watchers, [{"loss": 9}, {"loss": 8}])
    assert [(row["train/loss"], row["train/mae"], row["running/loss"]) for row in rows] == [(1, 2, 9), (3, 4, 8)]


def test_train_metrics_without_logs_measure_nothing():
    call(TrainMetrics(lambda: pytest.fail("measured")), [None])
    assert TrainMetrics(dict).logs_names(["loss", "mae"]) == ["train_loss", "train_mae"]


@both_fits
@pytest.mark.parametrize("evaluate", ["folklore", "keras"])
def test_train_metrics_equal_evaluation_after_epoch(how, evaluate):
    model = small_model(widths=(16,), dropout=0.5)
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
def test_keras_early_stopping_can_monitor_train_metrics(how):
    losses = iter([3.0, 2.0, 2.5, 2.5, 2.5])
    stopping = keras.callbacks.EarlyStopping("train_loss", patience=2, mode="min")
    model = small_model()
    fit(how, model, [TrainMetrics(lambda: {"loss": next(losses)}), stopping], epochs=9)
    assert (stopping.stopped_epoch, len(model.history.epoch)) == (3, 4)


@pytest.mark.compile
def test_monitoring_absent_train_metrics_is_refused():
    with pytest.raises(ValueError, match="EarlyStopping monitors 'train_loss', which is not logged"):
        fit("folklore", small_model(), [keras.callbacks.EarlyStopping("train_loss")])
