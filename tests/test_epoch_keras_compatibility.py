"""The compiled epoch on unusual models, steps, callbacks and arguments of Keras users."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from folklore import epoch
from folklore.epoch import program
from folklore.epoch.checks import TRAIN_HOOKS, wants
from models import mlp

pytestmark = pytest.mark.compile

RNG = np.random.default_rng(7)
X = RNG.normal(size=(22, 5)).astype("float32")
Y = X[:, :1]
BATCH = 8  # 22 = 2 × 8 + 6
MODES = ("xla", "graph", "step")


def compiled(build, seed=1, **options):
    keras.utils.set_random_seed(seed)
    model = build()
    model.compile("sgd", "mse", **options)
    return model


def ordinary(**options):
    return compiled(lambda: mlp((5,), 1), **options)


def fit(model, data=(X, Y), **options):
    return epoch.fit(model, data, **({"epochs": 1, "batch_size": BATCH, "mode": "graph"} | options)).history


def by_keras(model, epochs=1, **options):
    """Keras' fit of one epoch on the batches that `fit` visits."""
    order = epoch.epoch_order(0, 0, len(X))
    return model.fit(X[order], Y[order], batch_size=BATCH, shuffle=False, verbose=0, **options).history


def assert_same(ours, theirs):
    assert set(ours) == set(theirs)
    for name, values in theirs.items():
        np.testing.assert_allclose(ours[name], values, rtol=1e-4, err_msg=name)


class OwnStep(keras.Model):
    """A model without `call`, with a train step and logs of its own, as a GAN has."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)

    @property
    def metrics(self):
        return []

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = keras.ops.mean((self.dense(x) - y) ** 2)
        self.optimizer.apply(tape.gradient(loss, self.trainable_weights), self.trainable_weights)
        return {"error": loss, "rows": keras.ops.shape(x)[0]}


class ExtraLog(keras.Sequential):
    """Keras' own steps, and one more log from each."""

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(x, y, y_pred, sample_weight) | {"largest": keras.ops.max(y_pred)}


def dense():
    return [keras.layers.Dense(4, activation="tanh"), keras.layers.Dense(1)]


@pytest.mark.parametrize("mode", MODES)
def test_model_without_input_is_built_by_first_batch(mode):
    def build():
        return keras.Sequential(dense())

    ours = fit(compiled(build, metrics=["mae"]), validation_data=(X, Y), mode=mode)
    assert_same(ours, by_keras(compiled(build, metrics=["mae"]), validation_data=(X, Y)))


@pytest.mark.parametrize("mode", MODES)
def test_custom_train_step_needs_neither_test_step_nor_call_nor_metrics(mode):
    ours, theirs = compiled(OwnStep), compiled(OwnStep)
    stopping = keras.callbacks.EarlyStopping("error", mode="min")
    assert_same(fit(ours, mode=mode, callbacks=stopping), by_keras(theirs))
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
    with pytest.raises(ValueError, match=r"'loss', which is not logged. Logged here: error, rows"):
        fit(ours, callbacks=[keras.callbacks.EarlyStopping("loss")])


@pytest.mark.parametrize("mode", MODES)
def test_extra_logs_come_from_last_step(mode, monkeypatch):
    monkeypatch.setattr(program, "evaluation_batch", lambda model: 256)
    ours = fit(compiled(lambda: ExtraLog(dense())), mode=mode, validation_data=(X, Y))
    assert_same(ours, by_keras(compiled(lambda: ExtraLog(dense())), validation_data=(X, Y), validation_batch_size=256))


def test_compiling_a_model_without_metrics_again_takes_effect():
    model = compiled(OwnStep)
    fit(model)
    before = model.get_weights()
    model.compile(keras.optimizers.SGD(learning_rate=0.0))
    fit(model)
    np.testing.assert_array_equal(before[0], model.get_weights()[0])


def test_stateful_layer_with_fixed_batch_trains(monkeypatch):
    monkeypatch.setattr(program, "evaluation_batch", lambda model: 4)
    x = X[:16, :, None]

    def build():
        inputs = keras.Input(batch_shape=(4, 5, 1))
        return keras.Model(inputs, keras.layers.Dense(1)(keras.layers.LSTM(3, stateful=True)(inputs)))

    ours, theirs = compiled(build), compiled(build)
    history = fit(ours, (x, Y[:16]), mode="auto", batch_size=4, validation_data=(x, Y[:16]))
    order = epoch.epoch_order(0, 0, 16)
    data = {"validation_data": (x, Y[:16]), "validation_batch_size": 4}
    assert_same(history, theirs.fit(x[order], Y[:16][order], batch_size=4, shuffle=False, verbose=0, **data).history)


@pytest.mark.parametrize("mode", MODES)
def test_metric_of_several_values_is_array_in_history(mode):
    def build():
        return keras.Sequential([keras.Input((5,)), keras.layers.Dense(3, activation="softmax")])

    targets = np.eye(3, dtype="float32")[RNG.integers(0, 3, len(X))]
    model = compiled(build, metrics=[keras.metrics.F1Score(average=None)])
    (value,) = fit(model, (X, targets), mode=mode)["f1_score"]
    assert isinstance(value, np.ndarray)
    assert value.shape == (3,)


