"""One compiled program for all seeds, and for arms that differ only in numbers; each run has its own weights."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

import data
from folklore import Recipe, epoch
from folklore.epoch.fingerprint import structure
from folklore.training import model_cache
from folklore.training.model_cache import new_optimizer, ready_model
from models import mlp

pytestmark = pytest.mark.compile

BASE = Recipe(
    model=mlp,
    data=data.diabetes,
    params=dict(widths=(4,), dropout=0.2),
    optimizer=dict(name="adamw", weight_decay=0.01),
)
DATA = data.Preprocessing.fit("standard", BASE.data(0)).apply(BASE.data(0))


@pytest.fixture(autouse=True)
def no_programs(monkeypatch):
    monkeypatch.setattr(model_cache, "_compiled", {})


def weights_after(model, recipe):
    epoch.fit(model, (DATA.train.x, DATA.train.y), epochs=2, mode="graph", seed=3)
    return model.get_weights()


@pytest.mark.parametrize(
    "changes",
    [
        dict(optimizer=dict(learning_rate=0.03)),
        dict(optimizer=dict(weight_decay=0.3)),
        dict(params=dict(dropout=0.6)),
        dict(params=dict(initializer="he_normal")),
        dict(epochs=7),
        dict(schedule="cosine", epochs=3),
    ],
)
def test_arms_differing_in_numbers_share_program(changes):
    recipe = BASE.but(schedule="cosine") if "schedule" in changes else BASE
    other = recipe.but(**changes)
    alone = weights_after(ready_model(other, DATA, seed=1), other)
    model_cache._compiled.clear()
    first = ready_model(recipe, DATA, seed=0)
    weights_after(first, recipe)
    traces = first._folklore_program.epochs["graph"].experimental_get_tracing_count()
    second = ready_model(other, DATA, seed=1)
    assert second is first
    for a, b in zip(weights_after(second, other), alone, strict=True):
        np.testing.assert_array_equal(a, b)
    assert first._folklore_program.epochs["graph"].experimental_get_tracing_count() == traces == 1


@pytest.mark.parametrize(
    "changes",
    [
        dict(params=dict(dropout=0.0)),
        dict(params=dict(widths=(5,))),
        dict(params=dict(activation="tanh")),
        dict(params=dict(l2=0.1)),
        dict(optimizer=dict(beta_1=0.8)),
        dict(optimizer="sgd"),
        dict(schedule="cosine"),
        dict(precision="mixed_bfloat16"),
    ],
)
def test_other_changes_compile_another_program(changes):
    assert ready_model(BASE, DATA, seed=0) is not ready_model(BASE.but(**changes), DATA, seed=0)


class Scaled(keras.layers.Layer):
    """A layer whose configuration lacks its factor."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def call(self, inputs):
        return inputs * self.factor

    def get_config(self):
        return {}


def scaled(input_shape, outputs, factor=1.0):
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, keras.layers.Dense(outputs)(Scaled(factor)(inputs)))


def test_custom_layers_share_only_with_equal_parameters():
    one, two = (Recipe(model=scaled, data=data.diabetes, params=dict(factor=factor)) for factor in (1.0, 2.0))
    assert ready_model(one, DATA, seed=0) is ready_model(one, DATA, seed=1)
    assert ready_model(one, DATA, seed=0) is not ready_model(two, DATA, seed=0)


class Noisy(keras.layers.Layer):
    """A layer whose operation counts its draws, and that TensorFlow's seeds do not reach."""

    def call(self, inputs):
        return inputs + tf.raw_ops.RandomStandardNormal(shape=tf.shape(inputs), dtype=inputs.dtype, seed=3, seed2=4)


def noisy(input_shape, outputs):
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, keras.layers.Dense(outputs)(Noisy()(inputs)))


@pytest.mark.parametrize("build", [noisy, mlp])
def test_run_does_not_depend_on_runs_before_it(monkeypatch, build):
    monkeypatch.setattr(model_cache, "_own_code", False)
    recipe = Recipe(model=build, data=data.diabetes)
    first, _, again = (weights_after(ready_model(recipe, DATA, seed), recipe) for seed in (1, 0, 1))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert model_cache._own_code == (build is noisy)


def unnamed(input_shape, outputs):
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, keras.layers.Dense(outputs, name="outputs")(keras.layers.Dense(4)(inputs)))


def named(input_shape, outputs):
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, keras.layers.Dense(outputs, name="outputs")(keras.layers.Dense(4, name="own")(inputs)))


def test_names_of_layers_do_not_depend_on_earlier_models():
    recipe = Recipe(model=unnamed, data=data.diabetes)
    ready_model(Recipe(model=named, data=data.diabetes), DATA, seed=0)  # could otherwise share its program
    for other in (recipe, recipe.but(optimizer="sgd")):
        assert [layer.name for layer in ready_model(other, DATA, seed=0).layers][1:] == ["dense", "outputs"]


def test_old_programs_are_dropped():
    widths = range(1, model_cache.PROGRAMS + 3)
    first = ready_model(BASE.but(params=dict(widths=(1,))), DATA, seed=0)
    for width in widths:
        ready_model(BASE.but(params=dict(widths=(width,))), DATA, seed=0)
    assert len(model_cache._compiled) == model_cache.PROGRAMS
    assert ready_model(BASE.but(params=dict(widths=(1,))), DATA, seed=0) is not first


def test_model_is_serialised_with_its_numbers():
    model = ready_model(BASE.but(schedule="cosine", optimizer=dict(learning_rate=0.5)), DATA, seed=0)
    config = keras.saving.deserialize_keras_object(model.get_compile_config()["optimizer"]).get_config()
    assert config["weight_decay"] == pytest.approx(0.01)
    assert config["learning_rate"]["config"]["initial_learning_rate"] == pytest.approx(0.5)
    assert "hidden_1" in model.to_json()


def test_structure_ignores_names_that_keras_numbers():
    def unnamed():
        inputs = keras.Input((3,))
        model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Dense(2)(inputs)))
        model.compile("adam", "mse")
        return model

    assert structure(unnamed()) == structure(unnamed())


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("mode", ["xla", "graph"])
def test_mixed_precision_computes_in_16_bits_and_stores_32(precision, mode):
    recipe = BASE.but(precision=precision)
    model = ready_model(recipe, DATA, seed=0)
    assert model.get_layer("hidden_1").compute_dtype == precision.removeprefix("mixed_")
    assert model.get_layer("outputs").compute_dtype == "float32"
    assert all(weight.dtype == "float32" for weight in model.weights)
    assert keras.config.dtype_policy().name == "float32"
    losses = epoch.fit(model, (DATA.train.x, DATA.train.y), epochs=15, mode=mode).history["loss"]
    assert losses[-1] < losses[0]
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer) == (precision == "mixed_float16")
    assert ready_model(dataclasses.replace(recipe, epochs=3), DATA, seed=1) is model


def test_every_optimizer_takes_weight_decay_as_variable():
    for name in ("sgd", "rmsprop", "adagrad", "adadelta", "adam", "adamw", "adamax", "nadam", "lion"):
        optimizer = new_optimizer(BASE.but(optimizer=dict(name=name, weight_decay=0.5)), 10)
        weight = keras.Variable([1.0])
        optimizer.apply([keras.ops.zeros((1,))], [weight])
        assert float(weight[0]) < 1, name
