"""What claims vary in networks: batch normalisation, noise, activations, 1×1 convolutions, plain twins, widths."""

import keras
import numpy as np
import pytest

from data import digits
from folklore import Recipe
from folklore.training.initial_weights import seed_weights
from models import cnn, densenet, matched_widths, mlp, resnet
from models.layers import ConcatenatedReLU, UniformDropout
from models.mlp import dense_parameters

IMAGE = (8, 8, 2)
X = np.random.default_rng(3).normal(size=(6, 8)).astype("float32")
IMAGES = np.random.default_rng(4).normal(size=(3, *IMAGE)).astype("float32")


def names(model, part=""):
    return [layer.name for layer in model.layers if part in layer.name]


def trained(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


# Batch normalisation.


@pytest.mark.parametrize(("options", "trained_of_unit"), [({}, 2), ({"bn_scale": False}, 1), ({"bn_center": False}, 1),
                                                          ({"bn_scale": False, "bn_center": False}, 0)])  # fmt: skip
@pytest.mark.parametrize("place", ["before", "after"])
def test_scale_and_centre_are_trained_numbers_of_each_unit(options, trained_of_unit, place):
    plain = mlp((8,), 1, widths=(5, 4))
    normalised = mlp((8,), 1, widths=(5, 4), normalization=place, **options)
    assert trained(normalised) - trained(plain) == trained_of_unit * (5 + 4)
    assert normalised.count_params() - plain.count_params() == (trained_of_unit + 2) * (5 + 4)  # moving mean, variance
    of_maps = cnn(IMAGE, 3, filters=(4, 6), convolutions=1, normalization=place, **options)
    assert trained(of_maps) - trained(cnn(IMAGE, 3, filters=(4, 6), convolutions=1)) == trained_of_unit * (4 + 6)


def test_residual_networks_take_options_of_normalisation():
    for order, place in (("post", "before"), ("pre", "before"), ("post", "after"), ("pre", "after")):
        model = resnet(IMAGE, 3, depth=8, order=order, normalization=place, bn_momentum=0.5, bn_scale=False)
        layers = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
        assert {(layer.momentum, layer.scale, layer.center) for layer in layers} == {(0.5, False, True)}


def test_normalisation_without_scale_and_centre_only_standardises():
    model = mlp((8,), 1, widths=(5,), normalization="before", bn_scale=False, bn_center=False)
    kernel, bias = model.get_layer("hidden_1").get_weights()
    values = X @ kernel + bias
    bn = keras.Model(model.input, model.get_layer("hidden_1_bn").output)
    expected = (values - values.mean(axis=0)) / np.sqrt(values.var(axis=0) + 0.001)
    np.testing.assert_allclose(bn(X, training=True), expected, rtol=1e-3, atol=1e-5)


def test_momentum_is_share_of_moving_average_that_stays():
    model = mlp((8,), 1, widths=(5,), normalization="before", bn_momentum=0.75)
    kernel, bias = model.get_layer("hidden_1").get_weights()
    model(X, training=True)
    moving_mean = model.get_layer("hidden_1_bn").moving_mean
    np.testing.assert_allclose(moving_mean, 0.25 * (X @ kernel + bias).mean(axis=0), rtol=1e-4, atol=1e-6)


# Noise.


def test_dropout_of_last_layer_stands_behind_last_normalisation():
    for kind in ("dropout", "alpha_dropout", "uniform_dropout"):
        options = {"depth": 3, "normalization": "after", kind: 0.1}
        assert len(names(mlp((8,), 1, **options), "_dropout")) == 3
        last = mlp((8,), 1, **options, dropout_place="last layer")
        assert names(last, "_dropout") == ["hidden_3_dropout"]
        assert names(last)[-3:] == ["hidden_3_bn", "hidden_3_dropout", "outputs"]


def test_uniform_noise_is_uniform_around_one_and_off_in_inference():
    keras.utils.set_random_seed(1)
    layer, ones = UniformDropout(0.3), np.ones((1, 100_000), "float32")
    noise = np.array(layer(ones, training=True))
    assert np.array_equal(layer(ones), ones)
    assert 0.7 <= noise.min() < 0.701 and 1.299 < noise.max() <= 1.3
    assert noise.mean() == pytest.approx(1, abs=5 * 0.3 / 3**0.5 / len(noise[0]) ** 0.5)
    assert np.mean(noise**2) == pytest.approx(1 + 0.3**2 / 3, abs=5 * 2 * 0.3 / 3**0.5 / len(noise[0]) ** 0.5)
    assert not np.array_equal(layer(ones, training=True), noise)  # each call draws


@pytest.mark.parametrize("build", [mlp, cnn])
def test_uniform_noise_depends_on_seed_of_run(build):
    def outputs(seed):
        keras.utils.set_random_seed(1)
        model = build(IMAGE, 3, uniform_dropout=0.5)
        seed_weights(model, seed)
        return np.array(model(IMAGES, training=True))

    assert np.array_equal(outputs(3), outputs(3))
    assert not np.array_equal(outputs(3), outputs(4))
    assert build(IMAGE, 3, uniform_dropout=0.5).count_params() == build(IMAGE, 3).count_params()


# Activations.


def test_concatenated_relu_has_both_parts():
    np.testing.assert_array_equal(ConcatenatedReLU()(X), np.concatenate([np.maximum(X, 0), np.maximum(-X, 0)], axis=1))


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        # Each layer sees twice the units of the one before: 8 → 5, 10 → 4, 8 → 1.
        (lambda: mlp((8,), 1, widths=(5, 4), activation="crelu"), 9 * 5 + 11 * 4 + 9),
        # Normalised behind the activation: twice the units.
        (lambda: mlp((8,), 1, widths=(5,), activation="crelu", normalization="after"), 9 * 5 + 4 * 10 + 11),
        # The second block's input has 10 units, its branch 5: a projection.
        (lambda: mlp((8,), 1, widths=(5,) * 4, activation="crelu", residual=True), 2 * 45 + 2 * 55 + 2 * 55 + 11),
        (lambda: cnn(IMAGE, 3, filters=(4, 6), convolutions=1, activation="crelu"), 19 * 8 // 2 + 73 * 6 + 193 * 3),
    ],
)
def test_concatenated_relu_doubles_inputs_of_next_layer(model, parameters):
    assert model().count_params() == parameters


