"""Arguments of `folklore.fit` that mean what they mean in `keras.Model.fit`."""

import inspect
import re
from pathlib import Path

import keras
import numpy as np
import pandas
import pytest

import folklore
from folklore import epoch
from folklore.epoch.device_data import Rows
from folklore.epoch.rows import epoch_order

pytestmark = pytest.mark.compile

RNG = np.random.default_rng(4)
X = RNG.normal(size=(22, 3)).astype("float32")
Y = X.sum(axis=1)
CLASSES = RNG.integers(0, 3, len(X))
BATCH = 8  # 22 = 2 × 8 + 6
CLASSIFIED = ("sparse_categorical_crossentropy", 3, "softmax")


def network(loss="mse", outputs=1, activation=None, **options):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((3,))
    hidden = keras.layers.Dense(4, activation="tanh")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(outputs, activation=activation)(hidden))
    model.compile(keras.optimizers.SGD(0.1), loss, **options)
    return model


def assert_same(ours, theirs, logs, expected):
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=2e-6)
    assert set(logs) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(logs[name], values, rtol=1e-4, err_msg=name)


def both(arguments, data=(X, Y), network=network, epochs=3, for_keras=None):
    """Train by both, in the given order, and compare; Keras gets other data where it does not take these."""
    ours, theirs = network(), network()
    common = {"epochs": epochs, "shuffle": False, "verbose": 0, "batch_size": BATCH}
    logs = folklore.fit(ours, data, **(common | {"mode": "graph"} | arguments)).history
    expected = theirs.fit(*(for_keras or data), **(common | arguments)).history
    assert_same(ours, theirs, logs, expected)
    return logs


def test_order_is_the_given_one_without_shuffling():
    assert Rows(epoch.place((X, Y)), BATCH, shuffle=False).order(5).tolist() == list(range(22))
    both({})


@pytest.mark.parametrize(
    ("targets", "loss"),
    [
        (CLASSES, CLASSIFIED),
        (CLASSES[:, None].astype("float32"), CLASSIFIED),
        (np.eye(3, dtype="float32")[CLASSES], ("categorical_crossentropy", 3, "softmax")),
    ],
)
def test_class_weight_weighs_rows_of_class_and_others_weigh_one(targets, loss):
    weights = {0: 2.0, 1: 7}
    both(
        {"class_weight": weights},
        (X, targets),
        lambda: network(*loss, metrics=["accuracy"], weighted_metrics=["accuracy"]),
    )
    placed = epoch.place((X, targets))
    ours, theirs = network(*loss), network(*loss)
    for model, data in ((ours, placed), (theirs, (X, targets))):
        folklore.fit(model, data, epochs=1, class_weight=weights, mode="graph")
    assert_same(ours, theirs, {}, {})


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_validation_split_takes_last_rows_before_shuffling(share):
    logs = both({"validation_split": share})
    at = int(22 * (1 - share))
    ours = network()
    shuffled = folklore.fit(ours, epoch.place((X, Y)), epochs=1, batch_size=BATCH, validation_split=share, mode="graph")
    assert epoch.evaluate(ours, (X[at:], Y[at:]))["loss"] == pytest.approx(shuffled.history["val_loss"][0], rel=1e-5)
    assert len(logs["val_loss"]) == 3


def test_validation_data_take_precedence_over_split():
    both({"validation_split": 0.5, "validation_data": (X[:5], Y[:5])})


@pytest.mark.parametrize(("freq", "times"), [(2, 2), ([1, 4], 2), (9, 0)])
def test_validation_freq_counts_epochs_from_one(freq, times):
    logs = both({"validation_freq": freq, "validation_data": (X, Y)}, epochs=4)
    assert len(logs.get("val_loss", [])) == times


def test_validation_steps_and_batch_size_choose_first_rows():
    both({"validation_steps": 2, "validation_batch_size": 3, "validation_data": (X, Y)})
    both(
        {"validation_batch_size": 5, "validation_data": (X, Y)},
        network=lambda: network(keras.losses.MeanSquaredError("sum")),
    )


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_epochs_of_few_steps_divide_a_pass_as_in_keras(steps):
    if 3 % steps:
        with pytest.warns(UserWarning, match="3 batches of 8"), pytest.warns(UserWarning, match="ran out of data"):
            both({"steps_per_epoch": steps}, epochs=5)
    else:
        both({"steps_per_epoch": steps}, epochs=5)


def test_more_steps_than_batches_warn_and_use_all_rows():
    with pytest.warns(UserWarning, match="steps_per_epoch is 7"), pytest.warns(UserWarning, match="ran out of data"):
        both({"steps_per_epoch": 7})


def test_steps_without_batch_size_divide_the_rows():
    both({"steps_per_epoch": 4, "batch_size": None})


