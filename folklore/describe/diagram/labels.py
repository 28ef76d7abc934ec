"""Short texts for the boxes of a diagram, and the rules that put layers into one box."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from folklore.describe.anatomy import Layer
from folklore.describe.receptive_field import kind

_CONVOLUTIONS = {
    "Conv1D": "conv",
    "Conv2D": "conv",
    "Conv3D": "conv",
    "DepthwiseConv1D": "depthwise conv",
    "DepthwiseConv2D": "depthwise conv",
    "SeparableConv1D": "separable conv",
    "SeparableConv2D": "separable conv",
    "Conv1DTranspose": "transposed conv",
    "Conv2DTranspose": "transposed conv",
    "Conv3DTranspose": "transposed conv",
}
_POOLS = re.compile(r"(Global)?(Max|Average)Pooling[123]D")
_NAMES = {"BatchNormalization": "batch norm", "LayerNormalization": "layer norm", "GroupNormalization": "group norm"}
_ACTIVATIONS = (
    *("Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax"),
    *("Relu", "Relu6", "LeakyRelu", "Elu", "Gelu", "Selu", "Sigmoid", "Silu", "Softplus", "Tanh"),  # of keras.ops
)
_DROPOUTS = ("AlphaDropout", "Dropout", "GaussianDropout", "SpatialDropout2D")
_MARGINS = ("ZeroPadding2D", "Cropping2D")
_DENSE = ("Dense", "EinsumDense")
LIGHT = ("activation", "follower", "margin")  # roles of layers that accompany others


def role(layer: Layer) -> str:
    """One of "input", "conv", "dense", "pool", "merge", "activation", "follower", "margin" and "other"."""
    of = kind(layer.operation)
    if not layer.inputs:
        return "input"
    if len(set(layer.inputs)) > 1:
        return "merge"
    for name, kinds in {"conv": _CONVOLUTIONS, "dense": _DENSE, "activation": _ACTIVATIONS, "margin": _MARGINS}.items():
        if of in kinds:
            return name
    if of in _NAMES or of in _DROPOUTS:
        return "follower"
    return "pool" if _POOLS.fullmatch(of) else "other"


def words(layer: Layer) -> str:
    """A layer in words, such as "conv 3×3, 64, /2"; other kinds of layers by their class name in lower case."""
    operation, of = layer.operation, kind(layer.operation)
    if not layer.inputs:
        return f"input {shape(layer.output_shape)}"
    if of in _CONVOLUTIONS:
        return _convolution(operation, _CONVOLUTIONS[of])
    if pool := _POOLS.fullmatch(of):
        if pool[1]:
            return f"global {pool[2].lower()} pool"
        return f"{pool[2].lower()} pool {shape(operation.pool_size)}{_stride(operation.strides)}"
    if of == "Dense":
        return f"dense {operation.units}"
    if of == "Activation":
        return str(getattr(operation.activation, "__name__", "activation")).replace("_", " ")
    if of in _DROPOUTS:
        return f"{_plain(of)} {operation.rate:g}"
    if of in _MARGINS:
        return _margin(operation, of)
    if of == "Concatenate":
        return "concat"
    return _NAMES.get(of) or _plain(type(operation).__name__)


def fused(layer: Layer) -> str:
    """The activation inside a layer, such as `Dense(10, activation="softmax")`; "" if there is none."""
    if kind(layer.operation) not in (*_CONVOLUTIONS, *_DENSE):
        return ""
    name = str(getattr(layer.operation.activation, "__name__", ""))
    return "" if name == "linear" else name.replace("_", " ")


def shape(sizes: Sequence[int | None]) -> str:
    """A shape such as "28×28×64"; "any" for an axis of any size."""
    return "×".join("any" if size is None else str(size) for size in sizes)


def work(box: Sequence[Layer]) -> int | None:
    """The index of the layer that does the work in a box; None if all accompany others."""
    return next((i for i, layer in enumerate(box) if role(layer) not in LIGHT), None)


def same_stem(one: str, other: str) -> bool:
    """Whether two names show that their layers belong together, as "conv_1", "conv_1_bn" and "conv_1_relu" do.

    "hidden_1" and "hidden_2" do not, because they differ in a number.
    """
    if one.startswith(f"{other}_") or other.startswith(f"{one}_"):
        return True
    (stem, _, end), (other_stem, _, other_end) = one.rpartition("_"), other.rpartition("_")
    return bool(stem) and stem == other_stem and end.isalpha() and other_end.isalpha()


def joins(box: Sequence[Layer], layer: Layer) -> bool:
    """Whether a layer, the only one that takes the output of a box, is drawn in that box.

    A box has one layer that does the work. Normalisation, activation and dropout may follow a convolution or a dense
    layer, and an activation may follow a sum; other layers join if the names have one stem. Margins, and layers that
    share its name, may precede the working layer.
    """
    roles, last, stem = [role(other) for other in box], role(layer), same_stem(box[0].name, layer.name)
    if last in ("input", "merge", "margin") or "input" in roles:
        return False
    working = [role for role in roles if role not in LIGHT]
    if last not in LIGHT:
        return not working and (stem or roles == ["margin"])
    if "margin" in roles and not working:
        return False
    return stem or not working or working[0] in ("conv", "dense") or (working[0] == "merge" and last == "activation")


def title(names: Sequence[str], otherwise: str) -> str:
    """The common beginning of the names of a block's layers, cut at a whole word."""
    first, last = min(names), max(names)
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    if all(len(name) == length or name[length] in "_-." for name in names):
        return first[:length] or otherwise
    return re.sub(r"[_.-]?[^_.-]*$", "", first[:length]) or otherwise


def _convolution(layer: Any, name: str) -> str:
    text = f"{name} {shape(layer.kernel_size)}"
    if "depthwise" not in name:
        text += f", {layer.filters}"
    elif layer.depth_multiplier > 1:
        text += f", {layer.depth_multiplier} each"
    if getattr(layer, "groups", 1) > 1:
        text += f", {layer.groups} groups"
    if any(rate > 1 for rate in layer.dilation_rate):
        text += f", dilated {_pair(layer.dilation_rate)}"
    return text + _stride(layer.strides)


def _stride(strides: Sequence[int]) -> str:
    return f", /{_pair(strides)}" if any(stride > 1 for stride in strides) else ""


def _pair(values: Sequence[int]) -> str:
    return str(values[0]) if len(set(values)) == 1 else shape(values)


def _margin(layer: Any, of: str) -> str:
    margins = layer.padding if of == "ZeroPadding2D" else layer.cropping
    sides = [side for axis in margins for side in axis]
    text = str(sides[0]) if len(set(sides)) == 1 else "{}+{} × {}+{}".format(*sides)
    return f"{'zero pad' if of == 'ZeroPadding2D' else 'crop'} {text}"


def _plain(name: str) -> str:
    """A class's name as words: "UpSampling2D" is "up sampling"."""
    name = re.sub(r"[123]D$", "", name)
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})", " ", name).lower().replace("re lu", "relu")
