"""Multilayer perceptrons: layers, parameter counts and outputs that a reader can check by hand."""

import inspect
import pickle
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from models import mlp

ROOT = Path(__file__).parents[1]
X = np.random.default_rng(3).normal(size=(6, 8)).astype("float32")
SMALL = {"widths": (30, 20)}  # 8 * 30 + 30 = 270, 30 * 20 + 20 = 620, 20 * 1 + 1 = 21: 911 parameters


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(1)


def names(**options):
    return [layer.name for layer in mlp((8,), 1, **options).layers]


def numbers(part):
    """How many numbers a model or a layer has, and how many of them are trained."""
    return part.count_params(), sum(int(np.prod(weight.shape)) for weight in part.trainable_weights)


def with_random_weights(model):
    """The model with weights drawn from [0.5, 1.5): no variance is negative, and no bias or scale goes unnoticed."""
    rng = np.random.default_rng(11)
    model.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in model.get_weights()])
    for layer in dense_layers(model):
        layer.kernel.assign(rng.normal(size=layer.kernel.shape))
    return model


def dense_layers(model):
    return [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]


@pytest.mark.parametrize(
    ("options", "total", "trained"),
    [
        ({}, 911, 911),
        ({"use_bias": False}, 240 + 600 + 21, 861),
        # Four numbers a unit: scale and offset are trained, moving mean and variance are not.
        ({"normalization": "before"}, 911 + 4 * 50, 911 + 2 * 50),
        ({"normalization": "after"}, 911 + 4 * 50, 911 + 2 * 50),
        ({"dropout": 0.5}, 911, 911),
        # The projection takes the 8 inputs to the block's 20 units.
        ({"residual": True}, 911 + 8 * 20 + 20, 1091),
        ({"residual": True, "use_bias": False}, 861 + 8 * 20, 1021),
        ({"residual": True, "normalization": "before"}, 1091 + 4 * (50 + 20), 1091 + 2 * (50 + 20)),
        ({"residual": True, "normalization": "after"}, 1091 + 4 * 50, 1091 + 2 * 50),
        # Two blocks of 30: the second shortcut is the identity.
        ({"widths": (30,) * 4, "residual": True}, 270 + 3 * 930 + 31 + 8 * 30 + 30, 3361),
        # No wider than the input: there is no projection at all.
        ({"widths": (8, 8), "residual": True}, 72 + 72 + 9, 153),
    ],
)
def test_parameter_counts_match_hand_calculation(options, total, trained):
    assert numbers(mlp((8,), 1, **SMALL | options)) == (total, trained)


def test_batch_normalisation_trains_half_of_its_parameters():
    assert numbers(mlp((8,), 1, normalization="before").get_layer("hidden_1_bn")) == (400, 200)


def test_depth_and_width_equal_widths():
    def widths(**options):
        return [layer.units for layer in dense_layers(mlp((8,), 1, **options))][:-1]

    assert widths() == widths(depth=2) == widths(width=100) == [100, 100]
    assert widths(depth=1, width=7) == [7]
    assert widths(widths=(5, 4)) == widths(widths=[5, 4]) == [5, 4]


def test_images_are_flattened_and_tables_are_not():
    model = mlp((28, 28), 10)
    assert model.input_shape == (None, 28, 28)
    assert model.output_shape == (None, 10)
    assert model.count_params() == 78_500 + 10_100 + 1_010  # 784 to 100 to 100 to 10
    assert model.layers[1].name == "flatten"
    assert mlp([4, 4, 3], 2).output_shape == (None, 2)
    assert "flatten" not in names()


def test_layers_have_requested_order():
    def hidden(**options):
        return [name.removeprefix("hidden_1") for name in names(depth=1, **options)]

    assert hidden() == ["inputs", "", "_activation", "outputs"]
    assert hidden(normalization="before", dropout=0.1) == ["inputs", "", "_bn", "_activation", "_dropout", "outputs"]
    assert hidden(normalization="after", dropout=0.1) == ["inputs", "", "_activation", "_bn", "_dropout", "outputs"]


def test_residual_network_keeps_layer_names():
    plain, residual = (set(names(depth=4, normalization="after", dropout=0.1, residual=r)) for r in (False, True))
    assert residual - plain == {"block_1_projection", "block_1_add", "block_2_add"}
    assert plain <= residual


def test_dropout_layers_exist_only_for_positive_rates():
    def kinds(**options):
        return [type(layer) for layer in mlp((8,), 1, **options).layers if layer.name.endswith("_dropout")]

    assert kinds() == kinds(dropout=0, alpha_dropout=0.0) == []
    assert kinds(dropout=0.3) == [keras.layers.Dropout] * 2
    assert kinds(alpha_dropout=0.3) == [keras.layers.AlphaDropout] * 2
    assert mlp((8,), 1, dropout=0.3).get_layer("hidden_2_dropout").rate == 0.3


