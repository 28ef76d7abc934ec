"""A model's layers, output shapes and parameters."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Sequence
from typing import Any

from folklore import checks
from folklore.errors import ProblemError, did_you_mean
from folklore.layout import cores, environment
from folklore.quiet import quietly
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
    os.environ.update(environment(threads=cores()))
    with quietly():
        models = importlib.import_module("models")
    if name not in models.__all__:
        raise ProblemError(f"There is no model {name!r}. {did_you_mean(name, models.__all__)}")
    if not re.fullmatch(r"[1-9]\d*(x[1-9]\d*)*", input_shape):
        raise ProblemError(f"--input is {input_shape!r}. Write the shape without the batch, such as 28x28x1 or 8.")
    build, params = getattr(models, name), dict(parse_value(setting) for setting in settings)
    checks.model(build, params)
    try:
        with quietly():
            model = build(tuple(map(int, input_shape.split("x"))), outputs, **params)
    except Exception as error:  # a size too large, say, ends in whatever TensorFlow or the memory raises
        raise ProblemError(f"{name} cannot be built: {type(error).__name__}: {error}") from error
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
