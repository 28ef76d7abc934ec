"""GoogLeNet (Szegedy et al. 2015, "Going deeper with convolutions", table 1)."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Literal

import keras

from models import blocks, checks, heads
from models.builder import checked
from models.options import Factor, Named, Normalization, Penalty, Share

Stem = Literal["large", "small"]
# Filters of each inception block: 1×1; 3×3, its reduction first; 5×5, its reduction first; behind the pooling.
FILTERS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
LAST_OF_A_SIZE = ("3b", "4e")
WITH_CLASSIFIER = ("4a", "4d")
AUXILIARY_DROPOUT = 0.7


@checked(checks.image_shape)
def googlenet(
    input_shape: tuple[int | None, ...],
    outputs: int,
    *,
    stem: Stem = "large",
    auxiliary: bool = True,
    auxiliary_weight: Penalty = 0.3,
    response_normalization: bool = True,
    width: Factor = 1.0,
    activation: Named = "relu",
    initializer: Named = "he_normal",
    normalization: Normalization = "none",
    l2: Penalty = 0.0,
    head: heads.Head = "average",
    dropout: Share = 0.4,
) -> keras.Model:
    """GoogLeNet that ends in logits: nine inception blocks, and two auxiliary classifiers while it is trained.

    The layers of a block are called `inception_3a_1x1`, `inception_3a_3x3_reduce`, `inception_3a_3x3`,
    `inception_3a_5x5_reduce`, `inception_3a_5x5`, `inception_3a_pool`, `inception_3a_pool_projection`, and
    `inception_3a`, where they are joined.

    Args:
        input_shape: (height, width, channels) or (height, width) of an image.
        outputs: the number of classes.
        stem: what stands before the first block. "large" is the published one, which divides height and width by 8;
            "small" is one 3×3 convolution at full size and a maximum of stride 2.
        auxiliary: whether classifiers are attached to blocks 4a and 4d. The model is then a
            `models.auxiliary.WithAuxiliaries`, whose answer is its main output only.
        auxiliary_weight: of each auxiliary classifier's loss.
        response_normalization: whether local response normalisation stands in the large stem.
        width: multiplies the number of maps, and of the auxiliary classifiers' units.
        activation: of the layers, see `named.new_activation`.
        initializer: of the kernels, see `named.new_initializer`.
        normalization: where batch normalisation stands; the paper had none.
        l2: adds `l2 * sum(kernel ** 2)` of every kernel to the loss.
        head: how maps become logits, see `heads.head`.
        dropout: share of what enters the last layer that dropout sets to zero.

    Returns:
        A functional model from float (batch, *input_shape) to float32 (batch, outputs).

    Raises:
        ValueError: a shape or an option is not allowed; if the image is too small, the message says which size is large
            enough.

    Example:
        >>> from models import googlenet
        >>> model = googlenet((28, 28, 1), 10, stem="small", width=0.125)
        >>> len(model.outputs), model.outputs[0].shape
        (3, (None, 10))
    """
    from models.auxiliary import WithAuxiliaries

    if auxiliary and None in input_shape:
        raise ValueError(
            f"input_shape={input_shape!r} leaves the size of the images open, and auxiliary classifiers need it: give "
            "a size, or auxiliary=False."
        )
    kernels: dict[str, Any] = dict(initializer=initializer, l2=l2)
    layer = functools.partial(
        blocks.hidden_convolution,
        normalization=normalization,
        activation=activation,
        initializer=initializer,
        l2=l2,
    )
    filters = functools.partial(blocks.scaled, width=width)

    inputs, x = blocks.image_input(input_shape)
    x = _large_stem(x, layer, filters, response_normalization) if stem == "large" else _small_stem(x, layer, filters)
    others: list[Any] = []
    for block, sizes in FILTERS.items():
        x = _inception(x, layer, tuple(map(filters, sizes)), name=f"inception_{block}")
        if auxiliary and block in WITH_CLASSIFIER:
            name = f"auxiliary_{len(others) + 1}"
            side = blocks.pool(x, "average", 5, strides=3, name=f"{name}_pool")
            side = layer(side, filters(128), 1, name=f"{name}_conv")
            units = (filters(1024),)
            others.append(
                heads.head(
                    side, outputs, "dense", hidden=units, name=f"{name}_", dropout=AUXILIARY_DROPOUT,
                    activation=activation, **kernels,
                )
            )  # fmt: skip
        if block in LAST_OF_A_SIZE:
            x = blocks.pool(x, "max", 3, strides=2, padding="same", name=f"pool_{block[0]}")
    x = heads.head(x, outputs, head, dropout=dropout, **kernels)
    if not others:
        return keras.Model(inputs, x, name="googlenet")
    model = WithAuxiliaries(inputs, [x, *others], name="googlenet")
    model.auxiliary_weight = auxiliary_weight
    return model


def _large_stem(x: Any, layer: Callable[..., Any], filters: Callable[[int], int], response_normalization: bool) -> Any:
    from models.layers import LocalResponseNormalization

    x = layer(x, filters(64), 7, strides=2, name="conv_1")
    # Where a window reaches over the edge it is cut, on the right and below, as Caffe's pooling had it.
    x = blocks.pool(x, "max", 3, strides=2, padding="same", name="pool_1")
    if response_normalization:
        x = LocalResponseNormalization(name="pool_1_lrn")(x)
    x = layer(x, filters(64), 1, name="conv_2_reduce")
    x = layer(x, filters(192), 3, name="conv_2")
    if response_normalization:
        x = LocalResponseNormalization(name="conv_2_lrn")(x)
    return blocks.pool(x, "max", 3, strides=2, padding="same", name="pool_2")


def _small_stem(x: Any, layer: Callable[..., Any], filters: Callable[[int], int]) -> Any:
    x = layer(x, filters(192), 3, name="conv_1")
    return blocks.pool(x, "max", 3, strides=2, padding="same", name="pool_1")


def _inception(x: Any, layer: Callable[..., Any], filters: tuple[int, ...], name: str) -> Any:
    """Four ways side by side, joined along the channels (figure 2b)."""
    ones, reduce_3, threes, reduce_5, fives, behind_pool = filters
    pooled = blocks.pool(x, "max", 3, strides=1, padding="same", name=f"{name}_pool")
    ways = [
        layer(x, ones, 1, name=f"{name}_1x1"),
        layer(layer(x, reduce_3, 1, name=f"{name}_3x3_reduce"), threes, 3, name=f"{name}_3x3"),
        layer(layer(x, reduce_5, 1, name=f"{name}_5x5_reduce"), fives, 5, name=f"{name}_5x5"),
        layer(pooled, behind_pool, 1, name=f"{name}_pool_projection"),
    ]
    return keras.layers.Concatenate(name=name)(ways)
