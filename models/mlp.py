"""Multilayer perceptrons: dense layers from a table or an image to logits or numbers, plain or residual."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

import keras

from models import blocks, checks
from models.builder import checked
from models.options import Count, Counts, Momentum, Named, Noise, Normalization, Penalty, Share

DropoutPlace = Literal["every layer", "last layer"]

DEFAULT_DEPTH = 2
DEFAULT_WIDTH = 100


def check_together(
    widths: Sequence[int] | None,
    depth: int | None,
    width: int | None,
    dropout: float,
    alpha_dropout: float,
    uniform_dropout: float,
    dropout_place: DropoutPlace,
    residual: bool,
    normalization: Normalization,
    bn_momentum: float,
    bn_scale: bool,
    bn_center: bool,
) -> None:
    """Check options of `mlp` against each other.

    Raises:
        ValueError: two contradict each other.
    """
    for name, value in {"depth": depth, "width": width}.items():
        if widths is not None and value is not None:
            raise ValueError(
                f"widths={widths!r} was given together with {name}={value!r}, and both say how large the layers are: "
                "give either widths, or depth and width."
            )
    kinds = {"dropout": dropout, "alpha_dropout": alpha_dropout, "uniform_dropout": uniform_dropout}
    checks.at_most_one(kinds, "layer")
    checks.normalised(normalization, bn_momentum, bn_scale, bn_center)
    layers = len(hidden_widths(widths, depth, width))
    if residual and layers % 2:
        raise ValueError(
            f"residual=True was given with an odd number of hidden layers, {layers}, and a block has two: "
            "give an even number of layers."
        )


@checked(together=check_together)
def mlp(
    input_shape: tuple[int, ...],
    outputs: int,
    *,
    widths: Counts | None = None,
    depth: Count | None = None,
    width: Count | None = None,
    activation: Named = "relu",
    initializer: Named = "glorot_uniform",
    normalization: Normalization = "none",
    bn_momentum: Momentum = 0.99,
    bn_scale: bool = True,
    bn_center: bool = True,
    dropout: Share = 0.0,
    alpha_dropout: Share = 0.0,
    uniform_dropout: Noise = 0.0,
    dropout_place: DropoutPlace = "every layer",
    residual: bool = False,
    l1: Penalty = 0.0,
    l2: Penalty = 0.0,
    use_bias: bool = True,
) -> keras.Model:
    """A multilayer perceptron that ends in logits or a linear output.

    A plain hidden layer is dense, (bn), activation, (bn), (dropout): bn stands before or after the activation. With
    `residual`, two layers make a block, in the order of He et al. 2015 ("Deep residual learning for image
    recognition", figure 2 and section 3.4), where the activation follows the addition:

        normalization "none" or "before": dense, (bn), activation, (dropout), dense, (bn), add, activation, (dropout)
        normalization "after":            dense, activation, bn, (dropout), dense, add, activation, bn, (dropout)

    The shortcut is the identity where the block's input is as wide as its output; elsewhere, and so mostly in the first
    block, it is a dense layer without activation, followed by bn under "before" as the branch is.

    Layers are named by their place: `hidden_1`, `hidden_1_bn`, `hidden_1_activation`, `hidden_1_dropout`, …, `outputs`;
    in block 1 also `block_1_projection`, `block_1_projection_bn` and `block_1_add`. What follows the addition belongs
    to the block's second layer: `hidden_2_activation`.

    Args:
        input_shape: of one example, without the batch axis; flattened if it has several axes.
        outputs: the number of classes or of predicted values.
        widths: units of each hidden layer, first to last.
        depth: instead of `widths`, the number of equal hidden layers; 2 if not given.
        width: with `depth`, the units of each; 100 if not given. So the default is `widths=(100, 100)`.
        activation: of the hidden layers, a name in `keras.activations`, with Keras' defaults ("leaky_relu" has slope
            0.2 below zero), or a mapping with a name and options, such as
            `{"name": "leaky_relu", "negative_slope": 0.01}`, see `named.new_activation`.
        initializer: of every kernel, the output's and the projections' too: a name in `keras.initializers`, or a
            mapping with its `name` and its options, such as `{"name": "random_normal", "stddev": 0.01}`. Biases start
            at zero.
        normalization: whether batch normalisation (Ioffe & Szegedy 2015) stands "before" or "after" each activation.
        bn_momentum, bn_scale, bn_center: of batch normalisation, see `blocks.normalized`.
        dropout: share of each hidden layer's activations that dropout sets to zero in training.
        alpha_dropout: the same for alpha dropout (Klambauer et al. 2017), made for SELU.
        uniform_dropout: instead, the spread of a noise that drops nothing, see `layers.UniformDropout`.
        dropout_place: which hidden layers have dropout of any kind: "every layer", or the "last layer", behind which no
            batch normalisation follows (Li et al. 2019).
        residual: whether to add shortcuts around every two layers.
        l1: adds `l1 * sum(|kernel|)` of every kernel to the loss.
        l2: adds `l2 * sum(kernel ** 2)` of every kernel to the loss.
        use_bias: whether hidden layers and projections have a bias. The output layer, which no normalisation follows,
            always has one.

    Returns:
        A functional model from float (batch, *input_shape) to float32 (batch, outputs).

    Raises:
        ValueError: a shape or an option is of the wrong type or out of range, options contradict each other, or Keras
            has no such activation or initializer.

    Example:
        >>> from models import mlp
        >>> model = mlp((8,), 1, widths=(30, 30))
        >>> model.output_shape, model.count_params()
        ((None, 1), 1231)
    """
    kernels = functools.partial(blocks.linear, initializer=initializer, l1=l1, l2=l2)
    batch_norm = functools.partial(blocks.normalized, momentum=bn_momentum, scale=bn_scale, center=bn_center)
    before, after = (batch_norm if normalization == place else None for place in ("before", "after"))
    linear = functools.partial(kernels, use_bias=use_bias, batch_norm=before)
    nonlinear = functools.partial(blocks.nonlinear, activation=activation, batch_norm=after)
    drop: dict[str, Any] = dict(dropout=dropout, alpha_dropout=alpha_dropout, uniform_dropout=uniform_dropout)

    inputs = keras.Input(tuple(input_shape), name="inputs")
    x = keras.layers.Flatten(name="flatten")(inputs) if len(input_shape) > 1 else inputs
    block_input = x
    layers = hidden_widths(widths, depth, width)
    for number, units in enumerate(layers, start=1):
        x = linear(x, units, name=f"hidden_{number}")
        ends_block = residual and number % 2 == 0
        if ends_block:
            block = f"block_{number // 2}"
            project = functools.partial(linear, units=units, name=f"{block}_projection")
            x = blocks.add_shortcut(block_input, x, name=block, project=project)
        is_dropped = dropout_place == "every layer" or number == len(layers)
        x = nonlinear(x, name=f"hidden_{number}", **(drop if is_dropped else {}))
        if ends_block:
            block_input = x
    # Logits in 16 bits would round the loss, whatever the policy of the layers before.
    return keras.Model(inputs, kernels(x, outputs, name="outputs", dtype=keras.config.floatx()), name="mlp")


def hidden_widths(widths: Sequence[int] | None, depth: int | None, width: int | None) -> tuple[int, ...]:
    """The units of each hidden layer, from `widths` or from `depth` and `width` with their defaults."""
    if widths is not None:
        return tuple(widths)
    return (width or DEFAULT_WIDTH,) * (depth or DEFAULT_DEPTH)


def matched_widths(shape: Sequence[float], parameters: int, inputs: int, outputs: int) -> tuple[int, ...]:
    """Widths in given proportions whose `mlp` has as nearly as possible a given number of parameters.

    They are the proportions times one factor, rounded: of all factors, the one whose network is nearest. With it, a
    funnel, its inverse and a bottleneck are compared at equal parameters. Counted are the kernels and biases of a plain
    network, sum of (n_in + 1) * n_out: not batch normalisation, which adds 4 numbers a unit.

    Args:
        shape: the proportions, first layer to last, such as (4, 3, 2, 1).
        parameters: how many there should be.
        inputs: features, or pixels, of an example.
        outputs: classes, or predicted values.

    Raises:
        ValueError: a proportion is not above 0, or even widths of 1 have more parameters.

    Example:
        >>> widths = matched_widths((4, 2, 1), 100_000, inputs=784, outputs=10)
        >>> widths, dense_parameters(widths, inputs=784, outputs=10)
        ((116, 58, 29), 99857)
    """
    shape = tuple(shape)
    if not shape or not all(share > 0 for share in shape):
        raise ValueError(f"shape={shape!r} is not a sequence of numbers above 0: give proportions, such as (4, 2, 1).")

    def scaled(factor: float) -> tuple[int, ...]:
        return tuple(max(1, round(factor * share)) for share in shape)

    def distance(widths: tuple[int, ...]) -> int:
        return abs(dense_parameters(widths, inputs, outputs) - parameters)

    least = dense_parameters((1,) * len(shape), inputs, outputs)
    if parameters < least:
        raise ValueError(f"parameters={parameters!r} is too few: {len(shape)} layers of 1 have {least}. Give more.")
    low, high = 0.0, 1.0
    while dense_parameters(scaled(high), inputs, outputs) < parameters:
        high *= 2
    for _ in range(64):  # halves of the interval, until only rounding is left of it
        middle = (low + high) / 2
        few = dense_parameters(scaled(middle), inputs, outputs) <= parameters
        low, high = (middle, high) if few else (low, middle)
    return min(scaled(low), scaled(high), key=distance)


def dense_parameters(widths: Sequence[int], inputs: int, outputs: int) -> int:
    """The parameters of dense layers one behind the other, their biases included.

    Example:
        >>> dense_parameters((300, 100), inputs=784, outputs=10)
        266610
    """
    sizes = (inputs, *widths, outputs)
    return sum((before + 1) * after for before, after in pairwise(sizes))
