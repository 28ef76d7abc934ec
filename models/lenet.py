"""LeNet-5 (LeCun et al. 1998, "Gradient-based learning applied to document recognition", section II.B, figure 2)."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, Literal

import keras

from models import blocks, checks, heads
from models.builder import checked
from models.options import Factor, Named, Normalization, Penalty, Share

Subsampling = Literal["max", "average", "trained"]
Connections = Literal["full", "table"]
# Which of S2's six maps each of C3's sixteen sees (table I of the paper).
TABLE = (
    *((first, (first + 1) % 6, (first + 2) % 6) for first in range(6)),
    *(tuple((first + step) % 6 for step in range(4)) for first in range(6)),
    *((first, first + 1, (first + 3) % 6, (first + 4) % 6) for first in range(3)),
    tuple(range(6)),
)


def check_together(connections: Connections, width: float) -> None:
    """Check options of `lenet` against each other.

    Raises:
        ValueError: two contradict each other.
    """
    if connections == "table" and width != 1:
        raise ValueError(
            f"connections='table' was given together with width={width!r}, and the table is made for six and sixteen "
            "maps: give connections='full', or width=1."
        )


@checked(checks.image_shape, check_together)
def lenet(
    input_shape: tuple[int | None, ...],
    outputs: int,
    *,
    padding: Literal["same", "valid"] = "same",
    subsampling: Subsampling = "max",
    connections: Connections = "full",
    width: Factor = 1.0,
    activation: Named = "relu",
    initializer: Named = "he_normal",
    normalization: Normalization = "none",
    l2: Penalty = 0.0,
    head: heads.Head = "dense",
    dropout: Share = 0.0,
) -> keras.Model:
    """LeNet-5 that ends in logits.

        c1: 6 maps 5×5;  s2: 2×2;  c3: 16 maps 5×5;  s4: 2×2;  c5: 120 maps 5×5;  f6: 84;  outputs

    As published (`lenet5` in `models.PUBLISHED`) it takes 32×32 pixels, `padding="valid"`, subsampling="trained",
    `connections="table"`, `activation="tanh"`, and has the 60,000 parameters of the paper below its output, which was
    radial basis functions with fixed centres and is a dense layer here. The defaults are what the name mostly stands
    for today: 28×28 pixels, padded by two to 32×32, with maxima and ReLU.

    Args:
        input_shape: (height, width, channels) or (height, width) of an image.
        outputs: the number of classes.
        padding: of the first convolution: two pixels on each side, or none.
        subsampling: "max", "average", or "trained": as published, the average of each map times a coefficient, plus a
            bias, both trained, and then the activation.
        connections: whether each map of c3 sees all maps of s2, or those that the paper's table I says.
        width: multiplies the number of maps and of units.
        activation: of the layers, see `named.new_activation`.
        initializer: of the kernels, see `named.new_initializer`.
        normalization: where batch normalisation stands.
        l2: adds `l2 * sum(kernel ** 2)` of every kernel to the loss.
        head: how maps become f6, see `heads.head`; with "dense", c5's maps are flattened, on 32×32 to a pixel each.
        dropout: share of f6 that dropout sets to zero.

    Returns:
        A functional model from float (batch, *input_shape) to float32 (batch, outputs).

    Raises:
        ValueError: a shape or an option is not allowed; if the image is too small, the message says which size is large
            enough.

    Example:
        >>> from models import lenet
        >>> model = lenet((28, 28, 1), 10)
        >>> model.output_shape, model.count_params()
        ((None, 10), 61706)
    """
    kernels: dict[str, Any] = dict(initializer=initializer, l2=l2)
    layer = functools.partial(
        blocks.hidden_convolution,
        normalization=normalization,
        activation=activation,
        padding="valid",
        initializer=initializer,
        l2=l2,
    )
    inputs, x = blocks.image_input(input_shape)
    x = layer(x, blocks.scaled(6, width), 5, name="c1", padding=padding)
    x = _subsample(x, subsampling, activation, name="s2")
    if connections == "table":
        from models.layers import SelectChannels

        maps = []
        for number, seen in enumerate(TABLE, start=1):
            few = SelectChannels(seen, name=f"c3_map_{number}_inputs")(x)
            maps.append(blocks.convolution(few, 1, 5, name=f"c3_map_{number}", padding="valid", **kernels))
        x = keras.layers.Concatenate(name="c3")(maps)
        x = blocks.nonlinear(x, name="c3", activation=activation)
    else:
        x = layer(x, blocks.scaled(16, width), 5, name="c3")
    x = _subsample(x, subsampling, activation, name="s4")
    x = layer(x, blocks.scaled(120, width), 5, name="c5")
    x = heads.head(
        x, outputs, head, hidden=(blocks.scaled(84, width),), dropout=dropout, activation=activation, **kernels
    )
    return keras.Model(inputs, x, name="lenet")


def _subsample(x: Any, kind: Subsampling, activation: str | Mapping[str, Any], name: str) -> Any:
    x = blocks.pool(x, "max" if kind == "max" else "average", 2, name=name)
    if kind == "trained":
        x = keras.layers.DepthwiseConv2D(1, depthwise_initializer="ones", name=f"{name}_coefficient")(x)
        x = blocks.nonlinear(x, name=name, activation=activation)
    return x
