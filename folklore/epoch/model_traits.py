"""Properties of a Keras model that determine how `folklore.fit` runs it."""

from __future__ import annotations

import keras

from folklore.keras_internals import all_layers


def xla_compiles(model: keras.Model) -> bool:
    """Whether all layers support XLA; RandomRotation, StringLookup and, with cuDNN, LSTM do not."""
    return all(layer.supports_jit for layer in all_layers(model, include_self=True))


def has_convolutions(model: keras.Model) -> bool:
    """Whether any layer is a convolution of any kind."""
    return any("Conv" in type(layer).__name__ for layer in all_layers(model))


def is_keras_own(model: keras.Model, method: str) -> bool:
    """Whether the method is that of `keras.Model`, overridden neither by a subclass nor on the model itself."""
    return getattr(getattr(model, method), "__func__", None) is getattr(keras.Model, method)
