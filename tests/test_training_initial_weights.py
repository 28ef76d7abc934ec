"""Initial weights depend only on the seed and on shapes."""

import keras
import numpy as np
import pytest

from folklore.training.initial_weights import seed_weights
from models import mlp

INPUTS = (6,)


def seeded(seed=0, **params):
    model = mlp(INPUTS, 2, **({"widths": (5, 5, 5, 5)} | params))
    seed_weights(model, seed)
    return model


def kernels(model):
    return {layer.name: layer.kernel.numpy() for layer in model.layers if isinstance(layer, keras.layers.Dense)}


def states(model):
    layers = [layer for layer in model.layers if hasattr(layer, "seed_generator")]
    return {layer.name: layer.seed_generator.state.numpy().tolist() for layer in layers}


def assert_equal(one, other):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])


def test_only_equal_seeds_give_equal_weights():
    first = kernels(seeded(seed=3))
    assert_equal(first, kernels(seeded(seed=3)))
    other = kernels(seeded(seed=4))
    assert all(not np.intersect1d(first[name], other[name]).size for name in first)


def test_no_two_layers_share_random_numbers():
    drawn = [kernel.ravel() for kernel in kernels(seeded(initializer="random_normal")).values()]
    assert [kernel.size for kernel in drawn] == [30, 25, 25, 25, 10]
    assert len(np.unique(np.concatenate(drawn))) == 115


@pytest.mark.parametrize(
    "change",
    [
        {"normalization": "before"},
        {"normalization": "after"},
        {"dropout": 0.3},
        {"alpha_dropout": 0.1},
        {"uniform_dropout": 0.1},
        {"activation": "selu"},
        {"use_bias": False},
        {"l2": 0.1},
    ],
)
def test_arms_share_their_kernels(change):
    assert_equal(kernels(seeded(seed=1)), kernels(seeded(seed=1, **change)))


@pytest.mark.parametrize("normalization", ["none", "before"])
@pytest.mark.parametrize("widths", [(5, 5, 5, 5), (6, 6), (6, 5), (5, 6, 6, 5)])
def test_projections_do_not_change_kernels_of_plain_network(widths, normalization):
    plain = kernels(seeded(widths=widths))
    residual = kernels(seeded(widths=widths, residual=True, normalization=normalization))
    assert_equal(plain, {name: residual[name] for name in plain})


def test_initializers_of_one_family_differ_by_factor():
    he, lecun = (kernels(seeded(initializer=name)) for name in ("he_normal", "lecun_normal"))
    for name in he:
        np.testing.assert_allclose(he[name], np.sqrt(2) * lecun[name], rtol=1e-6)


@pytest.mark.parametrize(
    ("initializer", "spread"),
    # Of the 50 × 60 kernel: sqrt(2 / 50), sqrt(1 / 50), sqrt(2 / 110), and what the name says.
    [("he_normal", 0.2), ("lecun_uniform", 0.1414), ("glorot_uniform", 0.1348), ({"name": "random_normal"}, 0.05)],
)
def test_distribution_of_initializer_is_kept(initializer, spread):
    drawn = kernels(seeded(widths=(50, 60), initializer=initializer))["hidden_2"]
    assert drawn.std() == pytest.approx(spread, rel=0.05)
    assert abs(drawn.mean()) < 4 * spread / np.sqrt(drawn.size)


def test_orthogonal_kernel_stays_orthogonal():
    for name, kernel in kernels(seeded(initializer={"name": "orthogonal", "gain": 2.0})).items():
        if kernel.shape == (5, 5):
            np.testing.assert_allclose(kernel.T @ kernel, 4 * np.eye(5), atol=1e-5, err_msg=name)


def test_constant_initial_weights_are_unchanged():
    model = mlp(INPUTS, 2, widths=(5, 5), normalization="before", initializer="ones")
    built = model.get_weights()
    seed_weights(model, 9)
    for before, after in zip(built, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_random_biases_are_drawn_too():
    layer = keras.layers.Dense(4, bias_initializer="random_normal")
    model = keras.Sequential([keras.Input((3,)), layer])
    drawn = []
    for seed in (1, 2, 1):
        seed_weights(model, seed)
        drawn.append(layer.bias.numpy().tolist())
    assert drawn[0] == drawn[2] != drawn[1]


def test_layers_inside_layers_are_seeded():
    def build():
        inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3), keras.layers.Dropout(0.5)])
        return keras.Sequential([keras.Input((3,)), inner, keras.layers.Dense(3)])

    models = [build(), build()]
    for model in models:
        seed_weights(model, 5)
    for one, other in zip(*(model.variables for model in models), strict=True):
        np.testing.assert_array_equal(one, other)
    inner, outer = models[0].layers
    assert not np.array_equal(inner.layers[0].kernel, outer.kernel)


@pytest.mark.parametrize(
    ("kind", "shape", "random"),
    [
        (lambda: keras.layers.LSTM(4), (2, 3), 2),
        (lambda: keras.layers.GRU(4), (2, 3), 2),
        (lambda: keras.layers.Conv2D(4, 2), (4, 4, 3), 1),
        (lambda: keras.layers.DepthwiseConv2D(2), (4, 4, 3), 1),
        (lambda: keras.layers.SeparableConv2D(4, 2), (4, 4, 3), 2),
        (lambda: keras.layers.Embedding(5, 4), (2,), 1),
    ],
)
def test_layers_of_other_kinds_are_seeded(kind, shape, random):
    models = [keras.Sequential([keras.Input(shape), kind()]) for _ in range(3)]
    for model, seed in zip(models, (5, 5, 6), strict=True):
        seed_weights(model, seed)
    first, again, other = (model.get_weights() for model in models)
    assert [np.array_equal(*pair) for pair in zip(first, again, strict=True)] == [True] * len(first)
    assert [np.array_equal(*pair) for pair in zip(first, other, strict=True)].count(False) == random


def test_dropout_masks_depend_on_seed_and_layer():
    first = states(seeded(seed=1, dropout=0.5))
    assert first == states(seeded(seed=1, dropout=0.5, normalization="before"))
    assert first.keys() == {f"hidden_{number}_dropout" for number in (1, 2, 3, 4)}
    assert len({tuple(state) for state in first.values()}) == 4
    assert all(state[1] == 0 for state in first.values())
    assert set(map(tuple, first.values())).isdisjoint(map(tuple, states(seeded(seed=2, dropout=0.5)).values()))


def test_equal_dropout_states_draw_equal_masks():
    x = np.ones((3, 6), "float32")
    outputs = [seeded(seed=1, dropout=0.5)(x, training=True).numpy() for _ in range(2)]
    np.testing.assert_array_equal(*outputs)
    assert not np.array_equal(outputs[0], seeded(seed=1, dropout=0.5)(x, training=False))


def test_earlier_models_and_global_seed_do_not_matter():
    keras.utils.set_random_seed(1)
    first = seeded(seed=7, dropout=0.5)
    keras.utils.set_random_seed(2)
    for _ in range(3):
        mlp(INPUTS, 2, dropout=0.5)(np.ones((1, 6)), training=True)
    again = seeded(seed=7, dropout=0.5)
    assert_equal(kernels(first), kernels(again))
    assert states(first) == states(again)


def test_seeding_is_idempotent():
    model = seeded(seed=7, dropout=0.5)
    kernels_before, states_before = kernels(model), states(model)
    model(np.ones((2, 6)), training=True)
    seed_weights(model, 7)
    assert_equal(kernels_before, kernels(model))
    assert states_before == states(model)
