"""Keras' initializers and activations by name, with options."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import keras

from models import checks

_WITH_OPTIONS = {"relu": "ReLU", "leaky_relu": "LeakyReLU", "prelu": "PReLU", "elu": "ELU"}  # Keras' classes


def new_initializer(given: str | Mapping[str, Any]) -> keras.initializers.Initializer:
    """An initializer from its name, such as "he_normal", or a mapping with its `name` and its options.

    Each layer needs its own: an initializer draws the same numbers each time it is called. For example,
    `{"name": "random_normal", "stddev": 0.01}` is a fixed spread.

    Raises:
        ValueError: Keras has no such initializer, or it has no such option; the message names the nearest.
    """
    options = {"name": given} if isinstance(given, str) else dict(given)
    name = options.pop("name")
    kind = getattr(keras.initializers, name, None)
    if not inspect.isclass(kind) or inspect.isabstract(kind):
        raise ValueError(checks.unknown_name("initializer", name, _public_names(keras.initializers)))
    _check_options(name, kind, options)
    return kind(**options)


def new_activation(given: str | Mapping[str, Any], name: str) -> keras.layers.Layer:
    """An activation's layer.

    Args:
        given: a name in `keras.activations`, with Keras' defaults: "leaky_relu" has slope 0.2 below zero. Or "crelu",
            behind which there are twice as many units or channels, see `layers.ConcatenatedReLU`. Or a mapping with a
            `name` out of "relu", "leaky_relu", "prelu" and "elu", and options of that Keras layer, such as
            `{"name": "leaky_relu", "negative_slope": 0.01}`.
        name: of the layer.

    Raises:
        ValueError: Keras has no such activation, or it has no such option; the message names the nearest.
    """
    if given == "crelu":
        from models.layers import ConcatenatedReLU

        return ConcatenatedReLU(name=name)
    if isinstance(given, str):
        try:
            return keras.layers.Activation(given, name=name)
        except ValueError as error:
            raise ValueError(
                checks.unknown_name("activation", given, [*_public_names(keras.activations), "crelu"])
            ) from error
    options = dict(given)
    kind = options.pop("name")
    if kind not in _WITH_OPTIONS:
        raise ValueError(checks.unknown_name("activation with options", kind, _WITH_OPTIONS))
    layer = getattr(keras.layers, _WITH_OPTIONS[kind])
    _check_options(kind, layer, options)
    return layer(**options, name=name)


def _check_options(name: str, kind: type, options: Mapping[str, Any]) -> None:
    for option in options:
        checks.one_of(f"{name}'s option", option, set(inspect.signature(kind).parameters) - {"kwargs"})


def _public_names(module: Any) -> list[str]:
    functions = {name for name in dir(module) if name.islower() and not name.startswith("_")}
    return sorted(functions - {"get", "serialize", "deserialize"})
