"""A residual network for tables: pre-activation blocks of dense layers with batch normalisation."""

from __future__ import annotations

import functools

import keras

from models import blocks
from models.builder import checked
from models.options import Count, Named, Share


@checked()
def tabular_resnet(
    input_shape: tuple[int, ...],
    outputs: int,
    *,
    depth: Count = 3,
    width: Count = 168,
    hidden_factor: Count = 2,
    hidden_dropout: Share = 0.0,
    residual_dropout: Share = 0.0,
    batch_norm: bool = True,
    shortcut: bool = True,
    activation: Named = "relu",
    initializer: Named = "glorot_uniform",
) -> keras.Model:
    """ResNet of Gorishniy et al. 2021, "Revisiting Deep Learning Models for Tabular Data", section 3.3.

        dense, block, …, block, (bn), activation, dense
        block: x + (dropout)(dense((dropout)(activation(dense((bn)(x))))))

    The first dense layer and the shortcuts are `width` wide, the inside of a block `hidden_factor * width`.
    `hidden_dropout` stands behind the activation inside a block, `residual_dropout` at its end.

    Layers are named by their place: `embedding`, `block_1_bn`, `block_1_hidden`, `block_1_hidden_activation`,
    `block_1_hidden_dropout`, `block_1_linear`, `block_1_dropout`, `block_1_add`, …, `last_bn`, `last_activation`,
    `outputs`.

    Args:
        input_shape: of one row; flattened if it has several axes.
        outputs: the number of classes or of predicted values.
        depth: the number of blocks.
        width: of the shortcuts.
        hidden_factor: how much wider the inside of a block is.
        hidden_dropout, residual_dropout: shares that dropout sets to zero in training.
        batch_norm: whether there is batch normalisation.
        shortcut: whether there are shortcuts; without them it is the plain twin.
        activation: see `mlp`.
        initializer: of every kernel, see `mlp`.

    Returns:
        A functional model from float (batch, *input_shape) to float32 (batch, outputs).

    Raises:
        ValueError: a shape or an option is of the wrong type or out of range.

    Example:
        >>> from models import tabular_resnet
        >>> tabular_resnet((8,), 1, width=4, depth=1).count_params()
        149
    """
    dense = functools.partial(blocks.linear, initializer=initializer)

    def prepared(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
        return blocks.normalized(x, name=name) if batch_norm else x

    inputs = keras.Input(tuple(input_shape), name="inputs")
    x = keras.layers.Flatten(name="flatten")(inputs) if len(input_shape) > 1 else inputs
    x = dense(x, width, name="embedding")
    for number in range(1, depth + 1):
        name = f"block_{number}"
        inside = dense(prepared(x, name), hidden_factor * width, name=f"{name}_hidden")
        inside = blocks.nonlinear(inside, name=f"{name}_hidden", activation=activation, dropout=hidden_dropout)
        branch = dense(inside, width, name=f"{name}_linear")
        if residual_dropout:
            branch = keras.layers.Dropout(residual_dropout, name=f"{name}_dropout")(branch)
        x = keras.layers.Add(name=f"{name}_add")([x, branch]) if shortcut else branch
    x = blocks.nonlinear(prepared(x, "last"), name="last", activation=activation)
    return keras.Model(inputs, dense(x, outputs, name="outputs", dtype="float32"), name="tabular_resnet")