def test_run_eagerly_runs_every_step_as_plain_python(monkeypatch):
    monkeypatch.setattr(program, "evaluation_batch", lambda model: 256)
    eager = []

    class Watched(keras.Sequential):
        def call(self, inputs, training=None):
            eager.append(tf.executing_eagerly())
            return super().call(inputs, training=training)

    ours, theirs = (compiled(lambda: Watched(dense()), run_eagerly=True, metrics=["mae"]) for _ in range(2))
    assert_same(fit(ours, mode="xla", validation_data=(X, Y)), by_keras(theirs, validation_data=(X, Y)))
    eager.clear()
    fit(ours, validation_data=(X, Y))
    assert epoch.evaluate(ours, (X, Y)) == pytest.approx(ours.evaluate(X, Y, verbose=0, return_dict=True), rel=1e-5)
    assert eager == [True] * 6  # three steps, one validation batch, two evaluations


def test_checkpoint_saving_every_epoch_needs_no_validation(tmp_path):
    fit(ordinary(), callbacks=[keras.callbacks.ModelCheckpoint(tmp_path / "last.keras")])
    assert (tmp_path / "last.keras").exists()
    best = keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", save_best_only=True)
    with pytest.raises(ValueError, match="ModelCheckpoint monitors 'val_loss'"):
        fit(ordinary(), callbacks=[best])


def test_backup_resumes_where_it_ended(tmp_path):
    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup", delete_checkpoint=False)
    fit(ordinary(), epochs=2, callbacks=[backup])
    again = keras.callbacks.BackupAndRestore(tmp_path / "backup", delete_checkpoint=False)
    model = ordinary(seed=2)
    assert len(fit(model, epochs=5, callbacks=[again])["loss"]) == 3
    assert model.history.epoch == [2, 3, 4]


def test_hooks_for_test_batches_are_called(monkeypatch):
    monkeypatch.setattr(program, "evaluation_batch", lambda model: BATCH)
    calls = []

    class Hooks(keras.callbacks.Callback):
        def on_test_batch_begin(self, batch, logs=None):
            calls.append(batch)

        def on_test_batch_end(self, batch, logs=None):
            calls.append((batch, sorted(logs)))
            self.model.stop_evaluating = batch == 1

    history = fit(ordinary(), validation_data=(X, Y), callbacks=[Hooks()])
    assert calls == [0, (0, ["loss"]), 1, (1, ["loss"])]
    assert_same(history, by_keras(ordinary(), validation_data=(X, Y), callbacks=[Hooks()]))


def test_only_idle_hooks_of_keras_callbacks_are_skipped(tmp_path):
    class Own(keras.callbacks.Callback):
        save_freq = "epoch"

        def on_train_batch_end(self, batch, logs=None):
            pass

    class Checkpoint(keras.callbacks.ModelCheckpoint):
        on_train_batch_end = Own.on_train_batch_end

    path = tmp_path / "a.keras"
    for callback in (
        keras.callbacks.ModelCheckpoint(path),
        keras.callbacks.BackupAndRestore(tmp_path),
        keras.callbacks.EarlyStopping(),
    ):
        assert not wants(callback, TRAIN_HOOKS)
    for callback in (
        Own(),
        Checkpoint(path),
        keras.callbacks.ModelCheckpoint(path, save_freq=1),
        keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None),
    ):
        assert wants(callback, TRAIN_HOOKS)


def test_none_sample_weights_and_single_callback_work_as_in_keras():
    stopping = keras.callbacks.EarlyStopping("val_loss", patience=9)
    history = fit(ordinary(), (X, Y, None), validation_data=(X, Y, None), callbacks=stopping)
    assert_same(history, by_keras(ordinary(), validation_data=(X, Y)))
    assert epoch.evaluate(ordinary(), (X, Y, None)) == epoch.evaluate(ordinary(), (X, Y))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 2.5}, r"batch_size is 2\.5\. Give a positive integer\."),
        ({"batch_size": True}, "batch_size is True"),
        ({"seed": -1}, r"seed is -1\. Give a non-negative integer\."),
        ({"epochs": -1}, "epochs is -1"),
        ({"epochs": 2.5}, r"epochs is 2\.5"),
        ({"initial_epoch": -1}, "initial_epoch is -1"),
        ({"validation_data": ()}, r"validation_data holds 0 arrays\. Give validation_data as \(x, y\)"),
        ({"data": X}, r"data is of type ndarray, not a tuple\. Give data as \(x, y\)"),
        ({"data": (X, Y, Y, Y)}, "data holds 4 arrays"),
    ],
)
def test_invalid_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        fit(ordinary(), **arguments)


def test_numpy_integers_are_accepted():
    assert len(fit(ordinary(), epochs=np.int64(1), batch_size=np.int64(8), seed=np.uint8(0))["loss"]) == 1


def test_evaluating_uncompiled_model_is_refused():
    with pytest.raises(ValueError, match="not compiled"):
        epoch.evaluate(mlp((5,), 1), (X, Y))
