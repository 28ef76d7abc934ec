"""AlexNet (Krizhevsky et al. 2012, "ImageNet classification with deep convolutional neural networks", section 3.5)."""

from __future__ import annotations

import functools
from typing import Any

import keras

from models import blocks, checks, heads
from models.builder import checked
from models.options import AnyCounts, Count, Factor, Named, Normalization, Penalty, Share


def check_together(groups: int, width: float) -> None:
    """Check options of `alexnet` against each other.

    Raises:
        ValueError: the groups cannot share the channels equally.
    """
    for filters in (96, 256, 384):
        if blocks.scaled(filters, width) % groups:
            raise ValueError(
                f"groups={groups!r} does not divide {blocks.scaled(filters, width)} channels (width={width!r}): give "
                "groups=1, or another width."
            )


@checked(checks.image_shape, check_together)
def alexnet(
    input_shape: tuple[int | None, ...],
    outputs: int,
    *,
    first_kernel: Count = 11,
    first_stride: Count = 4,
    response_normalization: bool = True,
    groups: Count = 2,
    width: Factor = 1.0,
    activation: Named = "relu",
    initializer: Named = "he_normal",
    normalization: Normalization = "none",
    l2: Penalty = 0.0,
    head: heads.Head = "dense",
    hidden: AnyCounts = (4096, 4096),
    dropout: Share = 0.5,
) -> keras.Model:
    """AlexNet that ends in logits.

        conv_1: 96 maps 11×11, stride 4;  pool_1: max 3×3, stride 2;  conv_2: 256 maps 5×5;  pool_2;
        conv_3, conv_4: 384 maps 3×3;  conv_5: 256 maps 3×3;  pool_5;  hidden_1, hidden_2: 4096;  outputs

    The paper says 224×224 pixels and 55×55 places of the first layer. Both hold only with padding: 55 steps of 4 with a
    kernel of 11 span 227 pixels, three more than there are, and three cannot be split evenly. So an image is padded
    here by as many pixels as its last step lacks, the smaller half left and above, the larger right and below: by
    (1, 2) at 224, and not at all at 227. (Keras' "same" would pad by (3, 4) and give 56 places.)

    Args:
        input_shape: (height, width, channels) or (height, width) of an image.
        outputs: the number of classes.
        first_kernel: height and width of the first kernels. Small images take 5, with a stride of 1.
        first_stride: pixels between two places of the first layer.
        response_normalization: whether local response normalisation follows the first two activations (section 3.3).
        groups: parts of the channels that do not see each other in conv_2, conv_4 and conv_5, as on the paper's two
            GPUs.
        width: multiplies the number of maps.
        activation: of the layers, see `named.new_activation`.
        initializer: of the kernels, see `named.new_initializer`. The paper drew from a normal distribution of standard
            deviation .01 and set some biases to 1.
        normalization: where batch normalisation stands; the paper had none.
        l2: adds `l2 * sum(kernel ** 2)` of every kernel to the loss.
        head: how maps become logits, see `heads.head`.
        hidden: units of the dense layers.
        dropout: share of each dense layer's activations that dropout sets to zero (section 4.2).

    Returns:
        A functional model from float (batch, *input_shape) to float32 (batch, outputs).

    Raises:
        ValueError: a shape or an option is not allowed; if the image is too small, the message says which size is large
            enough.

    Example:
        >>> from models import alexnet
        >>> model = alexnet((64, 64, 3), 10, width=0.125, hidden=(64,))
        >>> model.output_shape
        (None, 10)
    """
    from models.layers import LocalResponseNormalization

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
    missing = [_missing(size, first_kernel, first_stride) for size in x.shape[1:3]]
    if any(missing):
        padding = tuple((short // 2, short - short // 2) for short in missing)
        x = keras.layers.ZeroPadding2D(padding, name="conv_1_padding")(x)
    x = layer(x, filters(96), first_kernel, strides=first_stride, padding="valid", name="conv_1")
    if response_normalization:
        x = LocalResponseNormalization(name="conv_1_lrn")(x)
    x = blocks.pool(x, "max", 3, strides=2, name="pool_1")
    x = layer(x, filters(256), 5, groups=groups, name="conv_2")
    if response_normalization:
        x = LocalResponseNormalization(name="conv_2_lrn")(x)
    x = blocks.pool(x, "max", 3, strides=2, name="pool_2")
    x = layer(x, filters(384), 3, name="conv_3")
    x = layer(x, filters(384), 3, groups=groups, name="conv_4")
    x = layer(x, filters(256), 3, groups=groups, name="conv_5")
    x = blocks.pool(x, "max", 3, strides=2, name="pool_5")
    x = heads.head(x, outputs, head, hidden=hidden, dropout=dropout, activation=activation, **kernels)
    return keras.Model(inputs, x, name="alexnet")


def _missing(size: int | None, kernel: int, stride: int) -> int:
    """Pixels that the last step lacks; 0 for an image of any size, where the number is not known."""
    return 0 if size is None or size < kernel else (kernel - size) % stride
