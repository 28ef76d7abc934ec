"""Multilayer perceptrons: dense layers from a table or an image to logits or numbers, plain or residual."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import keras

from models import blocks
from models.builder import checked
from models.options import Count, Counts, Named, Normalization, Penalty, Share

DEFAULT_DEPTH = 2
DEFAULT_WIDTH = 100


def check_together(
    widths: Sequence[int] | None,
    depth: int | None,
    width: int | None,
    dropout: float,
    alpha_dropout: float,
    residual: bool,
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
    if dropout and alpha_dropout:
        raise ValueError(
            f"dropout={dropout!r} was given together with alpha_dropout={alpha_dropout!r}, and a layer takes one kind: "
            "set one of them to 0."
        )
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
    dropout: Share = 0.0,
    alpha_dropout: Share = 0.0,
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
        dropout: share of each hidden layer's activations that dropout sets to zero in training.
        alpha_dropout: the same for alpha dropout (Klambauer et al. 2017), made for SELU.
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
    linear = functools.partial(kernels, use_bias=use_bias, batch_norm=normalization == "before")
    nonlinear = functools.partial(
        blocks.nonlinear,
        activation=activation,
        batch_norm=normalization == "after",
        dropout=dropout,
        alpha_dropout=alpha_dropout,
    )

    inputs = keras.Input(tuple(input_shape), name="inputs")
    x = keras.layers.Flatten(name="flatten")(inputs) if len(input_shape) > 1 else inputs
    block_input = x
    for number, units in enumerate(hidden_widths(widths, depth, width), start=1):
        x = linear(x, units, name=f"hidden_{number}")
        ends_block = residual and number % 2 == 0
        if ends_block:
            block = f"block_{number // 2}"
            project = functools.partial(linear, units=units, name=f"{block}_projection")
            x = blocks.add_shortcut(block_input, x, name=block, project=project)
        x = nonlinear(x, name=f"hidden_{number}")
        if ends_block:
            block_input = x
    # Logits in 16 bits would round the loss, whatever the policy of the layers before.
    return keras.Model(inputs, kernels(x, outputs, name="outputs", dtype=keras.config.floatx()), name="mlp")


def hidden_widths(widths: Sequence[int] | None, depth: int | None, width: int | None) -> tuple[int, ...]:
    """The units of each hidden layer, from `widths` or from `depth` and `width` with their defaults."""
    if widths is not None:
        return tuple(widths)
    return (width or DEFAULT_WIDTH,) * (depth or DEFAULT_DEPTH)