def test_networks_with_added_layers_are_saved_and_loaded(tmp_path):
    model = cnn(IMAGE, 3, filters=(4,), activation="crelu", uniform_dropout=0.1)
    model.save(tmp_path / "model.keras")
    assert np.array_equal(keras.models.load_model(tmp_path / "model.keras")(IMAGES), model(IMAGES))


def test_identity_shortcut_cannot_take_doubled_channels():
    with pytest.raises(ValueError, match=r"activation='crelu' doubles .* give shortcut='projection'"):
        resnet(IMAGE, 3, depth=8, activation="crelu")
    assert resnet(IMAGE, 3, depth=8, activation="crelu", shortcut="projection").output_shape == (None, 3)


# Convolutions.


@pytest.mark.parametrize("size", [3, 5])
def test_bottleneck_stands_where_it_narrows(size):
    options = dict(filters=(8, 16), convolutions=2, kernel_size=size)
    model = cnn(IMAGE, 3, **options, bottleneck=0.25)
    # Two channels enter the first convolution: a 1×1 to two maps would not narrow them.
    assert names(model, "reduce") == [
        f"{layer}_reduce{part}"
        for layer in ("stage_1_conv_2", "stage_2_conv_1", "stage_2_conv_2")
        for part in ("", "_activation")
    ]
    k = size**2
    wide = (2 * k + 1) * 8 + (8 * k + 1) * 8 + (8 * k + 1) * 16 + (16 * k + 1) * 16
    first = (2 * k + 1) * 8
    second = (8 + 1) * 2 + (2 * k + 1) * 8
    third = (8 + 1) * 4 + (4 * k + 1) * 16
    fourth = (16 + 1) * 4 + (4 * k + 1) * 16
    head = 4 * 4 * 16 * 3 + 3
    assert cnn(IMAGE, 3, **options).count_params() == wide + head
    assert model.count_params() == first + second + third + fourth + head