def dense(model, name, x):
    kernel, bias = model.get_layer(name).get_weights()
    return x @ kernel + bias


def batch_norm(model, name, x):
    scale, offset, mean, variance = model.get_layer(name).get_weights()
    return scale * (x - mean) / np.sqrt(variance + 0.001) + offset


def by_hand(model, normalization, x):
    """One block of two layers, in numpy, with tanh."""

    def before(name, x):
        return batch_norm(model, f"{name}_bn", x) if normalization == "before" else x

    def after(name, x):
        return batch_norm(model, f"{name}_bn", x) if normalization == "after" else x

    branch = after("hidden_1", np.tanh(before("hidden_1", dense(model, "hidden_1", x))))
    branch = before("hidden_2", dense(model, "hidden_2", branch))
    shortcut = before("block_1_projection", dense(model, "block_1_projection", x))
    return dense(model, "outputs", after("hidden_2", np.tanh(branch + shortcut)))


@pytest.mark.parametrize("normalization", ["none", "before", "after"])
def test_residual_block_matches_numpy(normalization):
    options = {"widths": (4, 3), "activation": "tanh", "normalization": normalization}
    model = with_random_weights(mlp((8,), 2, residual=True, **options))
    np.testing.assert_allclose(model(X), by_hand(model, normalization, X), rtol=1e-4, atol=1e-5)


