"""The layers of a functional model: connections, shapes, parameters, receptive fields, FLOPs and memory."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from folklore.describe import receptive_field
from folklore.describe.receptive_field import PIXELS, Field, Places, Shape, kind
from folklore.keras_internals import nodes_in_order

_KERNELS = ("Conv1D", "Conv2D", "Conv3D", "DepthwiseConv1D", "DepthwiseConv2D", "Dense")
_SEPARABLE = ("SeparableConv1D", "SeparableConv2D")
_TRANSPOSED = ("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")
_WITH_KERNELS = (*_KERNELS, *_SEPARABLE, *_TRANSPOSED)


@dataclasses.dataclass(frozen=True)
class Layer:
    """A layer, or an operation such as `x + y`, at one place in a model.

    Attributes:
        name: the layer's name.
        type: its class.
        output_shape: without the batch; None for axes of any size.
        parameters: the number of values in its weights; 0 if the layer was called before.
        trainable: the number of trained parameters.
        field: the receptive field of its outputs in the image; None if unknown.
        image: height and width of the model's input.
        flops: floating-point operations for one example, see `operations`; None if unknown.
        multiply_adds: the multiplications with an addition among them, which papers often count; None if unknown.
        activation_bytes: the size of its output for one example, in bytes; None if an axis has any size.
        inputs: the indices, in the list of layers, of the layers that it takes.
        output: its index among the model's outputs; None if the model does not return it.
        operation: the Keras layer or operation itself.
    """

    name: str
    type: str
    output_shape: Shape
    parameters: int
    trainable: int
    field: Field | None
    image: Places
    flops: int | None
    multiply_adds: int | None
    activation_bytes: int | None
    inputs: tuple[int, ...]
    output: int | None
    operation: Any

    @property
    def receptive_field(self) -> tuple[int, int] | None:
        """Height and width in pixels, including the part beyond the image's border."""
        return None if self.field is None else (self.field[0].size, self.field[1].size)

    @property
    def stride(self) -> tuple[int, int] | None:
        """The distance in pixels between the fields of neighbouring outputs; None if all outputs see the same."""
        return (self.field[0].jump, self.field[1].jump) if self.field and self.field[0].jump else None

    @property
    def padding(self) -> tuple[tuple[int, int], tuple[int, int]] | None:
        """How far the fields of the first and last output reach beyond the image: (top, bottom), (left, right).

        In pixels; None if the field or a size is unknown.
        """
        if self.field is None:
            return None
        outputs = receptive_field.places(self.operation, self.output_shape) or (1, 1)
        rows, columns = (axis.padding(n, size) for axis, n, size in zip(self.field, outputs, self.image, strict=True))
        return None if rows is None or columns is None else (rows, columns)


def anatomy(model: keras.Model) -> list[Layer]:
    """A functional model's layers in order of computation; a layer that is called twice appears twice.

    Receptive fields refer to the model's only input, if that is an image or a feature map (height, width, channels).

    Raises:
        ValueError: the model is not functional, so the connections of its layers are unknown.
    """
    graph = _functional(model)
    if graph is None:
        raise ValueError(f"{model.name} is not a functional model. Build it with keras.Model(inputs, outputs).")
    image = receptive_field.places(None, tuple(graph.inputs[0].shape[1:])) if len(graph.inputs) == 1 else None
    return _walk(graph, [PIXELS if image else None] * len(graph.inputs), image or (None, None))


def _walk(graph: Any, given: Sequence[Field | None], image: Places) -> list[Layer]:
    """The layers of a model whose inputs have the fields `given`; the model may be a layer of another model."""
    seen = dict(zip(map(id, graph.inputs), given, strict=True))
    found: list[Layer] = []
    makers: dict[int, int] = {}  # from a tensor's id to the layer that made it
    for node in nodes_in_order(graph):
        inputs = tuple(makers[id(tensor)] for tensor in node.input_tensors)
        makers |= {id(tensor): len(found) for tensor in node.output_tensors}
        layer = _layer(node, inputs, [found[i].field for i in inputs], image)
        made = [id(tensor) for tensor in node.output_tensors]
        again = any(layer.operation is other.operation for other in found)
        found.append(
            dataclasses.replace(
                layer,
                field=layer.field if inputs else seen[made[0]],
                parameters=0 if again else layer.parameters,
                trainable=0 if again else layer.trainable,
                output=next((i for i, tensor in enumerate(graph.outputs) if id(tensor) in made), None),
            )
        )
    return found


def _functional(model: Any) -> Any:
    """The graph of a functional model; a Sequential contains one. None for other models and layers."""
    graph = getattr(model, "_functional", None) or model
    return graph if hasattr(graph, "_nodes_by_depth") else None


