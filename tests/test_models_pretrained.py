"""Networks that keras.applications also has: with the same weights they give the same outputs."""

import keras
import numpy as np
import pytest

from models import densenet, resnet, vgg

pytestmark = pytest.mark.compile

SIZE, CLASSES = 32, 10
RNG = np.random.default_rng(0)
EPSILON = 1.001e-5  # of Keras' batch normalisation in these networks; ours is Keras' default
OUR_EPSILON = 1e-3
APPLICATION = dict(weights=None, input_shape=(SIZE, SIZE, 3), classes=CLASSES, classifier_activation=None)


def vgg_layer(name):
    """block1_conv2 is stage_1_conv_2."""
    stage, _, layer = name.removeprefix("block").partition("_conv")
    return {"fc1": "hidden_1", "fc2": "hidden_2", "predictions": "outputs"}.get(name, f"stage_{stage}_conv_{layer}")


def resnet_layer(name):
    """conv3_block1_2_bn is stage_2_block_1_conv_2_bn; number 0 is the projection."""
    named = {"conv1_conv": "stem", "conv1_bn": "stem_bn", "predictions": "outputs"}
    if name in named:
        return named[name]
    stage, block, number, kind = name.split("_")
    part = "projection" if number == "0" else f"conv_{number}"
    ours = f"stage_{int(stage[-1]) - 1}_block_{block.removeprefix('block')}_{part}"
    return ours + ("_bn" if kind == "bn" else "")


def densenet_layer(name):
    """conv2_block3_1_conv is block_1_layer_3_conv_1, conv2_block3_0_bn what stands before it; pool2 is transition_1."""
    named = {"conv1_conv": "stem", "conv1_bn": "stem_bn", "bn": "last_bn", "predictions": "outputs"}
    if name in named:
        return named[name]
    if name.startswith("pool"):
        return f"transition_{int(name[4]) - 1}" + ("_bn" if name.endswith("bn") else "")
    block, layer, number, kind = name.split("_")
    convolution = int(number) + (kind == "bn")
    ours = f"block_{int(block[-1]) - 1}_layer_{layer.removeprefix('block')}_conv_{convolution}"
    return ours + ("_bn" if kind == "bn" else "")


def randomise(model):
    """Set biases and statistics as after training: biases other than 0, statistics other than 0 and 1."""
    for layer in model.layers:
        if getattr(layer, "bias", None) is not None:
            layer.bias.assign(RNG.normal(0, 0.1, layer.bias.shape))
        if isinstance(layer, keras.layers.BatchNormalization):
            shape = layer.gamma.shape
            layer.set_weights(
                [RNG.uniform(0.5, 1.5, shape), *RNG.normal(0, 0.1, (2, *shape)), RNG.uniform(0.5, 1.5, shape)]
            )


def transplant(source, target, name_of):
    """Biases that a normalisation follows go into its moving mean; another epsilon goes into its variance."""
    biases = {}
    for layer in source.layers:
        if not layer.weights:
            continue
        ours, weights = target.get_layer(name_of(layer.name)), layer.get_weights()
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = weights
            weights = [gamma, beta, mean - biases.pop(layer.name, 0.0), variance + EPSILON - OUR_EPSILON]
        elif len(weights) > len(ours.weights):
            biases["_bn".join(layer.name.rsplit("_conv", 1))] = weights.pop()
        ours.set_weights(weights)
    assert not biases


CASES = {
    "VGG16": (vgg, dict(configuration="D"), vgg_layer),
    "VGG19": (vgg, dict(configuration="E"), vgg_layer),
    "ResNet50": (resnet, dict(depth=50), resnet_layer),
    "ResNet101": (resnet, dict(depth=101), resnet_layer),
    "DenseNet121": (densenet, dict(depth=121), densenet_layer),
    "DenseNet169": (densenet, dict(depth=169), densenet_layer),
}


@pytest.mark.parametrize("name", CASES)
def test_network_equals_keras_application(name):
    build, params, name_of = CASES[name]
    source = getattr(keras.applications, name)(**APPLICATION)
    target = build((SIZE, SIZE, 3), CLASSES, **params, initializer="zeros")
    randomise(source)
    transplant(source, target, name_of)
    images = RNG.normal(size=(2, SIZE, SIZE, 3)).astype("float32")
    expected, got = (np.array(network(images, training=False)) for network in (source, target))
    assert np.ptp(expected) > 1e-3  # the images and the weights do matter
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
