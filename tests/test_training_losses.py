"""Losses by name: as Keras minimises them, row by row in NumPy, and by hand."""

import warnings

import keras
import numpy as np
import pytest

import data
from folklore import Recipe, epoch
from folklore.declare.recipe import LOSSES as NAMES
from folklore.training.losses import LOSSES
from folklore.training.model_cache import ready_model
from models import mlp

RNG = np.random.default_rng(4)
OUTPUTS = RNG.normal(size=(6, 4)).astype("float32") * 3
CLASSES = RNG.integers(4, size=6)
LABELS = np.array([[1, 1, 0, 0], [0, 0, 0, 1], [1, 0, 1, 1], [0, 1, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1]])


def softmax(x):
    return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_hand(name, outputs, labels):
    """The loss of one row, from its outputs and its labels, 0 or 1 for each class."""
    if name == "sigmoid":
        return -np.mean(
            [np.log(sigmoid(x) if label else 1 - sigmoid(x)) for x, label in zip(outputs, labels, strict=True)]
        )
    said = softmax(softmax(outputs)) if name == "softmax twice" else softmax(outputs)
    return -np.mean(np.log(said[labels == 1])) if labels.any() else 0.0


@pytest.mark.parametrize("targets", [CLASSES, LABELS], ids=["classes", "labels"])
@pytest.mark.parametrize("name", NAMES["classification"])
def test_loss_equals_calculation_by_hand(name, targets):
    labels = np.eye(4)[targets] if targets.ndim == 1 else targets
    expected = [by_hand(name, *row) for row in zip(OUTPUTS.astype(float), labels, strict=True)]
    np.testing.assert_allclose(LOSSES[name].by_row(OUTPUTS, targets), expected, rtol=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Keras warns where it takes logits for the softmax that it was given
        loss = LOSSES[name].new(name="loss")(targets, OUTPUTS)
    assert float(loss) == pytest.approx(np.mean(expected), rel=1e-5)


def test_every_loss_that_recipes_name_exists():
    assert {name for names in NAMES.values() for name in names} == set(LOSSES)


@pytest.mark.parametrize("name", NAMES["classification"])
def test_loss_of_large_outputs_is_finite(name):
    outputs = np.array([[1e30, 0.0], [0.0, -1e4]], np.float32)
    expected = {
        "softmax": [0, 1e4],
        "softmax twice": [np.log1p(np.exp(-1)), np.log1p(np.exp(1))],
        "sigmoid": [np.log(2) / 2, (np.log(2) + 1e4) / 2],
    }
    np.testing.assert_allclose(LOSSES[name].by_row(outputs, np.array([0, 1])), expected[name], rtol=1e-6)


def test_row_with_infinite_outputs_has_no_cross_entropy():
    assert np.isnan(LOSSES["softmax"].by_row(np.array([[np.inf, 0.0]]), np.array([0]))).all()


def gradient_by_hand(name, outputs, labels):
    """Of one row's loss, with respect to its outputs."""
    if name == "sigmoid":
        return (sigmoid(outputs) - labels) / len(labels)
    p = softmax(outputs)
    if name == "softmax":
        return p - labels
    of_p = softmax(p) - labels
    return p * (of_p - of_p @ p)  # through the Jacobian of the inner softmax


@pytest.mark.compile
@pytest.mark.parametrize("mode", ["xla", "graph", "step"])
@pytest.mark.parametrize("name", NAMES["classification"])
def test_one_step_follows_gradient_by_hand(name, mode):
    x = RNG.normal(size=(6, 3)).astype("float32")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, use_bias=False)])
    kernel = model.get_weights()[0].astype(float)
    model.compile(keras.optimizers.SGD(0.5), LOSSES[name].new(name="loss"))
    epoch.fit(model, (x, CLASSES), epochs=1, batch_size=6, mode=mode)
    gradients = [gradient_by_hand(name, *row) for row in zip(x @ kernel, np.eye(4)[CLASSES], strict=True)]
    np.testing.assert_allclose(
        model.get_weights()[0], kernel - 0.5 * x.T @ np.array(gradients) / 6, rtol=1e-4, atol=1e-6
    )


@pytest.mark.compile
def test_default_equals_keras_bit_for_bit():
    def trained(loss):
        keras.utils.set_random_seed(3)
        model = mlp((3,), 4, widths=(5,))
        model.compile("adam", loss)
        x = np.random.default_rng(0).normal(size=(6, 3)).astype("float32")
        epoch.fit(model, (x, CLASSES), epochs=3, batch_size=4, mode="graph")
        return model.get_weights()

    theirs = trained(keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    for ours, other in zip(trained(LOSSES["softmax"].new(name="loss")), theirs, strict=True):
        np.testing.assert_array_equal(ours, other)


@pytest.mark.compile
def test_arms_with_other_losses_have_programs_of_their_own():
    recipe = Recipe(model=mlp, params=dict(widths=(4,)), data=data.digits)
    digits = data.digits(0)
    models = [ready_model(recipe.but(loss=name), digits, 0) for name in (None, "softmax", "sigmoid", "softmax twice")]
    assert models[0] is models[1]
    assert len(set(map(id, models))) == 3


@pytest.mark.parametrize("name", ["softmax", "sigmoid", "softmax twice"])
def test_loss_survives_serialisation(name):
    loss = LOSSES[name].new(name="loss")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert type(again) is type(loss)
    assert float(again(CLASSES, OUTPUTS)) == float(loss(CLASSES, OUTPUTS))


@pytest.mark.parametrize(("name", "said"), [("softmax", softmax), ("softmax twice", softmax), ("sigmoid", sigmoid)])
def test_constant_outputs_say_shares_of_classes(name, said):
    shares = np.array([0.5, 0.3, 0.2])
    np.testing.assert_allclose(said(LOSSES[name].constant(shares)), shares)


@pytest.mark.compile
@pytest.mark.filterwarnings("ignore:.*from_logits=True")
def test_keras_takes_logits_where_it_sees_a_softmax_layer():
    # Why "softmax twice" is a loss here, and not a network that ends in a softmax.
    def trained(*layers):
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4), *layers])
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        epoch.fit(model, (OUTPUTS, CLASSES), epochs=1, batch_size=6, mode="graph")
        return model.get_weights()[0]

    np.testing.assert_array_equal(trained(), trained(keras.layers.Softmax()))
