"""Typical mistakes in what `folklore.fit` is given are refused in one sentence, before the first step."""

import keras
import numpy as np
import pandas
import pytest
import tensorflow as tf

import folklore
from folklore import epoch

pytestmark = pytest.mark.compile

X = np.random.default_rng(0).normal(size=(12, 5)).astype("float32")
Y = X[:, :1].copy()
CLASSES = np.arange(12) % 3
ONE_HOT = np.eye(3, dtype="float32")[CLASSES]
ROWS = tf.data.Dataset.from_tensor_slices((X, Y))
FRAME = pandas.DataFrame(X, columns=list("abcde")).assign(city="Bern", day=pandas.Timestamp("2026-01-01"))
SPARSE, CATEGORICAL = "sparse_categorical_crossentropy", keras.losses.CategoricalCrossentropy(from_logits=True)


def network(loss="mse", outputs=1, shape=(5,)):
    inputs = keras.Input(shape)
    model = keras.Model(inputs, keras.layers.Dense(outputs)(keras.layers.Flatten()(inputs)))
    model.compile("sgd", loss)
    return model


def batches():
    yield X, Y


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((X[:, :4], Y), r"In data, rows of x have shape \(4,\), and the model takes \(5,\)\.$"),
        (ROWS, r"data yields single rows.*data\.batch\(32\)"),
        (ROWS.map(lambda x, y: (x, y[0])), "data yields single rows"),
        ((X[0], np.ones(5)), r"x is a single row, of shape \(5,\)"),
        (ROWS.batch(4).filter(lambda x, y: x[0, 0] > 9), "data gave no batch"),
        (ROWS.take(0).batch(4), "data gave no batch"),
        (ROWS.batch(4).repeat(), "data has no end. Give steps_per_epoch"),
        (ROWS.batch(4).map(lambda x, y: x), "data has no targets, and the model's loss needs them"),
        (ROWS.batch(4).map(lambda x, y: (tf.numpy_function(lambda x: x, [x], tf.float32), y)), "x has no known shape"),
        ((X,), "data has no targets"),
        (([X, X], Y), "x holds 2 arrays, and the model has 1 inputs. For a list of rows give np.stack"),
        ((list(X), Y), r"x has 5 rows, y has 12 rows.*x is a list of 12 arrays.*np\.stack\(x\)"),
        (([[1, 2], [3]], [0, 1]), "x is not an array: its rows differ in length"),
        ((X, 3), "y is .*3.*, not an array"),
        ((X, tf.constant(3.0)), "y is .*3.*, not an array"),
        (([], []), "x has 0 rows, y has 0 rows"),
        ((X, Y, np.ones(3)), "x has 12 rows, y has 12 rows, sample_weight has 3 rows"),
        (FRAME, "data is of type DataFrame, not a tuple"),
        ((X.reshape(12, 5, 1, 1), Y), r"rows of x have shape \(5, 1, 1\).*Reshape it: x\.reshape\(-1, 5\)"),
        ((X, ONE_HOT[:, :2]), None),
    ],
)
def test_data_that_do_not_fit_are_refused(data, message):
    if message is None:  # one output is compared with each of two columns, as by Keras
        folklore.fit(network(), data, epochs=1, mode="step")
        return
    with pytest.raises(ValueError, match=message):
        folklore.fit(network(), data, epochs=1, mode="step")


