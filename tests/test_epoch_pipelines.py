"""Datasets, `PyDataset` and generators: the compiled epoch runs the pipeline again in every epoch."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

import folklore
from folklore import epoch
from folklore.epoch.pipelines import Pipeline
from models import mlp

pytestmark = pytest.mark.compile

RNG = np.random.default_rng(8)
X = RNG.normal(size=(22, 5)).astype("float32")
Y = X[:, :1].copy()
CLASSES = RNG.integers(0, 3, len(X))
BATCH = 8  # 22 = 2 × 8 + 6
WHOLE = tf.data.Dataset.from_tensor_slices((X, Y)).batch(BATCH)


class OwnLogs(keras.Sequential):
    def train_step(self, data):
        return super().train_step(data) | {"rows": keras.ops.shape(data[0])[0]}


class Batches(keras.utils.PyDataset):
    """Batches that tell which of them were read, and in which epochs."""

    def __init__(self, length=3, **options):
        super().__init__(**options)
        self.length, self.read, self.ends = length, [], 0

    @property
    def num_batches(self):
        return self.length

    def __getitem__(self, index):
        self.read.append(index)
        part = slice(index % 3 * BATCH, index % 3 * BATCH + BATCH)
        return X[part], Y[part]

    def on_epoch_end(self):
        self.ends += 1


def network(kind=keras.Sequential, outputs=1, loss="mse", metrics=("mae",), **options):
    keras.utils.set_random_seed(1)
    layers = [keras.layers.Dense(4, activation="tanh"), keras.layers.Dense(outputs)]
    model = kind([keras.Input((5,)), *layers])
    model.compile("sgd", loss, metrics=list(metrics), **options)
    return model


def assert_same(ours, theirs, logs, expected):
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=2e-6)
    for name, values in expected.items():
        np.testing.assert_allclose(logs[name], values, rtol=1e-4, err_msg=name)


def generator(times=1):
    for start in itertools.chain(*[range(0, 22, BATCH)] * times):
        yield X[start : start + BATCH], Y[start : start + BATCH]


def both(data, arguments=None, build=network, mode="graph"):
    """Train by both, each with a pipeline of its own, and compare; return our history."""
    ours, theirs = build(), build()
    options = {"epochs": 3, "verbose": 0, "shuffle": False} | (arguments or {})
    validation = {"validation_data": WHOLE}
    logs = folklore.fit(ours, data(), mode=mode, **options, **validation).history
    expected = theirs.fit(data(), **options, **validation).history
    assert_same(ours, theirs, logs, expected)
    return logs


@pytest.mark.parametrize("mode", ["graph", "xla", "step"])
@pytest.mark.parametrize("kind", [keras.Sequential, OwnLogs])
def test_dataset_trains_as_by_keras(mode, kind):
    assert "val_mae" in both(lambda: WHOLE, mode=mode, build=lambda: network(kind))


@pytest.mark.filterwarnings("ignore:Your input ran out")  # Keras warns at the end of what has no known length
def test_dataset_without_known_length_or_shape_of_batches_trains():
    def rows():
        yield from zip(X, Y, strict=True)

    specs = (tf.TensorSpec((5,), tf.float32), tf.TensorSpec((1,), tf.float32))
    both(lambda: tf.data.Dataset.from_generator(rows, output_signature=specs).batch(BATCH))


def test_model_that_runs_eagerly_trains_on_dataset():
    both(lambda: WHOLE, build=lambda: network(run_eagerly=True))


def test_dropout_masks_are_those_of_arrays():
    def trained(data, **options):
        keras.utils.set_random_seed(1)
        model = mlp((5,), 1, widths=(8,), dropout=0.4)
        model.compile("sgd", "mse")
        folklore.fit(model, data, epochs=2, mode="graph", shuffle=False, **options)
        return model

    assert_same(trained(WHOLE), trained((X, Y[:, 0]), batch_size=BATCH), {}, {})


def test_shuffled_dataset_is_shuffled_again_in_every_epoch():
    seen = []

    def note(x, y):
        return tf.numpy_function(lambda x: seen.append(float(x[0, 0])) or x, [x], tf.float32), y

    shuffled = tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(22, seed=1).batch(22)
    shuffled = shuffled.map(note).map(lambda x, y: (tf.ensure_shape(x, (None, 5)), y))
    folklore.fit(network(), shuffled, epochs=4, mode="graph")
    assert len(set(seen)) > 1


@pytest.mark.parametrize("options", [{}, {"workers": 2}])
def test_order_of_py_dataset_depends_only_on_seed_and_epoch(options):
    def read(epochs, first=0, **arguments):
        batches = Batches(**options)
        pipeline = Pipeline(batches, seed=7, shuffle=True, **arguments)
        batches.read.clear()  # Keras reads two for their shapes
        for number in range(first, epochs):
            pipeline.begin(number)
            list(pipeline.dataset)
            pipeline.end(3, out=True)
        return batches.read

    assert read(2) == [*epoch.epoch_order(7, 0, 3), *epoch.epoch_order(7, 1, 3)]
    assert sorted(read(2, first=1)) == [0, 1, 2]
    if not options:
        assert read(2)[3:] == read(2, first=1)


def test_py_dataset_trains_as_by_keras_and_hears_of_its_epochs():
    both(Batches, {"epochs": 2})
    ours, theirs = Batches(), Batches()
    folklore.fit(network(), ours, epochs=2, mode="graph")
    network().fit(theirs, epochs=2, verbose=0)
    assert ours.ends == theirs.ends


def test_infinite_pipelines_take_steps_per_epoch():
    both(lambda: WHOLE.repeat(), {"steps_per_epoch": 4})
    both(lambda: Batches(None), {"steps_per_epoch": 4})
    both(lambda: generator(9), {"steps_per_epoch": 4})


@pytest.mark.filterwarnings("ignore:Your input ran out")
def test_dataset_that_ends_within_epoch_begins_again_in_next():
    with pytest.warns(UserWarning, match="data ran out after 1 of 2 steps"):
        both(lambda: WHOLE, {"steps_per_epoch": 2, "epochs": 5})


def test_iterator_that_ends_ends_the_training():
    model = network()
    with pytest.warns(UserWarning, match="data ran out after 2 of 4 steps of an epoch. Training ends"):
        history = folklore.fit(model, generator(2), epochs=9, steps_per_epoch=4, mode="graph")
    assert history.epoch == [0, 1]
    with pytest.warns(UserWarning, match="data ran out after 0 of 3 steps of an epoch. Training ends"):
        assert folklore.fit(model, generator(2), epochs=9, steps_per_epoch=3, mode="graph").epoch == [0, 1]
    assert folklore.fit(model, iter(list(generator())), epochs=1, mode="graph").epoch == [0]


def test_batch_hooks_get_each_batch():
    seen = []
    callback = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    folklore.fit(network(), WHOLE, epochs=2, callbacks=callback)
    assert seen == [0, 1, 2, 0, 1, 2]


def test_class_weight_of_dataset_weighs_its_rows_also_for_classes_without_one():
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    dataset = tf.data.Dataset.from_tensor_slices((X, CLASSES)).batch(BATCH)
    ours, arrays = (network(outputs=3, loss=loss, metrics=()) for _ in range(2))
    options = {"epochs": 2, "class_weight": {1: 5}, "mode": "graph"}
    logs = folklore.fit(ours, dataset, **options).history
    expected = folklore.fit(arrays, (X, CLASSES), batch_size=BATCH, shuffle=False, **options).history
    assert_same(ours, arrays, logs, expected)


def test_evaluate_and_predict_equal_keras():
    model = network()
    assert epoch.evaluate(model, WHOLE) == pytest.approx(model.evaluate(WHOLE, verbose=0, return_dict=True), rel=1e-5)
    expected = model.predict(X, verbose=0)
    for data in (WHOLE, WHOLE.map(lambda x, y: x), generator(), Batches()):
        np.testing.assert_allclose(epoch.predict(model, data), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("make", [lambda: WHOLE, Batches, generator])
def test_placed_pipeline_is_read_once_and_trains_as_arrays(make):
    placed = folklore.place(make())
    assert (placed.rows, placed.resident) == (22, True)
    ours, arrays = network(), network()
    logs = folklore.fit(ours, placed, epochs=2, batch_size=BATCH, mode="graph").history
    assert_same(ours, arrays, logs, folklore.fit(arrays, (X, Y), epochs=2, batch_size=BATCH, mode="graph").history)


def test_dictionary_of_inputs_without_targets_is_read_once():
    (x,) = folklore.place(WHOLE.map(lambda x, y: {"a": x})).arrays
    np.testing.assert_array_equal(x["a"], X)


def test_validation_on_infinite_iterator_takes_its_next_steps():
    model = network()
    history = folklore.fit(
        model, (X, Y), epochs=2, validation_data=generator(9), validation_steps=3, mode="graph"
    ).history
    assert history["val_loss"][1] == pytest.approx(epoch.evaluate(model, (X, Y))["loss"], rel=1e-5)
    arguments = {"validation_data": generator(2), "validation_steps": 4, "epochs": 4, "mode": "graph"}
    with pytest.warns(UserWarning, match="validation_data ran out after 2 of 4 steps of an epoch. Validation ends"):
        history = folklore.fit(model, (X, Y), **arguments).history
    assert (len(history["loss"]), len(history["val_loss"])) == (4, 2)


def test_batches_of_different_shapes_cannot_be_placed():
    with pytest.raises(ValueError, match="The batches of data do not fit into one array"):
        folklore.place((np.ones((2, length)), np.ones(2)) for length in (3, 4))


def test_every_validation_takes_the_same_steps_of_a_dataset():
    dataset = tf.data.Dataset.from_tensor_slices((X, Y)).batch(2)
    model = network()
    model.optimizer.learning_rate = 0.0
    history = folklore.fit(model, (X, Y), epochs=3, validation_data=dataset, validation_steps=1, mode="graph").history
    assert len(set(history["val_loss"])) == 1