def test_each_pass_has_an_order_of_its_own_that_depends_only_on_seed_and_epoch():
    rows = Rows(epoch.place((X, Y)), BATCH, seed=3, steps=2)
    orders = [rows.order(number) for number in range(4)]
    np.testing.assert_array_equal(np.concatenate(orders[:2]), epoch_order(3, 0, 22))
    np.testing.assert_array_equal(np.concatenate(orders[2:]), epoch_order(3, 1, 22))


def test_frames_and_lists_train_as_arrays():
    frame = pandas.DataFrame(X.astype("float64"), columns=["a", "b", "c"])
    logs = both({}, (frame, pandas.Series(Y)))
    assert both({}, (frame.convert_dtypes(), Y), for_keras=(X, Y))["loss"] == logs["loss"]
    assert both({}, (X.tolist(), Y.tolist()), for_keras=(X, Y))["loss"] == logs["loss"]
    mixed = np.c_[X[:, :1] > 0, X[:, 1:]].astype("float32")
    both({}, (frame.assign(a=frame["a"] > 0), Y), for_keras=(mixed, Y))


def test_list_of_arrays_is_one_for_each_input():
    def build():
        keras.utils.set_random_seed(1)
        inputs = [keras.Input((3,)), keras.Input((1,))]
        model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Concatenate()(inputs)))
        model.compile("sgd", "mse")
        return model

    both({}, ([X, Y[:, None]], Y), build)


def test_one_array_of_weights_holds_for_every_output():
    def build():
        keras.utils.set_random_seed(1)
        inputs = keras.Input((3,))
        model = keras.Model(inputs, [keras.layers.Dense(1, name=name)(inputs) for name in ("a", "b")])
        model.compile("sgd", ["mse", "mse"])
        return model

    weights = np.linspace(0, 1, 22, dtype="float32")
    ours, theirs = build(), build()
    logs = folklore.fit(ours, (X, [Y, Y], weights), epochs=1, shuffle=False, mode="graph").history
    expected = theirs.fit(X, [Y, Y], sample_weight=weights, shuffle=False, verbose=0).history
    assert_same(ours, theirs, logs, expected)


def test_hooks_are_called_once_for_several_steps_per_execution():
    def calls(fit):
        seen = []
        model = network(steps_per_execution=2)
        callback = keras.callbacks.LambdaCallback(
            on_train_batch_begin=lambda batch, logs: seen.append(batch),
            on_train_batch_end=lambda batch, logs: seen.append((batch, sorted(logs))),
        )
        fit(model, callback)
        return seen

    options = {"epochs": 1, "batch_size": BATCH, "verbose": 0}
    ours = calls(lambda model, callback: folklore.fit(model, (X, Y), callbacks=callback, **options))
    assert ours == calls(lambda model, callback: model.fit(X, Y, callbacks=[callback], **options))


def test_callback_that_watches_test_batches_sees_those_of_keras():
    def batches(fit):
        seen = []
        fit(network(), keras.callbacks.LambdaCallback(on_test_batch_end=lambda batch, logs: seen.append(batch)))
        return seen

    options = {"epochs": 1, "batch_size": BATCH, "validation_data": (X, Y), "verbose": 0}
    ours = batches(lambda model, callback: folklore.fit(model, (X, Y), callbacks=callback, **options))
    assert ours == batches(lambda model, callback: model.fit(X, Y, callbacks=[callback], **options)) == [0, 1, 2]


def test_lines_are_printed_without_leaving_the_graph(capsys):
    calls = []
    model = network()
    step = model.train_step
    object.__setattr__(model, "train_step", lambda batch: calls.append(1) or step(batch))
    folklore.fit(model, (X, Y), epochs=3, batch_size=BATCH, verbose=1, mode="graph")
    printed = capsys.readouterr().out
    assert "Epoch 3/3" in printed and printed.count("Epoch ") == 3 and "loss: " in printed
    assert len(calls) < 9  # traced, not called for each of nine steps


def test_profiling_callback_gets_each_batch(tmp_path):
    from folklore.epoch.checks import TRAIN_HOOKS, wants

    assert wants(keras.callbacks.TensorBoard(tmp_path, profile_batch=1), TRAIN_HOOKS)
    assert not wants(keras.callbacks.TensorBoard(tmp_path), TRAIN_HOOKS)


PAGE = (Path(__file__).parents[1] / "docs" / "fit.md").read_text(encoding="utf-8")


def test_page_has_all_arguments_of_fit():
    table = PAGE.split("## Arguments")[1].split("## Data")[0]
    named = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert sorted(named) == sorted(set(inspect.signature(folklore.fit).parameters) - {"model"})


def test_examples_of_page_run():
    names = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(block, names)
    assert names["history"].epoch == [0, 1, 2]