@pytest.mark.parametrize(
    ("loss", "y", "message"),
    [
        (SPARSE, ONE_HOT, r"takes class indices: y\.argmax"),
        (SPARSE, CLASSES + 1, "y has classes from 1 to 3, and the model has 3 outputs, for classes 0 to 2"),
        (SPARSE, CLASSES - 1, "y has classes from -1 to 1"),
        (CATEGORICAL, CLASSES, "categorical cross-entropy takes one-hot rows: use loss='sparse_categorical"),
        (
            "mse",
            ONE_HOT[:, :2],
            r"rows of y have shape \(2,\), the model's outputs \(3,\).*value by value. Give both one shape",
        ),
        ("mse", CLASSES, r"rows of y have shape \(\), the model's outputs \(3,\), and the loss compares them"),
    ],
)
def test_targets_that_do_not_fit_loss_are_refused(loss, y, message):
    with pytest.raises(ValueError, match=message):
        folklore.fit(network(loss, 3), (X, y), epochs=1, mode="step")
    with pytest.raises(ValueError, match=message):
        epoch.evaluate(network(loss, 3), (X, y))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((FRAME, Y), "x has columns that are not numbers: city, day"),
        ((X.astype(object), Y), "x has dtype object, with values such as"),
        ((X.astype(str), Y), "x holds text, and the model takes numbers"),
        ((X, np.array(["cat", "dog"] * 6)), "y holds text.*np.unique"),
        ((X, FRAME["city"]), "y holds text"),
        ((np.full((12, 5), np.datetime64("2026-01-01")), Y), "x holds dates or times"),
        ((tf.sparse.from_dense(X), Y), "x is a SparseTensor. Give tf.data.Dataset"),
        ((tf.ragged.constant([[1.0]] * 12), Y), "x is a RaggedTensor"),
    ],
)
def test_values_that_are_not_numbers_are_refused(data, message):
    with pytest.raises(TypeError, match=message):
        folklore.fit(network(), data, epochs=1, mode="step")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"class_weight": {0: 1.0}, "data": (X, Y, Y[:, 0])}, "class_weight or sample_weight, not both"),
        ({"class_weight": {0: 1.0}, "data": (X, ONE_HOT[:, None])}, r"y has shape \(12, 1, 3\)"),
        ({"class_weight": {0: 1.0}, "data": batches()}, "class_weight is not for an iterator"),
        ({"class_weight": "balanced"}, "class_weight is 'balanced'. Give a dictionary"),
        ({"class_weight": {"cat": 1.0}}, "class_weight has the key 'cat', which is not the index of a class"),
        ({"class_weight": {0: -1.0}}, r"class_weight gives class 0 the weight -1\.0"),
        ({"class_weight": {7: 2.0}, "data": (X, CLASSES[:, None])}, "No row is of a class that class_weight names"),
        ({"validation_split": 0.2, "data": ROWS.batch(4)}, "validation_split divides arrays"),
        ({"validation_split": 1.5}, r"validation_split is 1\.5"),
        ({"validation_split": 0.99}, "leaves one part empty"),
        ({"batch_size": 4, "data": ROWS.batch(4)}, "batch_size is 4, and data is a pipeline"),
        ({"epochs": 3, "data": batches()}, "data is an iterator.*needed 3 times.*folklore.place"),
        ({"epochs": 3, "validation_data": batches()}, "validation_data is an iterator.*validation_steps"),
        ({"validation_data": ROWS.batch(4).repeat()}, "validation_data has no end. Give validation_steps"),
        ({"validation_data": (X[:, :4], Y)}, "In validation_data, rows of x"),
        (
            {"validation_freq": 0},
            "validation_freq is 0",
        ),
        ({"shuffle": "batch"}, "shuffle is 'batch'"),
        ({"steps_per_epoch": 0}, "steps_per_epoch is 0"),
        ({"validation_steps": 1.5, "validation_data": (X, Y)}, r"validation_steps is 1\.5"),
    ],
)
def test_arguments_that_contradict_each_other_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        folklore.fit(network(), **({"data": (X, Y), "epochs": 1, "mode": "step", "validation_data": None} | arguments))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (ROWS.batch(4).repeat(), r"data has no end\. Give a part of it: data\.take\(100\)"),
        (iter(()), "data gave no batch"),
        (ROWS, "data yields single rows"),
    ],
)
def test_pipelines_that_cannot_be_placed_are_refused(data, message):
    with pytest.raises(ValueError, match=message):
        folklore.place(data)


def test_endless_generator_is_not_read_into_memory_for_ever(monkeypatch):
    from folklore.epoch import pipelines

    def endless():
        while True:
            yield X, Y

    memory = type("Memory", (), {"available": 3000})
    monkeypatch.setattr(pipelines.psutil, "virtual_memory", lambda: memory)
    with pytest.raises(ValueError, match="data does not fit into memory: 4 batches"):
        folklore.place(endless())


@pytest.mark.parametrize(
    ("shape", "x"), [((1,), X[:, 0]), ((5,), X[:, :, None]), ((None,), X), ((5, 1), X), ((5,), X.astype("float64"))]
)
def test_what_keras_takes_is_taken(shape, x):
    inputs = keras.Input(shape)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling1D()(keras.layers.Reshape((-1, 1))(inputs)))
    model.compile("sgd", "mse")
    expected = model.evaluate(x, Y, verbose=0)
    assert epoch.evaluate(model, (x, Y))["loss"] == pytest.approx(expected, rel=1e-5)


def test_text_reaches_a_model_that_takes_text():
    words = np.array(["a", "b", "a"])
    layer = keras.layers.StringLookup(vocabulary=["a", "b"], output_mode="one_hot")
    inputs = keras.Input((1,), dtype="string")
    model = keras.Model(inputs, keras.layers.Dense(1)(layer(inputs)))
    model.compile("sgd", "mse")
    history = folklore.fit(model, (words[:, None], np.ones(3)), epochs=1, mode="graph")
    assert history.epoch == [0]


def test_labels_are_checked_once_a_model_without_input_is_built():
    model = keras.Sequential([keras.layers.Dense(3)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    with pytest.raises(ValueError, match="y has classes from 1 to 3"):
        folklore.fit(model, (X, CLASSES + 1), epochs=1, mode="step")


def test_labels_that_the_loss_ignores_are_taken():
    model = network(keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=255), 3)
    labels = np.where(CLASSES == 1, 255, CLASSES)
    assert folklore.fit(model, (X, labels), epochs=1, mode="step").epoch == [0]


def test_own_train_step_and_own_loss_take_any_targets():
    class Own(keras.Model):
        def train_step(self, data):
            return {"size": keras.ops.sum(self(data[0]))}

    inputs = keras.Input((5,))
    own = Own(inputs, keras.layers.Dense(3)(inputs))
    own.compile("sgd", SPARSE)
    assert folklore.fit(own, (X, ONE_HOT), epochs=1, mode="step").epoch == [0]
    model = network(lambda y, outputs: keras.ops.mean(outputs) + keras.ops.mean(y), 3)
    assert folklore.fit(model, (X, ONE_HOT[:, :2]), epochs=1, mode="step").epoch == [0]
