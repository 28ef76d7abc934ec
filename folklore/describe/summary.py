"""A model's layers: output shapes, parameters, receptive fields, FLOPs and memory, as data and as rows of a table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import models
from folklore.declare import checks
from folklore.declare.settings import parse_value
from folklore.describe.anatomy import Layer, anatomy, total
from folklore.describe.diagram.labels import shape
from folklore.errors import ProblemError, did_you_mean
from folklore.report import formatting, tables
from folklore.tf_stderr import quietly


def build(name: str, input_shape: str | None, outputs: int | None, settings: Sequence[str]) -> list[Layer]:
    """Build a model by name and list its layers.

    Args:
        name: a published network, such as "resnet50", or a builder of `models`, such as "mlp".
        input_shape: such as "28x28x1" or "8". Default: as published; 28x28x1 for a builder.
        outputs: the number of outputs. Default: as published; 10 for a builder.
        settings: options of the builder, such as "depth=20".

    Raises:
        ProblemError: there is no such model, or an argument is malformed or not accepted.
    """
    networks = {name: models.Network(build) for name, build in models.BUILDERS.items()} | dict(models.PUBLISHED)
    if name not in networks:
        raise ProblemError(
            f"There is no model {name!r}. {did_you_mean(name, networks)} To describe a builder of your own, add it to "
            "BUILDERS in models/published.py."
        )
    if input_shape is not None and not re.fullmatch(r"[1-9]\d*(x[1-9]\d*)*", input_shape):
        raise ProblemError(f"--input is {input_shape!r}. Write the shape without the batch, such as 28x28x1 or 8.")
    network = networks[name]
    size = tuple(map(int, input_shape.split("x"))) if input_shape else network.input_shape
    # Zeros are fast; a hundred million random numbers take seconds, and the description does not use them.
    params = {"initializer": "zeros", **network.params} | dict(map(parse_value, settings))
    checks.model(network.build, params)
    try:
        with quietly():
            return anatomy(network.build(size, outputs or network.outputs, **params))
    except Exception as error:  # a size too large, for example, raises various errors in TensorFlow or memory
        raise ProblemError(f"{name} cannot be built: {type(error).__name__}: {error}") from error


def as_data(name: str, layers: Sequence[Layer]) -> dict[str, Any]:
    """A model and its layers as data for JSON; `anatomy.Layer` explains the values. None means unknown.

    `receptive_field` and `stride` are [height, width] in pixels of the input, `padding` [[top, bottom], [left, right]].
    """
    return {
        "model": name,
        "parameters": sum(layer.parameters for layer in layers),
        "trainable": sum(layer.trainable for layer in layers),
        "flops": total([layer.flops for layer in layers]),
        "multiply_adds": total([layer.multiply_adds for layer in layers]),
        "activation_bytes": total([layer.activation_bytes for layer in layers]),
        "layers": [
            {
                "name": layer.name,
                "type": layer.type,
                "output_shape": list(layer.output_shape),
                "parameters": layer.parameters,
                "trainable": layer.trainable,
                "receptive_field": layer.receptive_field,
                "stride": layer.stride,
                "padding": layer.padding,
                "flops": layer.flops,
                "multiply_adds": layer.multiply_adds,
                "activation_bytes": layer.activation_bytes,
            }
            for layer in layers
        ],
    }


def as_rows(layers: Sequence[Layer]) -> list[tables.Row]:
    """The layers as rows of a table for people; without receptive fields if the input is not an image."""
    sees = any(layer.field for layer in layers)
    return [
        {
            "layer": layer.name,
            "type": layer.type,
            "output\nshape": shape(layer.output_shape),
            "parameters": f"{layer.parameters:,}",
        }
        | ({"receptive\nfield": _pixels(layer.receptive_field), "stride": _pixels(layer.stride)} if sees else {})
        | {"FLOPs": formatting.rounded(layer.flops), "memory": formatting.rounded(layer.activation_bytes, "B")}
        for layer in layers
    ]


def caption(described: dict[str, Any]) -> str:
    """A model's totals in words."""
    return (
        f"{described['parameters']:,} parameters, of which {described['trainable']:,} are trained; for one example "
        f"{formatting.rounded(described['multiply_adds'])} multiply-adds, "
        f"{formatting.rounded(described['flops'])} FLOPs and "
        f"{formatting.rounded(described['activation_bytes'], 'B')} of activations"
    )


def _pixels(sizes: Sequence[int] | None) -> str:
    return "–" if sizes is None else shape(sizes)