def total(values: Sequence[int | None]) -> int | None:
    """The sum of the values; None if one of them is unknown."""
    return None if None in values else sum(value for value in values if value is not None)


def _layer(node: Any, inputs: tuple[int, ...], fields: Sequence[Field | None], image: Places) -> Layer:
    operation = node.operation
    shapes = [tuple(tensor.shape[1:]) for tensor in node.input_tensors]
    outputs = [tuple(tensor.shape[1:]) for tensor in node.output_tensors]
    sizes = [None if None in shape else math.prod(shape) for shape in outputs]
    widths = [np.dtype(tensor.dtype).itemsize for tensor in node.output_tensors]
    if inner := _functional(operation):
        field = next(layer.field for layer in _walk(inner, fields, image) if layer.output == 0)
    else:
        field = receptive_field.propagate(operation, fields, shapes, outputs[0], image)
    return Layer(
        name=operation.name,
        type=type(operation).__name__,
        output_shape=outputs[0],
        parameters=_numbers(operation, "weights"),
        trainable=_numbers(operation, "trainable_weights"),
        field=field,
        image=image,
        flops=operations(operation, shapes, outputs[0]),
        multiply_adds=multiply_adds(operation, shapes, outputs[0]),
        activation_bytes=total([n and n * width for n, width in zip(sizes, widths, strict=True)]),
        inputs=inputs,
        output=None,
        operation=operation,
    )


def _numbers(operation: Any, weights: str) -> int:
    return sum(math.prod(weight.shape) for weight in getattr(operation, weights, ()))


def operations(operation: Any, shapes: Sequence[Shape], output_shape: Shape) -> int | None:
    """The floating-point operations of a layer for one example, in inference.

    A multiplication with its addition counts as two. Convolutions (with groups, depthwise, separable, transposed) and
    dense layers count each use of each kernel weight, padding included, and one addition per output for the bias; an
    activation inside them is not counted. Pools count their window's size per output, global pools the size of their
    input. An input costs nothing. Every other layer counts one operation per output. A model inside the model counts
    the sum of its layers.

    Args:
        operation: a built layer, or an operation of `keras.ops`.
        shapes: the shapes of its inputs, without the batch.
        output_shape: the shape of its output, without the batch.

    Returns:
        The number; None if unknown, because an axis has any size or a layer of another kind has weight matrices.
    """
    if not shapes:
        return 0
    if inner := _functional(operation):
        return total([layer.flops for layer in anatomy(inner)])
    if None in output_shape or any(None in shape for shape in shapes):
        return None
    of, outputs = kind(operation), math.prod(output_shape)  # type: ignore[arg-type]
    if of in _WITH_KERNELS:
        return 2 * _kernel_uses(operation, of, shapes[0], output_shape) + outputs * bool(operation.use_bias)
    if of in receptive_field.POOLS:
        return outputs * math.prod(operation.pool_size)
    if of.startswith("Global") and "Pooling" in of:
        return math.prod(shapes[0])  # type: ignore[arg-type]
    pointwise = of in receptive_field.POINTWISE or of == "LayerNormalization"
    has_matrix = any(len(weight.shape) > 1 for weight in getattr(operation, "weights", ()))
    return None if has_matrix and not pointwise else outputs


def multiply_adds(operation: Any, shapes: Sequence[Shape], output_shape: Shape) -> int | None:
    """The multiplications of an input by a weight of a kernel, each with its addition, for one example, in inference.

    Papers often call these FLOPs: of ResNet-50, 3.8 billion (He et al. 2015, table 1). Layers without kernels have
    none. Arguments are those of `operations`; the result is None where its result is None.
    """
    if inner := _functional(operation):
        return total([layer.multiply_adds for layer in anatomy(inner)])
    if operations(operation, shapes, output_shape) is None:
        return None
    of = kind(operation)
    return _kernel_uses(operation, of, shapes[0], output_shape) if of in _WITH_KERNELS else 0


def _kernel_uses(layer: Any, of: str, shape: Shape, output_shape: Shape) -> int:
    """How often weights of the kernels are used: every weight once per place."""
    if of == "Dense":
        return math.prod(layer.kernel.shape) * math.prod(output_shape[:-1])  # type: ignore[arg-type]
    at = shape if of in _TRANSPOSED else output_shape
    places = math.prod(at[1:] if layer.data_format == "channels_first" else at[:-1])  # type: ignore[arg-type]
    kernels = (layer.depthwise_kernel, layer.pointwise_kernel) if of in _SEPARABLE else (layer.kernel,)
    return places * sum(math.prod(kernel.shape) for kernel in kernels)