def test_stage_without_inner_activation_is_linear_up_to_its_last_convolution():
    def before_activation(inner):
        model = cnn(IMAGE, 3, filters=(4,), convolutions=2, bottleneck=0.5, inner_activation=inner)
        return keras.Model(model.input, model.get_layer("stage_1_conv_2").output)

    def is_additive(model):
        one, other = IMAGES[:1], IMAGES[1:2]
        both, none = model(one + other), model(0 * one)
        return np.allclose(both - none, model(one) + model(other) - 2 * none, atol=1e-4)

    assert is_additive(before_activation(inner=False))
    assert not is_additive(before_activation(inner=True))
    last = cnn(IMAGE, 3, filters=(4,), inner_activation=False).get_layer("stage_1_conv_2_activation")
    assert last.activation is keras.activations.relu


def test_pointwise_convolutions_stand_first_and_behind_each_stage():
    plain = cnn(IMAGE, 3, filters=(4, 6), convolutions=1)
    model = cnn(IMAGE, 3, filters=(4, 6), convolutions=1, pointwise=2)
    assert model.count_params() - plain.count_params() == 2 * (5 * 4) + 2 * (7 * 6)
    assert names(model)[:9] == [
        *("inputs", "stage_1_conv_1", "stage_1_conv_1_activation", "stage_1_pointwise_1"),
        *("stage_1_pointwise_1_activation", "stage_1_pointwise_2", "stage_1_pointwise_2_activation", "stage_1_pool"),
        "stage_2_conv_1",
    ]
    first = cnn(IMAGE, 3, filters=(4, 6), convolutions=1, first_pointwise=5)
    assert first.count_params() - plain.count_params() == 3 * 5 + 9 * (5 - 2) * 4
    assert names(first)[1:3] == ["first_pointwise", "first_pointwise_activation"]


# Plain twins.


def test_plain_twin_of_densenet_joins_nothing():
    dense, plain = (densenet(IMAGE, 3, depth=10, growth_rate=4, shortcut=kind) for kind in ("concatenation", "none"))
    assert sum(isinstance(layer, keras.layers.Concatenate) for layer in dense.layers) == 3
    assert not any(isinstance(layer, keras.layers.Concatenate) for layer in plain.layers)
    # Each of three layers: bn, 1×1 to 16 maps, bn, 3×3 to 4. Between them a transition from 4 maps to 2.
    layer = lambda maps: 4 * maps + 16 * maps + 4 * 16 + 9 * 16 * 4  # noqa: E731
    stem, transitions, last = 9 * 2 * 8, 2 * (4 * 4 + 4 * 2), 4 * 4 + 5 * 3
    assert plain.count_params() == stem + layer(8) + layer(2) + layer(2) + transitions + last
    assert plain.name == "plain_densenet_10"


@pytest.mark.parametrize("depth", [8, 18])
def test_plain_twin_of_resnet_has_its_convolutions_only(depth):
    residual, plain = (resnet(IMAGE, 3, depth=depth, width=0.1, shortcut=kind) for kind in ("projection", "none"))
    assert {*names(residual)} - {*names(plain)} == {*names(residual, "_add"), *names(residual, "_projection")}


# Initializers with a scale.


