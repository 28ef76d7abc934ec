"""Receptive fields: the part of an image that an output of a layer depends on, computed from window shapes only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

Shape = tuple[int | None, ...]
Places = tuple[int | None, int | None]  # height and width

CONVOLUTIONS = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D")
POOLS = ("MaxPooling2D", "AveragePooling2D")
_SEES_ALL = ("Flatten", "GlobalAveragePooling2D", "GlobalMaxPooling2D")
_ALONG_CHANNELS = ("Concatenate", "LayerNormalization", "Softmax", "UnitNormalization")  # if their axis is that one
# Layers, and operations of `keras.ops`, that work place by place: an output sees what the inputs at its place see.
POINTWISE = (
    *("Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract", "Divide", "TrueDivide", "Negative"),
    *("Activation", "ELU", "LeakyReLU", "PReLU", "ReLU"),
    *("Elu", "Gelu", "LeakyRelu", "Relu", "Relu6", "Selu", "Sigmoid", "Silu", "Softplus", "Tanh"),
    *("AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise", "SpatialDropout2D"),
    *("ActivityRegularization", "BatchNormalization", "Identity", "Masking", "Normalization", "Rescaling"),
)


@dataclass(frozen=True)
class Axis:
    """The receptive field of a layer's outputs along one axis of the image.

    Attributes:
        lo: the first coordinate of the image that output 0 sees; negative if it sees padding.
        hi: the last coordinate that output 0 sees.
        jump: the distance between the fields of neighbouring outputs; 0 if all outputs see the same.
    """

    lo: int
    hi: int
    jump: int

    @property
    def size(self) -> int:
        """The number of coordinates that an output sees."""
        return self.hi - self.lo + 1

    def padding(self, outputs: int | None, size: int | None) -> tuple[int, int] | None:
        """How far the first of `outputs` sees before coordinate 0, and the last after `size - 1`; None if unknown."""
        if outputs is None or size is None:
            return None
        return max(0, -self.lo), max(0, self.hi + (outputs - 1) * self.jump - (size - 1))


Field = tuple[Axis, Axis]  # height, width
PIXELS: Field = (Axis(0, 0, 1), Axis(0, 0, 1))  # the field of the image itself: one pixel each


def kind(operation: Any) -> str:
    """The class name of Keras' own layers and operations; "" for all others, even those of the same name."""
    return type(operation).__name__ if type(operation).__module__.split(".")[0] == "keras" else ""


def places(operation: Any, shape: Shape) -> Places | None:
    """Height and width in the shape (without the batch) of an image or a feature map; None for other shapes."""
    if len(shape) != 3:
        return None
    return (shape[1], shape[2]) if _channels_first(operation) else (shape[0], shape[1])


def propagate(
    operation: Any,
    fields: Sequence[Field | None],
    shapes: Sequence[Shape],
    output_shape: Shape,
    image: Places,
) -> Field | None:
    """The receptive field of a layer's outputs (Araujo et al. 2019, "Computing receptive fields", section 2).

    The interval [lo, hi] that output 0 sees, and the jump, are computed through convolutions and pools as TensorFlow
    pads them, and through zero padding and cropping. Pointwise layers leave them unchanged; a custom layer declares
    itself pointwise by `pointwise = True`. Several inputs give the hull of their fields. Flattening and global pooling
    see all that their inputs see, within the image. Gaps from dilation are not represented.

    Args:
        operation: a layer, or an operation of `keras.ops`.
        fields: the fields of its inputs; None if unknown.
        shapes: the shapes of its inputs, without the batch.
        output_shape: the shape of its output, without the batch.
        image: height and width of the model's input.

    Returns:
        The field along height and width; None if unknown: custom layers, transposed convolutions and upsampling (where
        the fields of neighbouring outputs differ in size), inputs of unequal jumps, inputs with unknown fields.
    """
    known = [field for field in fields if field is not None]
    if not known or len(known) < len(fields):
        return None
    if all(axis.jump == 0 for field in known for axis in field):
        return _hull(known)  # whatever the layer computes: every output sees all that its inputs see
    sizes = [places(operation, shape) for shape in shapes]
    if None in sizes:
        return None
    of = kind(operation)
    if of in _SEES_ALL:
        return _everything(known[0], sizes[0], image)
    if of in CONVOLUTIONS or of in POOLS:
        return _windows(operation, known[0], sizes[0])
    if of in ("ZeroPadding2D", "Cropping2D"):
        margins = (
            operation.padding if of == "ZeroPadding2D" else [(-first, -last) for first, last in operation.cropping]
        )
        rows, columns = (_shift(axis, first) for axis, (first, _) in zip(known[0], margins, strict=True))
        return rows, columns
    if of in POINTWISE or _along_channels(operation, len(shapes[0]) + 1) or getattr(operation, "pointwise", 0) is True:
        return _meet(known, sizes, places(operation, output_shape), image)
    return None


