"""The compiled epoch compared with `keras.Model.fit` on the same batches."""

import keras
import numpy as np
import pytest

from folklore import epoch
from folklore.epoch import program
from folklore.epoch.dropout_masks import counted
from models import mlp

pytestmark = pytest.mark.compile

RNG = np.random.default_rng(7)
X = RNG.normal(size=(70, 5)).astype("float32")
Y = (X @ RNG.normal(size=(5, 1)).astype("float32"))[:, 0]
CLASSES = RNG.integers(0, 3, size=70).astype("int32")
BATCH = 16  # 70 = 4 × 16 + 6: the last batch is partial


def regression(optimizer="sgd", **params):
    keras.utils.set_random_seed(1)
    model = mlp((5,), 1, **({"widths": (8, 8)} | params))
    model.compile(keras.optimizers.get(optimizer), "mse", metrics=[keras.metrics.RootMeanSquaredError(name="rmse")])
    return model


def fit_by_keras(model, data, epochs, seed, validation_data=None):
    """`model.fit` on the batches that `folklore.fit` visits, an epoch a call so that the order can change."""
    logs = []
    for number in range(epochs):
        order = epoch.epoch_order(seed, number, len(data[0]))
        history = model.fit(
            *(array[order] for array in data),
            batch_size=BATCH,
            shuffle=False,
            verbose=0,
            validation_data=validation_data,
        )
        logs.append({name: values[0] for name, values in history.history.items()})
    return logs


def assert_same_weights(one, other, tolerance=2e-5):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


SELU = {"activation": "selu", "initializer": "lecun_normal"}


@pytest.mark.parametrize("mode", ["xla", "graph", "step"])
@pytest.mark.parametrize(
    ("optimizer", "params"),
    [
        ("sgd", {}),
        # Without biases in front of BN: their gradient is zero but for rounding, which Adam scales up to full steps.
        ("adam", {"normalization": "before", "use_bias": False}),
        ("adam", {"residual": True, "normalization": "after", "l2": 0.01}),
        ("sgd", SELU),
    ],
)
def test_weights_and_history_equal_keras(mode, optimizer, params):
    ours, theirs = regression(optimizer, **params), regression(optimizer, **params)
    history = epoch.fit(
        ours, (X, Y), epochs=3, batch_size=BATCH, seed=5, validation_data=(X[:20], Y[:20]), mode=mode
    ).history
    logs = fit_by_keras(theirs, (X, Y), epochs=3, seed=5, validation_data=(X[:20], Y[:20]))
    assert_same_weights(ours, theirs)
    assert set(history) == set(logs[0])
    for name, values in history.items():
        np.testing.assert_allclose(values, [log[name] for log in logs], rtol=1e-4)


@pytest.mark.parametrize("mode", ["xla", "graph", "step"])
@pytest.mark.parametrize("params", [{"alpha_dropout": 0.3, **SELU}, {"dropout": 0.3}, {"uniform_dropout": 0.9}])
def test_weights_equal_keras_with_same_masks(mode, params):
    ours, theirs, without = regression(**params), regression(**params), regression(**SELU)
    epoch.fit(ours, (X, Y), epochs=2, batch_size=BATCH, seed=5, mode=mode)
    with counted():
        fit_by_keras(theirs, (X, Y), epochs=2, seed=5)
    assert_same_weights(ours, theirs)
    epoch.fit(without, (X, Y), epochs=2, batch_size=BATCH, seed=5, mode=mode)
    assert np.abs(ours.get_weights()[0] - without.get_weights()[0]).max() > 1e-3  # there were masks


