"""DenseNet (Huang et al. 2017, "Densely connected convolutional networks", table 1 and sections 3 and 4.2)."""

from __future__ import annotations

import functools
from typing import Any, Literal

import keras

from models import blocks, checks, heads
from models.builder import checked
from models.options import Count, Kept, Named, Normalization, Penalty, Share

Stem = Literal["large", "small"]
Shortcut = Literal["concatenation", "none"]
LARGE = {121: (6, 12, 24, 16), 169: (6, 12, 32, 32)}  # layers of each dense block
BOTTLENECK = 4  # times the growth rate: maps of a 1×1 convolution


def layers_of(depth: int, bottleneck: bool) -> tuple[int, ...]:
    """Layers of each dense block of the published network of a depth; those for small images have three equal blocks.

    Raises:
        ValueError: there is no published network of this depth.
    """
    if depth in LARGE and bottleneck:
        return LARGE[depth]
    each = 6 if bottleneck else 3
    if depth < 4 + each or (depth - 4) % each:
        depths = f"{', '.join(map(str, LARGE))}, nor {each}n + 4" if bottleneck else f"{each}n + 4"
        raise ValueError(
            f"depth={depth!r} with bottleneck={bottleneck} is not {depths}: give a published depth, such as 40 or 100."
        )
    return ((depth - 4) // each,) * 3


@checked(checks.image_shape, layers_of)
def densenet(
    input_shape: tuple[int | None, ...],
    outputs: int,
    *,
    depth: Count = 40,
    growth_rate: Count | None = None,
    compression: Kept = 0.5,
    bottleneck: bool = True,
    shortcut: Shortcut = "concatenation",
    stem: Stem | None = None,
    activation: Named = "relu",
    initializer: Named = "he_normal",
    normalization: Normalization = "before",
    l2: Penalty = 0.0,
    head: heads.Head = "average",
    dropout: Share = 0.0,
) -> keras.Model:
    """A densely connected network that ends in logits, or its plain twin.

    In a dense block each layer sees the maps of all before it. A layer is normalisation, activation, 1×1 convolution,
    normalisation, activation, 3×3 convolution. Between two blocks a transition halves height and width and keeps a
    share of the maps. Layers are called `stem`, `block_1_layer_1_conv_1`, `block_1_layer_1_conv_2`, `block_1_layer_1`
    where they are joined, `transition_1`, …

    Args:
        input_shape: (height, width, channels) or (height, width) of an image.
        outputs: the number of classes.
        depth: layers with weights: 121 or 169 of table 1, or three equal blocks for small images: 6n + 4 with
            bottlenecks (22, 40, 100), 3n + 4 without.
        growth_rate: maps that each layer adds, k. If not given, as published: 32 for 121 and 169, 12 for small ones.
        compression: share of the maps that a transition keeps, θ; 1 keeps all. .5 with bottlenecks is DenseNet-BC.
        bottleneck: whether a 1×1 convolution to 4k maps stands before each 3×3.
        shortcut: "none" makes the plain twin: each layer sees the k maps of the one before it, and nothing is joined.
        stem: "large": 7×7 convolution of stride 2 to 2k maps and 3×3 maximum of stride 2. "small": one 3×3 convolution,
            to 2k maps under compression and to 16 without. If not given, as published for the depth.
        activation: of the layers, see `named.new_activation`.
        initializer: of the kernels, see `named.new_initializer`.
        normalization: whether batch normalisation stands before or after each activation. With "before", as published,
            convolutions have no bias.
        l2: adds `l2 * sum(kernel ** 2)` of every kernel to the loss.
        head: how maps become logits, see `heads.head`.
        dropout: share of each convolution's output in the dense blocks that dropout sets to zero (section 4.2).

    Returns:
        A functional model from float (batch, *input_shape) to float32 (batch, outputs).

    Raises:
        ValueError: a shape or an option is not allowed; if the image is too small, the message says which size is large
            enough.

    Example:
        >>> from models import densenet
        >>> model = densenet((32, 32, 3), 10, depth=10, growth_rate=4)
        >>> model.output_shape
        (None, 10)
    """
    is_large = depth in LARGE and bottleneck
    growth = growth_rate or (32 if is_large else 12)
    stem = stem or ("large" if is_large else "small")
    kernels: dict[str, Any] = dict(initializer=initializer, l2=l2)
    before, after = normalization == "before", blocks.normalized if normalization == "after" else None
    convolve = functools.partial(blocks.convolution, use_bias=not before, initializer=initializer, l2=l2)
    nonlinear = functools.partial(blocks.nonlinear, activation=activation, batch_norm=after)

    def activated(x: Any, name: str) -> Any:
        return nonlinear(blocks.normalized(x, name=name) if before else x, name=name)

    def layer(x: Any, name: str) -> Any:
        new = x
        for number, (maps, size) in enumerate(((BOTTLENECK * growth, 1), (growth, 3))[not bottleneck :], start=1):
            new = convolve(activated(new, f"{name}_conv_{number}"), maps, size, name=f"{name}_conv_{number}")
            if dropout:
                new = keras.layers.Dropout(dropout, name=f"{name}_dropout_{number}")(new)
        return keras.layers.Concatenate(name=name)([x, new]) if shortcut == "concatenation" else new

    inputs, x = blocks.image_input(input_shape)
    if stem == "large":
        x = convolve(x, 2 * growth, 7, strides=2, name="stem")
        x = activated(x, "stem")
        x = keras.layers.ZeroPadding2D(1, name="stem_pool_padding")(x)
        x = blocks.pool(x, "max", 3, strides=2, name="stem_pool")
    else:
        x = convolve(x, 2 * growth if compression < 1 else 16, 3, name="stem")
    counts = layers_of(depth, bottleneck)
    for block, count in enumerate(counts, start=1):
        for number in range(1, count + 1):
            x = layer(x, f"block_{block}_layer_{number}")
        if block < len(counts):
            x = activated(x, f"transition_{block}")
            x = convolve(x, max(1, int(x.shape[-1] * compression)), 1, name=f"transition_{block}")
            x = blocks.pool(x, "average", 2, name=f"transition_{block}_pool")
    x = heads.head(activated(x, "last"), outputs, head, **kernels)
    return keras.Model(inputs, x, name=f"densenet_{depth}" if shortcut != "none" else f"plain_densenet_{depth}")
