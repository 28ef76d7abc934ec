"""The end of a network for images: from feature maps to logits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import keras

from models import blocks

Head = Literal["dense", "average", "convolution"]


def head(
    x: keras.KerasTensor,
    outputs: int,
    kind: Head,
    *,
    hidden: Sequence[int] = (),
    name: str = "",
    dropout: float = 0.0,
    activation: str | Mapping[str, Any] = "relu",
    **options: Any,
) -> keras.KerasTensor:
    """Logits, or numbers, from feature maps.

    Args:
        x: float tensor (batch, height, width, channels).
        outputs: the number of classes or of predicted values.
        kind: "dense" flattens the maps, which needs images of one size; "average" averages each map first (Lin et al.
            2014, "Network in network", section 3.2); "convolution" makes the layers 1×1 convolutions and averages
            their outputs over all places.
        hidden: units of the hidden layers.
        name: a prefix for the layers' names: `hidden_1`, …, `outputs`.
        dropout: share of each hidden layer's activations that dropout sets to zero; where there is no hidden layer, of
            what enters the last.
        activation: of the hidden layers.
        **options: initializer and l2, see `blocks.linear`.

    Returns:
        Float32 tensor (batch, outputs): logits in 16 bits would round the loss.

    Raises:
        ValueError: a dense head was asked for on images of any size.
    """
    is_convolution = kind == "convolution"
    if kind == "dense":
        if None in x.shape[1:]:
            raise ValueError(
                "head='dense' takes images of one size, and input_shape leaves it open: give a size, or head='average' "
                "or 'convolution'."
            )
        x = keras.layers.Flatten(name=f"{name}flatten")(x)
    elif kind == "average":
        x = keras.layers.GlobalAveragePooling2D(name=f"{name}average")(x)

    def layer(x: keras.KerasTensor, units: int, **more: Any) -> keras.KerasTensor:
        return (
            blocks.convolution(x, units, 1, **more, **options)
            if is_convolution
            else blocks.linear(x, units, **more, **options)
        )

    for number, units in enumerate(hidden, start=1):
        x = layer(x, units, name=f"{name}hidden_{number}")
        x = blocks.nonlinear(x, name=f"{name}hidden_{number}", activation=activation, dropout=dropout)
    if dropout and not hidden:
        x = keras.layers.Dropout(dropout, name=f"{name}dropout")(x)
    x = layer(x, outputs, name=f"{name}outputs", dtype=keras.config.floatx())
    if is_convolution:
        x = keras.layers.GlobalAveragePooling2D(dtype=keras.config.floatx(), name=f"{name}average")(x)
    return x
