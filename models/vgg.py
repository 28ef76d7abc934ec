"""VGG (Simonyan & Zisserman 2015, "Very deep convolutional networks for large-scale image recognition", table 1)."""

from __future__ import annotations

import functools
from typing import Annotated, Any, Literal

import keras
from annotated_types import Interval, doc

from models import blocks, checks, heads
from models.builder import checked
from models.options import AnyCounts, Factor, Named, Normalization, Penalty, Share

Configuration = Literal["A", "B", "C", "D", "E"]
Stages = Annotated[int, Interval(ge=1, le=5), doc("how many of the five stages, such as 3")]
# The kernels of each of the five stages, as table 1 has them.
KERNELS: dict[str, tuple[tuple[int, ...], ...]] = {
    "A": ((3,), (3,), (3, 3), (3, 3), (3, 3)),
    "B": ((3, 3),) * 5,
    "C": ((3, 3), (3, 3), (3, 3, 1), (3, 3, 1), (3, 3, 1)),
    "D": ((3, 3), (3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3)),
    "E": ((3, 3), (3, 3), (3, 3, 3, 3), (3, 3, 3, 3), (3, 3, 3, 3)),
}
FILTERS = (64, 128, 256, 512, 512)


@checked(checks.image_shape)
def vgg(
    input_shape: tuple[int | None, ...],
    outputs: int,
    *,
    configuration: Configuration = "D",
    stages: Stages = 5,
    width: Factor = 1.0,
    activation: Named = "relu",
    initializer: Named = "he_normal",
    normalization: Normalization = "none",
    l2: Penalty = 0.0,
    head: heads.Head = "dense",
    hidden: AnyCounts = (4096, 4096),
    dropout: Share = 0.5,
) -> keras.Model:
    """VGG that ends in logits: stages of small convolutions, each ended by a pooling that halves height and width.

    Layers are called `stage_1_conv_1`, …, `stage_1_pool`, …, `hidden_1`, `hidden_2`, `outputs`.

    Args:
        input_shape: (height, width, channels) or (height, width) of an image.
        outputs: the number of classes.
        configuration: a column of the paper's table 1. Layers with weights: A 11, B 13, C 16 with some 1×1 kernels,
            D 16 (known as VGG16), E 19 (VGG19).
        stages: the first so many of the five, for small images: three take 28×28 to 3×3.
        width: multiplies the number of maps.
        activation: of the layers, see `named.new_activation`.
        initializer: of the kernels, see `named.new_initializer`. The paper trained A first, and put its weights into
            the deeper ones.
        normalization: where batch normalisation stands; the paper had none.
        l2: adds `l2 * sum(kernel ** 2)` of every kernel to the loss.
        head: how maps become logits, see `heads.head`.
        hidden: units of the dense layers.
        dropout: share of each dense layer's activations that dropout sets to zero (section 3.1).

    Returns:
        A functional model from float (batch, *input_shape) to float32 (batch, outputs).

    Raises:
        ValueError: a shape or an option is not allowed; if the image is too small, the message says which size is large
            enough.

    Example:
        >>> from models import vgg
        >>> model = vgg((28, 28, 1), 10, configuration="A", stages=3, width=0.25, hidden=(64,))
        >>> model.output_shape
        (None, 10)
    """
    kernels: dict[str, Any] = dict(initializer=initializer, l2=l2)
    layer = functools.partial(
        blocks.hidden_convolution,
        normalization=normalization,
        activation=activation,
        initializer=initializer,
        l2=l2,
    )

    inputs, x = blocks.image_input(input_shape)
    for stage, (sizes, filters) in enumerate(zip(KERNELS[configuration][:stages], FILTERS, strict=False), start=1):
        for number, size in enumerate(sizes, start=1):
            x = layer(x, blocks.scaled(filters, width), size, name=f"stage_{stage}_conv_{number}")
        x = blocks.pool(x, "max", 2, name=f"stage_{stage}_pool")
    x = heads.head(x, outputs, head, hidden=hidden, dropout=dropout, activation=activation, **kernels)
    return keras.Model(inputs, x, name=f"vgg_{configuration}")
