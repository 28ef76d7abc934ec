"""A model's layers, output shapes and parameters."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from typing import Any

from folklore.errors import ProblemError, did_you_mean
from folklore.study import parse_value


def describe_model(name: str, input_shape: str, outputs: int, settings: Sequence[str]) -> dict[str, Any]:
    """Build a model by name and describe it, as JSON-able data.

    Args:
        name: a function of `models`, such as "mlp".
        input_shape: such as "28x28x1" or "8".
        outputs: how many.
        settings: the builder's options, as "depth=20".

    Raises:
        ProblemError: the model is unknown, or an argument is not of its form or not taken.
    """
    models = importlib.import_module("models")
    if name not in models.__all__:
        raise ProblemError(f"There is no model {name!r}. {did_you_mean(name, models.__all__)}")
    if not re.fullmatch(r"[1-9]\d*(x[1-9]\d*)*", input_shape):
        raise ProblemError(f"--input is {input_shape!r}. Write the shape without the batch, such as 28x28x1 or 8.")
    params = dict(parse_value(setting) for setting in settings)
    try:
        model = getattr(models, name)(tuple(map(int, input_shape.split("x"))), outputs, **params)
    except (ValueError, TypeError) as error:
        raise ProblemError(f"{name} cannot be built: {error}") from None
    return {
        "model": name,
        "parameters": model.count_params(),
        "trainable": sum(weight.shape.num_elements() for weight in model.trainable_weights),
        "layers": [
            {
                "name": layer.name,
                "type": type(layer).__name__,
                "output_shape": list(layer.output.shape[1:]),
                "parameters": layer.count_params(),
            }
            for layer in model.layers
        ],
    }
