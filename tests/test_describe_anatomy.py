"""Receptive fields compared with gradients; operations compared with hand counts and published counts."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from folklore.describe import summary
from folklore.describe.anatomy import anatomy, total
from folklore.describe.receptive_field import same_padding

HEIGHT, WIDTH = 29, 40  # odd and even, so that "same" pads either way
POOL = keras.layers.AveragePooling2D  # a maximum has a gradient at one position only


def conv(size, **options):
    return keras.layers.Conv2D(2, size, **options)


def stack(x):
    for _ in range(3):
        x = keras.layers.BatchNormalization()(conv(3)(x))
    return x


def strided(x):
    return POOL(3, 2, padding="same")(conv(7, strides=2, padding="same")(x))


def dilated(x):
    return conv(3, dilation_rate=(3, 1), padding="same")(conv((5, 2), dilation_rate=2)(x))


def inception(x):
    x = conv(3, strides=2, padding="same")(x)
    branches = [conv(1)(x), conv(3, padding="same")(x), conv(1)(POOL(4, 1, padding="same")(x))]
    branches.append(conv((1, 7), padding="same")(conv(2, padding="same")(x)))
    return conv(2)(keras.layers.Concatenate()(branches))


def residual(x):
    x = conv(3, padding="same")(x)
    branch = conv(3, padding="same")(conv(3, strides=2, padding="same")(x))
    x = keras.layers.ReLU()(keras.layers.Add()([branch, conv(1, strides=2, padding="same")(x)]))
    return x + keras.layers.Dropout(0.5)(keras.layers.DepthwiseConv2D(3, padding="same")(x))


def margins(x):
    x = POOL(3, 2)(keras.layers.ZeroPadding2D(((3, 1), (0, 2)))(x))
    return keras.layers.SeparableConv2D(3, 2)(keras.layers.Cropping2D(((1, 0), (2, 1)))(x))


def of_parts(x):
    part = keras.Sequential([conv(3, strides=2, padding="same"), keras.layers.Activation("relu")])
    return conv(3)(part(x))


def excitation(x):
    x = conv(3, strides=2)(x)
    return keras.layers.Multiply()([x, conv(1)(keras.layers.GlobalAveragePooling2D(keepdims=True)(x))])


def pooled(x):
    return keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(conv(3, strides=3)(x)))


def flattened(x):
    return keras.layers.Dense(3)(keras.layers.Flatten()(conv(3, padding="same")(x)))


def net(build):
    """A network with only positive weights, so that a gradient is zero only outside the receptive field."""
    inputs = keras.Input((HEIGHT, WIDTH, 1))
    model = keras.Model(inputs, build(inputs))
    for weight in model.trainable_weights:
        weight.assign(np.full(weight.shape, 0.5))
    return model


def seen(model, at):
    """The first and last row and column of the image at which one output position has a gradient."""
    image = tf.ones((1, HEIGHT, WIDTH, 1))
    with tf.GradientTape() as tape:
        tape.watch(image)
        output = tf.reduce_sum(model(image)[(0, *at)])
    gradient = tape.gradient(output, image).numpy()[0, :, :, 0]
    return [(along.nonzero()[0][0], along.nonzero()[0][-1]) for along in (gradient.any(1), gradient.any(0))]


@pytest.mark.parametrize(
    "build", [stack, strided, dilated, inception, residual, margins, of_parts, excitation, pooled, flattened]
)
def test_receptive_fields_match_gradients(build):
    model = net(build)
    last = next(layer for layer in anatomy(model) if layer.output == 0)
    sizes = model.output_shape[1:3] if len(model.output_shape) == 4 else ()
    for at in {tuple(0 for _ in sizes), tuple(n // 2 for n in sizes), tuple(n - 1 for n in sizes)}:
        for axis, bounds, size, i in zip(last.field, seen(model, at), (HEIGHT, WIDTH), at or (0, 0), strict=True):
            expected = max(0, axis.lo + i * axis.jump), min(size - 1, axis.hi + i * axis.jump)
            assert expected == bounds


def test_field_stride_and_padding_are_in_pixels():
    layers = anatomy(net(strided))
    assert layers[-1].receptive_field == (11, 11)
    assert layers[-1].stride == (4, 4)
    # Height 29: (3, 3) around the image, then 15 rows pooled to 8 with (1, 1) around. Width 40: (2, 3), then (0, 1).
    assert layers[-1].padding == ((5, 5), (2, 5))
    assert anatomy(net(pooled))[-1].padding == ((0, 0), (0, 0))
    assert anatomy(net(pooled))[-1].stride is None


@pytest.mark.parametrize(
    ("size", "window", "stride", "before"), [(7, 3, 1, 1), (8, 3, 2, 0), (7, 3, 2, 1), (8, 1, 2, 0)]
)
def test_padding_matches_tensorflow(size, window, stride, before):
    assert same_padding(size, window, stride) == before


class Unknown(keras.layers.Layer):
    """A layer of unknown operation; a subclass declares that it works position by position."""

    def call(self, x):
        return x


class Pointwise(Unknown):
    pointwise = True


def test_custom_layer_is_unknown_unless_pointwise():
    assert anatomy(net(lambda x: conv(3)(Unknown()(x))))[-1].field is None
    assert anatomy(net(lambda x: conv(3)(Pointwise()(x))))[-1].receptive_field == (3, 3)


@pytest.mark.parametrize(
    "build",
    [
        lambda x: keras.layers.UpSampling2D()(x),
        lambda x: keras.layers.LayerNormalization(axis=1)(x),
        lambda x: keras.layers.Concatenate(axis=1)([x, x]),
        lambda x: keras.layers.Add()([conv(1, strides=2)(x), keras.layers.Cropping2D(((7, 7), (10, 10)))(conv(1)(x))]),
        lambda x: keras.ops.roll(x, 1, axis=1),
    ],
)
def test_unknown_facts_are_none(build):
    assert anatomy(net(build))[-1].field is None


def test_input_of_any_size_has_receptive_field_only():
    inputs = keras.Input((None, None, 1))
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(conv(3, strides=2, padding="same")(inputs)))
    _, found, pooled = anatomy(model)
    assert (found.receptive_field, found.stride, found.padding) == ((3, 3), (2, 2), None)
    assert found.flops is found.activation_bytes is pooled.field is None
    assert summary.as_data("any", anatomy(model))["flops"] is None
    assert summary.as_rows(anatomy(model))[1]["output\nshape"] == "any×any×2"


def test_table_has_no_receptive_field():
    inputs = keras.Input((8,))
    layers = anatomy(keras.Model(inputs, keras.layers.Dense(3)(inputs)))
    assert [layer.field for layer in layers] == [None, None]
    assert "stride" not in summary.as_rows(layers)[0]


@pytest.mark.parametrize(
    ("layer", "shape", "multiply_adds", "others"),
    [
        (keras.layers.Dense(5), (7,), 7 * 5, 5),
        (keras.layers.Dense(5, use_bias=False, activation="relu"), (4, 7), 4 * 7 * 5, 0),
        (keras.layers.Conv2D(8, 3), (6, 6, 4), 16 * 3 * 3 * 4 * 8, 16 * 8),
        (keras.layers.Conv2D(8, 3, groups=2, use_bias=False, padding="same"), (6, 6, 4), 36 * 3 * 3 * 2 * 8, 0),
        (keras.layers.DepthwiseConv2D(3, strides=2, use_bias=False), (7, 7, 4), 9 * 3 * 3 * 4, 0),
        (keras.layers.SeparableConv2D(8, 3), (6, 6, 4), 16 * (3 * 3 * 4 + 4 * 8), 16 * 8),
        (keras.layers.Conv2DTranspose(8, 3, use_bias=False), (6, 6, 4), 36 * 3 * 3 * 4 * 8, 0),
        (keras.layers.MaxPooling2D(2), (6, 6, 4), 0, 9 * 4 * 4),
        (keras.layers.GlobalAveragePooling2D(), (6, 6, 4), 0, 6 * 6 * 4),
        (keras.layers.BatchNormalization(), (6, 6, 4), 0, 6 * 6 * 4),
        (keras.Sequential([keras.layers.Dense(5), keras.layers.ReLU()]), (7,), 7 * 5, 5 + 5),
    ],
)
def test_operations_match_hand_count(layer, shape, multiply_adds, others):
    inputs = keras.Input(shape)
    layers = anatomy(keras.Model(inputs, layer(inputs)))
    assert [layer.multiply_adds for layer in layers] == [0, multiply_adds]
    assert [layer.flops for layer in layers] == [0, 2 * multiply_adds + others]


def test_operations_of_recurrent_layer_are_unknown():
    inputs = keras.Input((3, 2))
    layers = anatomy(keras.Model(inputs, keras.layers.LSTM(5)(inputs)))
    assert (layers[1].multiply_adds, layers[1].flops) == (None, None)


@pytest.mark.compile
@pytest.mark.parametrize(
    ("build", "low", "high"),
    [
        (keras.applications.ResNet50, 3.8e9, 3.9e9),  # He et al. 2015, table 1: 3.8e9 multiply-adds
        (keras.applications.VGG16, 15.3e9, 15.5e9),  # of convolutions only, and with dense layers
    ],
)
def test_multiply_adds_match_published_counts(build, low, high):
    model = build(weights=None)
    layers = anatomy(model)
    assert low <= total([layer.multiply_adds for layer in layers]) <= high
    assert sum(layer.parameters for layer in layers) == model.count_params()


def test_bytes_depend_on_dtype_of_activations():
    inputs = keras.Input((4, 4, 3))
    half = keras.layers.Conv2D(2, 1, dtype="mixed_float16")(inputs)
    layers = anatomy(keras.Model(inputs, keras.layers.Conv2D(2, 1)(half)))
    assert [layer.activation_bytes for layer in layers if layer.type != "Cast"] == [4 * 48, 2 * 32, 4 * 32]


def test_shared_layer_counts_operations_twice_and_weights_once():
    inputs, shared = keras.Input((3,)), keras.layers.Dense(3)
    layers = anatomy(keras.Model(inputs, shared(shared(inputs))))
    assert [layer.parameters for layer in layers] == [0, 12, 0]
    assert [layer.flops for layer in layers] == [0, 21, 21]
    assert [layer.inputs for layer in layers] == [(), (0,), (1,)]


def test_subclassed_model_is_refused():
    class Subclass(keras.Model):
        pass

    with pytest.raises(ValueError, match="is not a functional model"):
        anatomy(Subclass())
