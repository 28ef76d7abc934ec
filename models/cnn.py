"""A plain convolutional network of which every part can be chosen."""

from __future__ import annotations

import functools
from typing import Any, Literal

import keras

from models import blocks, checks, heads
from models.builder import checked
from models.options import (
    AnyCount,
    AnyCounts,
    Count,
    Counts,
    Factor,
    Kept,
    Momentum,
    Named,
    Noise,
    Normalization,
    Penalty,
    Share,
)

Reduction = Literal["max", "average", "strided", "strided 1x1"]


def check_together(
    dropout: float,
    spatial_dropout: float,
    uniform_dropout: float,
    normalization: Normalization,
    bn_momentum: float,
    bn_scale: bool,
    bn_center: bool,
) -> None:
    """Check options of `cnn` against each other.

    Raises:
        ValueError: two contradict each other.
    """
    kinds = {"dropout": dropout, "spatial_dropout": spatial_dropout, "uniform_dropout": uniform_dropout}
    checks.at_most_one(kinds, "stage")
    checks.normalised(normalization, bn_momentum, bn_scale, bn_center)


@checked(checks.image_shape, check_together)
def cnn(
    input_shape: tuple[int | None, ...],
    outputs: int,
    *,
    filters: Counts = (32, 64, 128),
    convolutions: Count = 2,
    kernel_size: Count = 3,
    bottleneck: Kept | None = None,
    inner_activation: bool = True,
    pointwise: AnyCount = 0,
    first_pointwise: Count | None = None,
    reduction: Reduction = "max",
    width: Factor = 1.0,
    activation: Named = "relu",
    initializer: Named = "he_normal",
    normalization: Normalization = "none",
    bn_momentum: Momentum = 0.99,
    bn_scale: bool = True,
    bn_center: bool = True,
    l2: Penalty = 0.0,
    use_bias: bool = True,
    dropout: Share = 0.0,
    spatial_dropout: Share = 0.0,
    uniform_dropout: Noise = 0.0,
    head: heads.Head = "dense",
    hidden: AnyCounts = (),
    head_dropout: Share = 0.0,
) -> keras.Model:
    """A convolutional network that ends in logits: stages of equal convolutions, each but the last halved at its end.

    Layers are called `stage_1_conv_1`, `stage_1_conv_1_bn`, `stage_1_conv_1_activation`, …, `stage_1_pool`,
    `stage_1_dropout`, …, `hidden_1`, …, `outputs`; those that options add `first_pointwise`, `stage_1_conv_1_reduce` in
    front of `stage_1_conv_1`, and `stage_1_pointwise_1`.

    Args:
        input_shape: (height, width, channels) or (height, width) of an image.
        outputs: the number of classes.
        filters: maps of each stage.
        convolutions: how many stand in each stage, one behind the other. Two of 3×3 see what one of 5×5 sees, three
            what one of 7×7 does.
        kernel_size: height and width of their kernels; maps keep their size.
        bottleneck: maps of a 1×1 convolution in front of each of these, as a share of the maps that leave, wherever
            that is fewer than enter (Szegedy et al. 2015, figure 2b); None for no such layer.
        inner_activation: whether the layers of a stage that stand before its last convolution of `kernel_size` have an
            activation. False leaves two 3×3 a single linear map, which sees 5×5.
        pointwise: how many 1×1 convolutions follow in each stage, as one does in VGG's configuration C.
        first_pointwise: maps of a 1×1 convolution in front of all; None for no such layer.
        reduction: what halves height and width between two stages: the "max" or the "average" of 2×2 pixels, or a
            convolution of stride 2 with as many maps, its kernel of `kernel_size` ("strided") or 1×1 ("strided 1x1").
        width: multiplies the number of maps.
        activation: of the layers, see `named.new_activation`.
        initializer: of the kernels, see `named.new_initializer`.
        normalization: whether batch normalisation stands before or after each activation.
        bn_momentum, bn_scale, bn_center: of batch normalisation, see `blocks.normalized`.
        l2: adds `l2 * sum(kernel ** 2)` of every kernel to the loss.
        use_bias: whether convolutions have a bias.
        dropout: share of the activations that dropout sets to zero at the end of each stage.
        spatial_dropout: share of the maps that are dropped whole there (Tompson et al. 2015, section 3.2).
        uniform_dropout: the spread of a noise there that drops nothing, see `layers.UniformDropout`.
        head: how maps become logits, see `heads.head`.
        hidden: units of the head's hidden layers.
        head_dropout: dropout in the head.

    Returns:
        A functional model from float (batch, *input_shape) to float32 (batch, outputs).

    Raises:
        ValueError: a shape or an option is not allowed; if the image is too small, the message says which size is large
            enough.

    Example:
        >>> from models import cnn
        >>> model = cnn((8, 8, 1), 10, filters=(4, 8), convolutions=1)
        >>> model.get_layer("stage_2_conv_1").output.shape
        (None, 4, 4, 8)
    """
    kernels: dict[str, Any] = dict(initializer=initializer, l2=l2)
    layer = functools.partial(
        blocks.hidden_convolution,
        normalization=normalization,
        batch_norm=functools.partial(blocks.normalized, momentum=bn_momentum, scale=bn_scale, center=bn_center),
        activation=activation,
        use_bias=use_bias,
        initializer=initializer,
        l2=l2,
    )
    inner = layer if inner_activation else functools.partial(layer, activation="linear")
    inputs, x = blocks.image_input(input_shape)
    if first_pointwise:
        x = layer(x, first_pointwise, 1, name="first_pointwise")
    for stage, each in enumerate(filters, start=1):
        maps, name = blocks.scaled(each, width), f"stage_{stage}"
        for number in range(1, convolutions + 1):
            if bottleneck and (fewer := blocks.scaled(maps, bottleneck)) < x.shape[-1]:
                x = inner(x, fewer, 1, name=f"{name}_conv_{number}_reduce")
            x = (layer if number == convolutions else inner)(x, maps, kernel_size, name=f"{name}_conv_{number}")
        for number in range(1, pointwise + 1):
            x = layer(x, maps, 1, name=f"{name}_pointwise_{number}")
        if stage < len(filters):
            if reduction in ("max", "average"):
                x = blocks.pool(x, reduction, 2, name=f"{name}_pool")
            else:
                x = layer(x, maps, kernel_size if reduction == "strided" else 1, strides=2, name=f"{name}_pool")
        if dropout:
            x = keras.layers.Dropout(dropout, name=f"{name}_dropout")(x)
        if spatial_dropout:
            x = keras.layers.SpatialDropout2D(spatial_dropout, name=f"{name}_dropout")(x)
        if uniform_dropout:
            from models.layers import UniformDropout

            x = UniformDropout(uniform_dropout, name=f"{name}_dropout")(x)
    x = heads.head(x, outputs, head, hidden=hidden, dropout=head_dropout, activation=activation, **kernels)
    return keras.Model(inputs, x, name="cnn")