def test_equal_widths_make_shortcut_identity():
    def leaky_relu(x):
        return np.where(x > 0, x, 0.2 * x)

    model = with_random_weights(mlp((8,), 1, width=8, activation="leaky_relu", residual=True))
    branch = dense(model, "hidden_2", leaky_relu(dense(model, "hidden_1", X)))
    np.testing.assert_allclose(model(X), dense(model, "outputs", leaky_relu(X + branch)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("options", [{"dropout": 0.5}, {"alpha_dropout": 0.5, "activation": "selu"}])
def test_dropout_acts_only_in_training(options):
    model = mlp((8,), 1, **options)
    assert np.array_equal(model(X), model(X))
    assert not np.array_equal(model(X, training=True), model(X, training=True))


def test_zero_weights_give_zero_output():
    assert np.array_equal(mlp((8,), 3, initializer="zeros")(X), np.zeros((6, 3)))


def test_orthogonal_initializer_gives_orthogonal_kernel():
    kernel = mlp((8,), 1, width=8, initializer="orthogonal").get_layer("hidden_1").kernel
    np.testing.assert_allclose(kernel.numpy().T @ kernel.numpy(), np.eye(8), atol=1e-6)


def test_initializer_takes_options_and_draws_separately_per_layer():
    model = mlp((40,), 1, width=40, initializer={"name": "random_normal", "stddev": 0.01})
    first, second = (model.get_layer(name).kernel.numpy() for name in ("hidden_1", "hidden_2"))
    assert first.std() == pytest.approx(0.01, rel=0.1)
    assert not np.array_equal(first, second)
    constant = mlp((2,), 1, width=2, initializer={"name": "constant", "value": 0.5})
    assert (constant.get_layer("hidden_1").kernel.numpy() == 0.5).all()


def test_penalties_cover_every_kernel_and_no_bias():
    model = with_random_weights(mlp((8,), 1, widths=(4, 3), residual=True, l1=0.01, l2=0.1))
    kernels = [layer.kernel.numpy() for layer in dense_layers(model)]
    assert len(kernels) == 4  # two hidden layers, the projection, the output
    expected = sum(0.01 * np.abs(kernel).sum() + 0.1 * (kernel**2).sum() for kernel in kernels)
    assert float(sum(model.losses)) == pytest.approx(expected, rel=1e-5)
    assert mlp((8,), 1).losses == []


def test_saved_model_predicts_the_same(tmp_path):
    layers = {"widths": (6, 5), "activation": "selu", "normalization": "before", "alpha_dropout": 0.1, "residual": True}
    kernels = {"initializer": {"name": "variance_scaling", "scale": 2.0}, "l2": 1e-3, "use_bias": False}
    model = with_random_weights(mlp((2, 4), 3, **layers, **kernels))
    model.save(tmp_path / "model.keras")
    images = X.reshape(6, 2, 4)
    assert np.array_equal(keras.models.load_model(tmp_path / "model.keras")(images), model(images))


CONTRADICTIONS = [
    ({"widths": (64,), "depth": 3}, r"widths=\(64,\) was given together with depth=3, .* give either widths, or "),
    ({"widths": (64,), "width": 8}, r"together with width=8"),
    ({"widths": ()}, r"widths=\(\) is empty: give positive integers, such as \(100, 100\)"),
    ({"widths": (10, 0)}, r"widths=\(10, 0\) contains 0: give positive integers, such as"),
    ({"widths": (10.0,)}, r"contains 10\.0"),
    ({"widths": "64"}, r"widths='64' is not a sequence"),
    ({"depth": 0}, r"depth=0 is not a positive integer: give one, such as 10"),
    (
        {"dropout": 0.2, "alpha_dropout": 0.1},
        r"dropout=0\.2 was given together with alpha_dropout=0\.1, .* give only one",
    ),
    ({"dropout": 1.0}, r"dropout=1\.0 is not a number in \[0, 1\)"),
    ({"dropout": float("nan")}, r"dropout=nan is not a number in \[0, 1\)"),
    ({"alpha_dropout": -0.1}, r"alpha_dropout=-0\.1 is not a number in \[0, 1\)"),
    ({"dropout": True}, r"dropout=True is not a number in \[0, 1\)"),
    ({"l1": -1}, r"l1=-1 is not a number of at least 0"),
    ({"l2": "big"}, r"l2='big' is not a number of at least 0"),
    ({"normalization": "befor"}, r"normalization='befor' is unknown: did you mean 'before'\?"),
    ({"normalization": None}, r"normalization=None is unknown"),
    ({"residual": True, "depth": 3}, r"residual=True .* odd number of hidden layers, 3, .* give an even number"),
    ({"residual": 1}, r"residual=1 is neither True nor False"),
    ({"use_bias": "yes"}, r"use_bias='yes' is neither True nor False"),
    ({"activation": None}, r"activation=None is not a name"),
    ({"initializer": {"stddev": 1}}, r"initializer=\{'stddev': 1\} has no 'name'"),
]


@pytest.mark.parametrize(("options", "message"), CONTRADICTIONS)
def test_invalid_options_are_refused_by_check_and_builder(options, message):
    with pytest.raises(ValueError, match=message):
        mlp.check(**options)
    with pytest.raises(ValueError, match=message):
        mlp((8,), 1, **options)


def test_invalid_shapes_are_refused():
    for input_shape, outputs, message in [
        ((), 1, r"input_shape=\(\) is empty"),
        ((8, 0), 1, r"input_shape=\(8, 0\) contains 0"),
        (8, 1, r"input_shape=8 is not a sequence"),
        ((8,), 0, r"outputs=0 is not a positive integer"),
    ]:
        with pytest.raises(ValueError, match=message):
            mlp(input_shape, outputs)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"activation": "leaky_rel"}, r"activation='leaky_rel' is unknown: did you mean 'leaky_relu'\?"),
        (
            {"activation": {"name": "leaky_rel"}},
            r"activation with options='leaky_rel' is unknown: did you mean 'leaky_",
        ),
        ({"activation": {"name": "elu", "alpa": 1.0}}, r"elu's option='alpa' is unknown: did you mean 'alpha'\?"),
        ({"initializer": "he_norml"}, r"initializer='he_norml' is unknown: did you mean 'he_normal'\?"),
        ({"initializer": "qqq"}, r"initializer='qqq' is unknown: give one of constant, glorot_normal, "),
        ({"initializer": {"name": "random_normal", "stdev": 1}}, r"option='stdev' is unknown: did you mean 'stddev'\?"),
    ],
)
def test_unknown_keras_name_names_nearest(options, message):
    mlp.check(**options)
    with pytest.raises(ValueError, match=message):
        mlp((8,), 1, **options)


def test_compatible_options_are_allowed():
    mlp.check()
    mlp.check(widths=[64, 64], depth=None, width=None, residual=True)
    mlp.check(alpha_dropout=0.1, activation="relu")
    mlp.check(dropout=0, l1=0, l2=1)


def test_builder_has_signature_and_can_be_pickled():
    assert [*inspect.signature(mlp).parameters][:4] == ["input_shape", "outputs", "widths", "depth"]
    assert pickle.loads(pickle.dumps(mlp)) is mlp
    with pytest.raises(TypeError, match="dropuot"):
        mlp((8,), 1, dropuot=0.5)


@pytest.mark.process
def test_check_does_not_use_keras():
    # An empty module stands in for Keras: any use of it, at the import or in the check, would raise.
    code = """
import sys, types
sys.modules["keras"] = types.ModuleType("keras")
from models import mlp
mlp.check(widths=[64, 64], normalization="before", initializer={"name": "he_normal"}, residual=True)
try:
    mlp.check(dropout=2)
except ValueError as error:
    print(error)
assert "tensorflow" not in sys.modules and "numpy" not in sys.modules
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("dropout=2 is not a number in [0, 1)")
