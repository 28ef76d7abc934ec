"""Networks for images: options, sizes, errors, auxiliary classifiers, and dense heads converted to convolutions."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import models
from models import SMALL, alexnet, as_convolutional, cnn, densenet, googlenet, lenet, resnet, vgg
from models.auxiliary import WithAuxiliaries, without_auxiliaries
from models.layers import LocalResponseNormalization, PadChannels

pytestmark = pytest.mark.compile

RNG = np.random.default_rng(0)
IMAGE = (28, 28, 1)


def images(*shape):
    return RNG.normal(size=shape).astype("float32")


def names(model, start=""):
    return [layer.name for layer in model.layers if layer.name.startswith(start)]


def way(model, block, without):
    """The layers of a block in order, but for some."""
    inner = [name.removeprefix(f"{block}_") for name in names(model, block)]
    return [name for name in inner if name not in without]


@pytest.mark.parametrize("name", sorted(SMALL))
def test_all_networks_take_common_options(name):
    network = SMALL[name]
    plain = network.build(IMAGE, 10, **network.params)
    other = network.build(
        (28, 28),
        3,
        **network.params
        | dict(
            activation={"name": "leaky_relu", "negative_slope": 0.1}, initializer="zeros", normalization="after", l2=1.0
        ),
    )
    assert other.output_shape == (None, 3)
    assert {type(layer).__name__ for layer in other.layers if layer.name.endswith("_activation")} == {"LeakyReLU"}
    assert any(layer.name.endswith("_bn") for layer in other.layers)
    kernels = [layer.kernel for layer in other.layers if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense)]
    assert len(other.losses) >= len(kernels) - 2 and not any(np.array(kernel).any() for kernel in kernels)
    if name != "densenet":  # its growth rate determines its width
        wide = network.build(IMAGE, 10, **network.params | {"width": 1.5 * network.params.get("width", 1)})
        assert wide.count_params() > 1.5 * plain.count_params()


@pytest.mark.parametrize(
    ("build", "options", "smallest"),
    [
        (lenet, {}, 28),
        (lenet, dict(padding="valid"), 32),
        (alexnet, {}, 64),  # padded to 67
        (vgg, dict(width=0.1), 32),
        (vgg, dict(width=0.1, stages=3), 8),
        (googlenet, dict(stem="small", width=0.1), 17),
        (densenet, dict(depth=22), 4),
        (cnn, {}, 4),
    ],
)
def test_too_small_image_names_smallest_that_works(build, options, smallest):
    options = options | (dict(hidden=(8,)) if build in (alexnet, vgg) else {})
    with pytest.raises(ValueError, match=r"too small") as refusal:
        build((smallest - 1, smallest - 1, 1), 10, **options)
    assert f"{smallest}×{smallest}" in str(refusal.value)
    build((smallest, smallest, 1), 10, **options)


def test_layers_are_named_by_position():
    model = cnn(IMAGE, 10, filters=(4, 8), normalization="before", dropout=0.1, hidden=(16,), head_dropout=0.2)
    unit = lambda name: [name, f"{name}_bn", f"{name}_activation"]  # noqa: E731
    assert names(model) == [
        *("inputs", *unit("stage_1_conv_1"), *unit("stage_1_conv_2"), "stage_1_pool", "stage_1_dropout"),
        *(*unit("stage_2_conv_1"), *unit("stage_2_conv_2"), "stage_2_dropout", "flatten"),
        *("hidden_1", "hidden_1_activation", "hidden_1_dropout", "outputs"),
    ]


@pytest.mark.parametrize(
    ("reduction", "kind", "parameters"),
    [
        ("max", "MaxPooling2D", 0),
        ("average", "AveragePooling2D", 0),
        ("strided", "Conv2D", 9 * 4 * 4 + 4),
        ("strided 1x1", "Conv2D", 4 * 4 + 4),
    ],
)
def test_reduction_halves_height_and_width(reduction, kind, parameters):
    layer = cnn(IMAGE, 10, filters=(4, 8), reduction=reduction).get_layer("stage_1_pool")
    assert type(layer).__name__ == kind
    assert layer.count_params() == parameters
    assert layer.output.shape[1:] == (14, 14, 4)


def test_residual_block_order_determines_place_of_addition():
    post, pre = (resnet(IMAGE, 10, depth=8, order=order) for order in ("post", "pre"))
    branch = ["conv_1_padding", "conv_1", "conv_1_bn", "conv_1_activation", "conv_2"]
    shortcut = {"subsampled", "padded"}
    assert way(post, "stage_2_block_1", shortcut) == [*branch, "conv_2_bn", "add", "activation"]
    assert way(pre, "stage_2_block_1", shortcut) == ["bn", "activation", *branch, "add"]
    assert names(pre)[-4:] == ["last_bn", "last_activation", "average", "outputs"]


def test_pre_activated_shortcuts_carry_stem_to_last_block():
    # He et al. 2016, equation 4: with branches that output zero, the last sum is the activated stem.
    model = resnet((8, 8, 3), 2, depth=8, order="pre", normalization="none", initializer="zeros")
    inner = keras.Model(model.input, [model.get_layer(n).output for n in ("stem_activation", "stage_3_block_1_add")])
    model.get_layer("stem").set_weights([images(3, 3, 3, 16), np.zeros(16)])
    stem, last = (np.array(output) for output in inner(images(1, 8, 8, 3)))
    np.testing.assert_array_equal(last[..., :16], stem[:, ::4, ::4])
    assert not last[..., 16:].any()


def test_local_response_normalisation_equals_tensorflow():
    x = 30 * images(2, 3, 3, 9)
    expected = tf.nn.local_response_normalization(x, depth_radius=2, bias=2.0, alpha=1e-4, beta=0.75)
    np.testing.assert_allclose(LocalResponseNormalization()(x), expected, rtol=1e-5)


def test_padded_channels_are_appended_zeros():
    x = images(1, 2, 2, 3)
    padded = np.array(PadChannels(5)(x))
    np.testing.assert_array_equal(padded[..., :3], x)
    assert padded.shape == (1, 2, 2, 5) and not padded[..., 3:].any()


def tiny_googlenet(**options):
    keras.utils.set_random_seed(0)
    params = dict(stem="small", width=0.05, dropout=0.0) | options
    return googlenet((20, 20, 1), 3, **params)


def test_auxiliary_classifiers_train_with_weight_and_do_not_predict():
    model = tiny_googlenet(auxiliary_weight=0.3)
    assert isinstance(model, WithAuxiliaries)
    x, y = images(4, 20, 20, 1), np.array([0, 1, 2, 0])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, metrics=["accuracy"])
    outputs = [np.array(output) for output in keras.Model(model.input, model.outputs)(x, training=False)]
    main, *others = (float(loss(y, logits)) for logits in outputs)
    answered = model(x, training=False)
    np.testing.assert_allclose(answered, outputs[0], rtol=1e-5)
    assert model.evaluate(x, y, verbose=0)[0] == pytest.approx(main, rel=1e-5)
    assert float(model.compute_loss(x, y, outputs)) == pytest.approx(main + 0.3 * sum(others), rel=1e-5)
    np.testing.assert_allclose(without_auxiliaries(model)(x, training=False), outputs[0], rtol=1e-5)
    before = np.array(model.get_layer("auxiliary_1_outputs").kernel)
    model.fit(x, y, verbose=0)
    assert (np.array(model.get_layer("auxiliary_1_outputs").kernel) != before).any()
    assert WithAuxiliaries.from_config(tiny_googlenet(auxiliary_weight=0.7).get_config()).auxiliary_weight == 0.7


@pytest.mark.parametrize(
    "build",
    [
        lambda: lenet(IMAGE, 10),
        lambda: vgg((32, 32, 3), 10, width=0.05, hidden=(8, 8)),
        lambda: alexnet((67, 67, 3), 5, width=0.1, groups=1, hidden=(8, 8)),
        lambda: resnet(IMAGE, 10, depth=8),
        lambda: cnn((12, 12, 1), 4, filters=(4, 8), hidden=(6,), normalization="after"),
        lambda: vgg((8, 8, 1), 3, stages=2, width=0.05, hidden=(), dropout=0.5),  # dropout stands behind the flattening
        lambda: tiny_googlenet(),
    ],
    ids=["lenet", "vgg", "alexnet", "resnet", "cnn", "vgg without hidden layers", "googlenet"],
)
def test_converted_dense_head_predicts_the_same_on_any_size(build):
    model = build()
    converted = as_convolutional(model)
    assert as_convolutional(converted).output_shape == converted.output_shape  # nothing is left to convert
    assert not any(isinstance(layer, keras.layers.Dense | keras.layers.Flatten) for layer in converted.layers)
    assert converted.count_params() == without_auxiliaries(model).count_params()
    x = images(2, *model.input_shape[1:])
    expected = np.array(model(x, training=False))
    np.testing.assert_allclose(converted(x, training=False), expected, rtol=1e-4, atol=1e-5)
    larger = images(2, *(size + 40 for size in model.input_shape[1:3]), model.input_shape[3])
    assert converted(larger, training=False).shape == expected.shape


def test_converted_head_is_applied_at_every_position():
    model = cnn((8, 8, 1), 3, filters=(4,), convolutions=1, kernel_size=1)  # 1×1 kernels: places do not see each other
    converted = as_convolutional(model)
    places = keras.Model(converted.input, converted.get_layer("outputs").output)
    wide = images(1, 9, 10, 1)
    found = np.array(places(wide))
    assert found.shape == (1, 2, 3, 3)
    np.testing.assert_allclose(found[0, 1, 2], model(wide[:, 1:9, 2:10])[0], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("build", [vgg, lenet, alexnet, resnet, densenet, cnn])
@pytest.mark.parametrize("head", ["convolution", "average"])
def test_networks_without_dense_head_take_any_size(build, head):
    options = dict(hidden=(8,)) if build in (vgg, alexnet) else {}
    model = build((None, None, 3), 4, head=head, **options)
    for size in (72, 90):
        assert model(images(1, size, size + 3, 3), training=False).shape == (1, 4)


@pytest.mark.parametrize(
    ("build", "shape", "options", "message"),
    [
        (vgg, IMAGE, dict(configuration="F"), "configuration='F' is unknown"),
        (vgg, IMAGE, dict(stages=6), "stages=6 is not an integer in \\[1, 5\\]"),
        (resnet, IMAGE, dict(depth=19), "18, 34, 50, 101, nor 6n \\+ 2"),
        (resnet, IMAGE, dict(shortcut="projektion"), "did you mean 'projection'"),
        (densenet, IMAGE, dict(depth=41), "121, 169, nor 6n \\+ 4"),
        (densenet, IMAGE, dict(compression=1.5), "compression=1.5 is not a number in \\(0, 1\\]"),
        (lenet, IMAGE, dict(connections="table", width=2.0), "width=2.0"),
        (alexnet, IMAGE, dict(groups=7), "groups=7 does not divide 96"),
        (cnn, IMAGE, dict(dropout=0.1, spatial_dropout=0.1), "give only one of them"),
        (cnn, IMAGE, dict(width=0), "width=0 is not a number above 0"),
        (cnn, IMAGE, dict(reduction="mx"), "did you mean 'max'"),
        (cnn, (None, None, 1), {}, "takes images of one size"),
        (cnn, (28,), {}, "is not that of an image"),
        (cnn, (None, 28, 1), {}, "leaves a part of the size open: give all of it"),
        (cnn, (None, None), {}, "leaves a part of the size open: give all of it"),
        (cnn, (28, 28, None), {}, "has no number of channels"),
        (cnn, (28, 0, 1), {}, "contains 0: give positive integers"),
        (
            cnn,
            (900, 900, 1),
            dict(filters=(1,) * 12, head="average", convolutions=1),
            "give images of 2048×2048 pixels",
        ),
        (cnn, (900, 900, 1), dict(filters=(1,) * 20, head="average", convolutions=1), "no image fits them"),
        (googlenet, IMAGE, dict(stem="tiny"), "stem='tiny' is unknown"),
        (googlenet, (None, None, 3), {}, "give a size, or auxiliary=False"),
    ],
)
def test_invalid_options_are_refused_with_reason(build, shape, options, message):
    with pytest.raises(ValueError, match=message):
        build(shape, 10, **options)


@pytest.mark.parametrize("shape", [(8,), (8, 8)])
def test_model_without_image_head_cannot_be_converted(shape):
    with pytest.raises(ValueError, match="images"):
        as_convolutional(models.mlp(shape, 2) if len(shape) == 1 else cnn(shape, 2))


def test_layer_between_flatten_and_dense_cannot_be_converted():
    inputs = keras.Input((4, 4, 1))
    x = keras.layers.BatchNormalization(name="normal")(keras.layers.Flatten()(inputs))
    with pytest.raises(ValueError, match="The layer normal stands between"):
        as_convolutional(keras.Model(inputs, keras.layers.Dense(2)(x)))


def test_response_normalisation_does_not_overflow_in_float16():
    x = np.full((1, 2, 2, 8), 300.0, dtype="float32")
    expected = np.array(LocalResponseNormalization()(x))
    np.testing.assert_allclose(LocalResponseNormalization(dtype="mixed_float16")(x), expected, rtol=2e-3)
