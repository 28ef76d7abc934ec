"""Residual networks (He et al. 2015, "Deep residual learning for image recognition"; 2016, "Identity mappings in deep
residual networks").
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Literal

import keras

from models import blocks, checks, heads
from models.builder import checked
from models.options import Count, Factor, Momentum, Named, Normalization, Penalty, Share

Shortcut = Literal["identity", "projection", "all projections", "none"]
Stem = Literal["large", "small"]
# Layers with weights: convolutions of a block, and blocks of each stage (2015, table 1).
LARGE = {18: (2, (2, 2, 2, 2)), 34: (2, (3, 4, 6, 3)), 50: (3, (3, 4, 6, 3)), 101: (3, (3, 4, 23, 3))}
EXPANSION = 4  # of the last 1×1 convolution of a block of three


def stages_of(depth: int) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    """Convolutions of a block, blocks of each stage, and filters of each stage, of the published network of a depth.

    Raises:
        ValueError: there is no published network of this depth.
    """
    if depth in LARGE:
        return *LARGE[depth], (64, 128, 256, 512)
    if depth < 8 or depth % 6 != 2:
        raise ValueError(
            f"depth={depth!r} is not {', '.join(map(str, LARGE))}, nor 6n + 2: give one of these, or a small one "
            "such as 20, 32, 44 or 56."
        )
    return 2, (depth // 6,) * 3, (16, 32, 64)


def check_together(
    depth: int, activation: Any, shortcut: Shortcut | None, normalization: Normalization, bn_momentum: float,
    bn_scale: bool, bn_center: bool,
) -> None:  # fmt: skip
    """Check options of `resnet` against each other.

    Raises:
        ValueError: there is no network of this depth, or options contradict each other.
    """
    stages_of(depth)
    checks.normalised(normalization, bn_momentum, bn_scale, bn_center)
    if activation == "crelu" and (shortcut or _published_shortcut(depth)) == "identity":
        raise ValueError(
            "activation='crelu' doubles the channels in front of each block, and identity shortcuts cannot take some "
            "away: give shortcut='projection'."
        )


@checked(checks.image_shape, check_together)
def resnet(
    input_shape: tuple[int | None, ...],
    outputs: int,
    *,
    depth: Count = 20,
    shortcut: Shortcut | None = None,
    order: Literal["post", "pre"] = "post",
    stem: Stem | None = None,
    width: Factor = 1.0,
    activation: Named = "relu",
    initializer: Named = "he_normal",
    normalization: Normalization = "before",
    bn_momentum: Momentum = 0.99,
    bn_scale: bool = True,
    bn_center: bool = True,
    l2: Penalty = 0.0,
    head: heads.Head = "average",
    dropout: Share = 0.0,
) -> keras.Model:
    """A residual network that ends in logits, or its plain twin.

    Depths 18, 34, 50 and 101 are the four of 2015, table 1, with the filters of that table; 6n + 2 (20, 32, 44, 56, …)
    are those for small images of section 4.2: three stages of n blocks with 16, 32 and 64 filters. Where a stage begins
    with half the height and width, its first convolution strides, as published (others let the 3×3 of a block of three
    stride instead).

    Layers are called `stem`, `stage_1_block_1_conv_1`, …, `stage_1_block_1_projection`, `stage_1_block_1_add`, …

    Args:
        input_shape: (height, width, channels) or (height, width) of an image.
        outputs: the number of classes.
        depth: layers with weights.
        shortcut: what stands beside a block whose output has another shape than its input: with "identity" (option A of
            2015, section 3.3) every second pixel, and zeros in the further channels; with "projection" (B) a 1×1
            convolution; "all projections" (C) puts one beside every block; "none" makes the plain network. If not
            given, as published: projections from depth 18, 34, 50 and 101, identity for the small ones.
        order: "post": convolution, normalisation, activation, the last activation behind the addition (2015). "pre":
            normalisation, activation, convolution, with nothing but additions on the shortcut's way (2016, figure 1b
            and appendix: the first block sees what the stem has activated, and the last sum is activated once more).
        stem: "large": 7×7 convolution of stride 2 and 3×3 maximum of stride 2. "small": one 3×3 convolution. If not
            given, as published for the depth.
        width: multiplies the number of filters.
        activation: of the layers, see `named.new_activation`.
        initializer: of the kernels, see `named.new_initializer`.
        normalization: whether batch normalisation stands before or after each activation. Convolutions that it follows
            have no bias.
        bn_momentum, bn_scale, bn_center: of batch normalisation, see `blocks.normalized`.
        l2: adds `l2 * sum(kernel ** 2)` of every kernel to the loss.
        head: how maps become logits, see `heads.head`.
        dropout: share of what enters the last layer that dropout sets to zero.

    Returns:
        A functional model from float (batch, *input_shape) to float32 (batch, outputs).

    Raises:
        ValueError: a shape or an option is not allowed; if the image is too small, the message says which size is large
            enough.

    Example:
        >>> from models import resnet
        >>> model = resnet((32, 32, 3), 10, depth=8)
        >>> model.output_shape
        (None, 10)
    """
    convolutions, counts, filters = stages_of(depth)
    shortcut = shortcut or _published_shortcut(depth)
    stem = stem or ("large" if depth in LARGE else "small")
    kernels: dict[str, Any] = dict(initializer=initializer, l2=l2)
    is_post, before = order == "post", normalization == "before"
    batch_norm = functools.partial(blocks.normalized, momentum=bn_momentum, scale=bn_scale, center=bn_center)
    first, after = (batch_norm if normalization == place else None for place in ("before", "after"))
    convolve = functools.partial(blocks.convolution, use_bias=not before, initializer=initializer, l2=l2)
    linear = functools.partial(convolve, batch_norm=first)
    nonlinear = functools.partial(blocks.nonlinear, activation=activation, batch_norm=after)

    def activated(x: Any, name: str) -> Any:
        return nonlinear(batch_norm(x, name=name) if before else x, name=name)

    block = functools.partial(
        _block,
        convolutions=convolutions,
        shortcut=shortcut,
        convolve=linear if is_post else convolve,
        between=nonlinear if is_post else activated,
    )
    inputs, x = blocks.image_input(input_shape)
    x = linear(x, blocks.scaled(filters[0], width), 7 if stem == "large" else 3, strides=2 if stem == "large" else 1,
               name="stem")  # fmt: skip
    x = nonlinear(x, name="stem")
    if stem == "large":
        x = keras.layers.ZeroPadding2D(1, name="stem_pool_padding")(x)
        x = blocks.pool(x, "max", 3, strides=2, name="stem_pool")
    for stage, (count, maps) in enumerate(zip(counts, filters, strict=True), start=1):
        for number in range(1, count + 1):
            name = f"stage_{stage}_block_{number}"
            strides = 2 if number == 1 and stage > 1 else 1
            begins = stage == number == 1
            if is_post:
                x = nonlinear(block(x, blocks.scaled(maps, width), strides, name=name), name=name)
            else:
                entry = x if begins else activated(x, name)
                x = block(entry, blocks.scaled(maps, width), strides, name=name, beside=x)
    if not is_post:
        x = activated(x, "last")
    x = heads.head(x, outputs, head, dropout=dropout, **kernels)
    return keras.Model(inputs, x, name=f"resnet_{depth}" if shortcut != "none" else f"plain_{depth}")


def _published_shortcut(depth: int) -> Shortcut:
    return "projection" if depth in LARGE else "identity"


def _block(
    x: Any,
    filters: int,
    strides: int,
    *,
    name: str,
    convolutions: int,
    shortcut: Shortcut,
    convolve: Callable[..., Any],
    between: Callable[..., Any],
    beside: Any = None,
) -> Any:
    """Two 3×3 convolutions, or 1×1, 3×3 and 1×1, and the sum with their shortcut.

    Args:
        x: what enters the convolutions; in a pre-activated block it is activated.
        beside: what enters an identity shortcut, where that is not `x`; projections take `x` (2016, section 4.1).
    """
    sizes = ((3, filters), (3, filters))
    if convolutions == 3:
        sizes = ((1, filters), (3, filters), (1, EXPANSION * filters))  # type: ignore[assignment]
    branch = x
    for number, (size, maps) in enumerate(sizes, start=1):
        if number > 1:
            branch = between(branch, name=f"{name}_conv_{number - 1}")
        branch = convolve(branch, maps, size, strides=strides if number == 1 else 1, name=f"{name}_conv_{number}")
    if shortcut == "none":
        return branch
    beside = x if beside is None else beside
    if shortcut == "identity":
        project = functools.partial(_pad, strides=strides, filters=sizes[-1][1], name=name)
        return blocks.add_shortcut(beside, branch, name=name, project=project)
    projected = shortcut == "all projections" or strides > 1 or beside.shape != branch.shape
    if projected:
        beside = convolve(x, sizes[-1][1], 1, strides=strides, name=f"{name}_projection")
    return keras.layers.Add(name=f"{name}_add")([branch, beside])


def _pad(x: Any, strides: int, filters: int, name: str) -> Any:
    from models.layers import PadChannels

    if strides > 1:
        x = blocks.pool(x, "max", 1, strides=strides, name=f"{name}_subsampled")
    return PadChannels(filters, name=f"{name}_padded")(x)