@pytest.mark.parametrize("mode", ["xla", "graph"])
def test_classification_equals_keras(mode):
    def build():
        keras.utils.set_random_seed(2)
        model = mlp((5,), 3, widths=(8,))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("adam", loss, metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")])
        return model

    ours, theirs = build(), build()
    history = epoch.fit(ours, (X, CLASSES), epochs=2, batch_size=BATCH, mode=mode).history
    logs = fit_by_keras(theirs, (X, CLASSES), epochs=2, seed=0)
    assert_same_weights(ours, theirs)
    assert history["accuracy"] == pytest.approx([log["accuracy"] for log in logs])


def test_sample_weights_equal_keras():
    weights = RNG.uniform(size=70).astype("float32")
    ours, theirs = regression(), regression()
    epoch.fit(ours, (X, Y, weights), epochs=1, batch_size=BATCH, mode="graph")
    order = epoch.epoch_order(0, 0, 70)
    theirs.fit(X[order], Y[order], sample_weight=weights[order], batch_size=BATCH, shuffle=False, verbose=0)
    assert_same_weights(ours, theirs)


@pytest.mark.parametrize("mode", ["xla", "graph", "step"])
def test_equal_seeds_give_equal_bits(mode):
    def weights(seed):
        model = regression("adam", dropout=0.3)
        epoch.fit(model, (X, Y), epochs=2, batch_size=BATCH, seed=seed, mode=mode)
        return np.concatenate([array.ravel() for array in model.get_weights()])

    first = weights(3)
    np.testing.assert_array_equal(first, weights(3))
    assert not np.array_equal(first, weights(4))


def test_order_depends_only_on_seed_and_epoch():
    orders = [epoch.epoch_order(seed, number, 50) for seed in (0, 1) for number in (0, 1)]
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert len({tuple(order) for order in orders}) == 4
    np.testing.assert_array_equal(orders[3], epoch.epoch_order(1, 1, 50))


def test_initial_epoch_continues_exactly():
    whole, parts = regression("adam"), regression("adam")
    epoch.fit(whole, (X, Y), epochs=4, batch_size=BATCH, mode="graph")
    epoch.fit(parts, (X, Y), epochs=2, batch_size=BATCH, mode="graph")
    epoch.fit(parts, (X, Y), epochs=4, initial_epoch=2, batch_size=BATCH, mode="graph")
    assert_same_weights(whole, parts, tolerance=1e-7)


def test_compiling_again_takes_effect():
    model = regression()
    epoch.fit(model, (X, Y), epochs=1, batch_size=BATCH, mode="graph")
    before = model.get_weights()
    model.compile(keras.optimizers.SGD(learning_rate=0.0), "mae", metrics=["mse"])
    history = epoch.fit(model, (X, Y), epochs=1, batch_size=BATCH, mode="graph").history
    np.testing.assert_array_equal(before[0], model.get_weights()[0])
    assert history["loss"][0] == pytest.approx(np.abs(Y - model.predict(X, verbose=0)[:, 0]).mean(), rel=1e-5)
    assert set(history) == {"loss", "mse"}


def test_evaluate_equals_keras(monkeypatch):
    monkeypatch.setattr(program, "evaluation_batch", lambda model: 32)
    model = regression(normalization="before", l2=0.1, dropout=0.5)
    ours, theirs = epoch.evaluate(model, (X, Y)), model.evaluate(X, Y, verbose=0, return_dict=True)
    assert ours == pytest.approx(theirs, rel=1e-5)


class Hooks(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.calls = []

    def on_train_batch_end(self, batch, logs=None):
        self.calls.append((batch, sorted(logs)))


def test_batch_hooks_of_callback_are_called():
    hooks = Hooks()
    epoch.fit(regression(), (X, Y), epochs=1, batch_size=BATCH, callbacks=[hooks], mode="xla")
    assert hooks.calls == [(step, ["loss", "rmse"]) for step in range(5)]


def test_epoch_callbacks_of_keras_work_unchanged(tmp_path):
    model = regression("adam")
    history = epoch.fit(
        model,
        (X, Y),
        epochs=6,
        batch_size=BATCH,
        validation_data=(X, Y),
        mode="graph",
        callbacks=[
            keras.callbacks.LearningRateScheduler(lambda number, rate: 0.01 if number < 2 else 0.0),
            keras.callbacks.ReduceLROnPlateau(patience=1),
            keras.callbacks.EarlyStopping("val_loss", patience=2, restore_best_weights=True),
            keras.callbacks.ModelCheckpoint(tmp_path / "best.weights.h5", save_best_only=True, save_weights_only=True),
            keras.callbacks.CSVLogger(tmp_path / "log.csv"),
            keras.callbacks.TerminateOnNaN(),
        ],
    ).history
    assert len(history["loss"]) == 4  # the rate is 0 from the third epoch on: two epochs without progress
    assert history["learning_rate"] == pytest.approx([0.01, 0.01, 0.0, 0.0])
    assert (tmp_path / "best.weights.h5").exists()
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 5


def test_misspelt_monitor_fails_before_first_epoch():
    model = regression()
    before = model.get_weights()
    stopping = keras.callbacks.EarlyStopping(monitor="val_rsme")
    with pytest.raises(ValueError, match=r"EarlyStopping monitors 'val_rsme', which is not logged.*val_rmse"):
        epoch.fit(model, (X, Y), epochs=1, validation_data=(X, Y), callbacks=[stopping])
    np.testing.assert_array_equal(before[0], model.get_weights()[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "fast"}, "mode 'fast' is unknown"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"data": (X, Y[:-1])}, r"In data, x has 70 rows, y has 69 rows\."),
        ({"data": (X[:0], Y[:0])}, "x has 0 rows, y has 0 rows"),
    ],
)
def test_unknown_mode_and_inconsistent_data_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        epoch.fit(regression(), **({"data": (X, Y), "epochs": 1} | arguments))


def test_uncompiled_model_is_refused():
    with pytest.raises(ValueError, match="not compiled"):
        epoch.fit(mlp((5,), 1), (X, Y), epochs=1)