@pytest.mark.parametrize(
    ("initializer", "std"),
    [
        *(({"name": "variance_scaling", "scale": g**2, "mode": "fan_avg"}, g * (1 / 200) ** 0.5) for g in (1, 3, 10)),
        ({"name": "random_normal", "stddev": 0.01}, 0.01),
        ({"name": "random_normal", "stddev": 1.0}, 1.0),
        ({"name": "orthogonal", "gain": 2.0}, 2 * (1 / 200) ** 0.5),
        # PyTorch's default for kernels: uniform in ± 1 / √inputs.
        ({"name": "variance_scaling", "scale": 1 / 3, "mode": "fan_in", "distribution": "uniform"}, (1 / 600) ** 0.5),
    ],
)
def test_initializers_take_their_scale(initializer, std):
    keras.utils.set_random_seed(1)
    kernel = mlp((200,), 1, widths=(200,), initializer=initializer).get_layer("hidden_1").kernel.numpy()
    assert kernel.std() == pytest.approx(std, rel=0.02)


# Widths.


@pytest.mark.parametrize("shape", [(1, 1, 1), (4, 2, 1), (1, 2, 4), (4, 1, 4), (1, 8, 8), (1,)])
@pytest.mark.parametrize(("inputs", "outputs"), [(784, 10), (8, 1)])
def test_matched_widths_have_equal_parameters(shape, inputs, outputs):
    widths = matched_widths(shape, 100_000, inputs, outputs)
    model = mlp((inputs,), outputs, widths=widths)
    assert model.count_params() == dense_parameters(widths, inputs, outputs)
    assert model.count_params() == pytest.approx(100_000, rel=0.004)
    assert np.allclose(np.divide(widths, widths[0]), np.divide(shape, shape[0]), rtol=0.05)


def test_matched_widths_are_nearest_of_all_factors():
    found = dense_parameters(matched_widths((3, 2), 5_000, 8, 1), 8, 1)
    others = {(max(1, round(3 * f)), max(1, round(2 * f))) for f in np.linspace(0, 100, 100_001)}
    assert abs(found - 5_000) == min(abs(dense_parameters(widths, 8, 1) - 5_000) for widths in others)


@pytest.mark.parametrize(
    ("shape", "parameters", "message"), [((), 100, "is not a"), ((1, 0), 100, "is not a"), ((1, 1), 12, "have 13")]
)
def test_impossible_widths_are_refused(shape, parameters, message):
    with pytest.raises(ValueError, match=message):
        matched_widths(shape, parameters, 8, 1)


# Mistakes.


@pytest.mark.parametrize(
    ("build", "options", "message"),
    [
        (mlp, {"bn_momentum": 0.9}, r"bn_momentum=0\.9 was given together with normalization='none'"),
        (cnn, {"bn_scale": False}, r"bn_scale=False was given .* give normalization='before' or 'after'"),
        (resnet, {"bn_center": False, "normalization": "none"}, "bn_center=False was given"),
        (resnet, {"bn_momentum": 1}, r"bn_momentum=1 is not a number in \[0, 1\)"),
        (mlp, {"dropout": 0.1, "uniform_dropout": 0.1}, r"together with uniform_dropout=0\.1, and a layer takes one"),
        (cnn, {"spatial_dropout": 0.1, "uniform_dropout": 0.1}, "a stage takes one kind: give only one"),
        (mlp, {"uniform_dropout": 1.1}, r"uniform_dropout=1\.1 is not a number in \[0, 1\]"),
        (mlp, {"dropout_place": "last"}, "dropout_place='last' is unknown: did you mean 'last layer'"),
        (cnn, {"bottleneck": 0}, r"bottleneck=0 is not a number in \(0, 1\]"),
        (cnn, {"pointwise": -1}, "pointwise=-1 is not an integer of at least 0"),
        (densenet, {"shortcut": "non"}, "shortcut='non' is unknown: did you mean 'none'"),
        (resnet, {"depth": 19}, "18, 34, 50, 101, nor 6n"),
    ],
)
def test_contradictions_are_refused(build, options, message):
    with pytest.raises(ValueError, match=message):
        Recipe(model=build, data=digits, params=options)


def test_misspelt_activation_may_be_crelu():
    with pytest.raises(ValueError, match="did you mean 'crelu'"):
        mlp((8,), 1, activation="creluu")
