"""The structure on which a compiled model's program depends: models of equal structure can share one, in turn."""

from __future__ import annotations

import json
import re
from typing import Any

import keras

from folklore.keras_internals import all_layers

# Layers whose rate `folklore.epoch.dropout_masks` reads from a variable.
VARIABLE_RATE = (keras.layers.Dropout, keras.layers.SpatialDropout1D, keras.layers.SpatialDropout2D,
                 keras.layers.SpatialDropout3D)  # fmt: skip
_RATES = {layer.__name__ for layer in VARIABLE_RATE}
_NUMBERS = ("learning_rate", "initial_learning_rate", "decay_steps", "weight_decay")


def structure(model: keras.Model) -> str:
    """The model's layers and compilation as text, without names, seeds and initializers.

    It also leaves out the numbers that are variables of a program: learning rate, weight decay and dropout rate. The
    text is equal for models whose Keras configurations compute the same. The configuration of a custom layer may be
    incomplete: see `is_transparent`.
    """
    try:
        layers: Any = model.get_config()
    except Exception:  # a custom model that has no configuration, or fails to return it
        layers = [
            (type(layer).__qualname__, [v.shape for v in layer.weights])
            for layer in all_layers(model, include_self=True)
        ]
    try:
        compilation: Any = model.get_compile_config()
    except Exception:
        compilation = [type(model.optimizer).__qualname__, str(model.loss)]
    text = json.dumps([type(model).__qualname__, _essence(layers), _essence(compilation)], default=str, sort_keys=True)
    optimizers = [model.optimizer, getattr(model.optimizer, "inner_optimizer", None)]
    return _without_names(
        text, [part.name for part in (*all_layers(model, include_self=True), *optimizers) if part is not None]
    )


def is_transparent(model: keras.Model) -> bool:
    """Whether all layers are Keras' own, so that their configuration is complete; a Lambda's is not."""
    layers = all_layers(model)
    if not all(type(layer).__module__.startswith("keras.") for layer in layers):
        return False
    text = json.dumps(model.get_config(), default=str)
    return '"Lambda"' not in text and '"function"' not in text


def _essence(value: Any, kind: str = "") -> Any:
    """The part of a configuration that is structure; `kind` is the class that it configures."""
    if isinstance(value, dict):
        kind = value.get("class_name", kind)
        return {key: _part(key, part, kind) for key, part in value.items() if not _is_idle(key)}
    if isinstance(value, list | tuple):
        return [_essence(part, kind) for part in value]
    return value


def _part(key: str, part: Any, kind: str) -> Any:
    is_variable = key in _NUMBERS or (key == "rate" and kind in _RATES)
    if is_variable and isinstance(part, int | float) and not isinstance(part, bool):
        return part > 0 if key == "rate" else "variable"
    return _essence(part, kind)


def _is_idle(key: str) -> bool:
    return key == "seed" or key.endswith("_initializer")


def _without_names(text: str, names: list[str]) -> str:
    """The text with names replaced by ranks: Keras numbers unnamed layers across all models of a process."""
    ranks = {name: f"layer {rank}" for rank, name in enumerate(dict.fromkeys(names))}
    return re.sub(r'"([^"\\]+)"', lambda match: f'"{ranks.get(match[1], match[1])}"', text)