def same_padding(size: int | None, window: int, stride: int) -> int:
    """The padding that TensorFlow's "same" puts before the first of `size` values.

    The padding after the last value is equal or one more. An unknown size counts as a multiple of the stride.
    """
    uneven = (size % stride or stride) if size is not None else stride
    return max(window - uneven, 0) // 2


def _windows(operation: Any, field: Field, sizes: Any) -> Field:
    window = getattr(operation, "kernel_size", None) or operation.pool_size
    dilation = getattr(operation, "dilation_rate", (1, 1))
    axes = []
    for axis, size, length, apart, stride in zip(field, sizes, window, dilation, operation.strides, strict=True):
        span = (length - 1) * apart + 1
        before = same_padding(size, span, stride) if operation.padding == "same" else 0
        axes.append(Axis(axis.lo - before * axis.jump, axis.hi + (span - 1 - before) * axis.jump, axis.jump * stride))
    return axes[0], axes[1]


def _shift(axis: Axis, before: int) -> Axis:
    return Axis(axis.lo - before * axis.jump, axis.hi - before * axis.jump, axis.jump)


def _everything(field: Field, sizes: Any, image: Places) -> Field | None:
    """The part of the image that all outputs together see."""
    axes = []
    for axis, outputs, size in zip(field, sizes, image, strict=True):
        if outputs is None or size is None:
            return None
        axes.append(Axis(max(0, axis.lo), min(size - 1, axis.hi + (outputs - 1) * axis.jump), 0))
    return axes[0], axes[1]


def _meet(fields: Sequence[Field], sizes: Sequence[Any], output: Any, image: Places) -> Field | None:
    jumps = {tuple(axis.jump for axis in field) for field in fields}
    if len(jumps) == 1 and set(sizes) == {output}:
        return _hull(fields)
    # Every output sees all of an input that is broadcast, such as the weights of squeeze-and-excitation.
    if (0, 0) not in jumps and (1, 1) not in sizes:
        return None
    seen = [_everything(field, size, image) for field, size in zip(fields, sizes, strict=True)]
    return None if None in seen else _hull([field for field in seen if field is not None])


def _hull(fields: Sequence[Field]) -> Field:
    axes = [
        Axis(min(axis.lo for axis in along), max(axis.hi for axis in along), along[0].jump)
        for along in zip(*fields, strict=True)
    ]
    return axes[0], axes[1]


def _along_channels(operation: Any, rank: int) -> bool:
    channels = 1 if _channels_first(operation) else rank - 1
    if kind(operation) == "Dense":  # it multiplies along the last axis
        return channels == rank - 1
    axis = getattr(operation, "axis", None)
    axes = axis if isinstance(axis, list | tuple) else [axis]
    return kind(operation) in _ALONG_CHANNELS and all(a is not None and a % rank == channels for a in axes)


def _channels_first(operation: Any) -> bool:
    return (getattr(operation, "data_format", None) or keras.config.image_data_format()) == "channels_first"
