"""Properties of a Keras model that determine how `folklore.fit` runs it."""

from __future__ import annotations

import math
from collections.abc import Iterator

import keras
import numpy as np

from folklore.keras_internals import all_layers, outputs_per_row, own_variables

EVALUATION_BYTES = 2**22  # activations of a batch that stay in a processor's cache
_DENSE = (keras.layers.Dense, keras.layers.BatchNormalization, keras.layers.LayerNormalization)


def xla_compiles(model: keras.Model) -> bool:
    """Whether all layers support XLA; RandomRotation, StringLookup and, with cuDNN, LSTM do not."""
    return all(layer.supports_jit for layer in all_layers(model, include_self=True))


def has_convolutions(model: keras.Model) -> bool:
    """Whether any layer is a convolution of any kind."""
    return any("Conv" in type(layer).__name__ for layer in all_layers(model))


def dense_products(model: keras.Model) -> float:
    """About how many products the model computes for a row, if only dense and normalisation layers have weights; else
    infinitely many, as far as this tells.
    """
    products = 0
    for layer in all_layers(model):
        if own_variables(layer) and layer.count_params():
            shapes = [*outputs_per_row(layer)]
            if type(layer) not in _DENSE or not shapes or any(len(shape) != 1 for shape in shapes):
                return math.inf
            products += layer.count_params() * len(shapes)
    return products


def has_only_keras_layers(model: keras.Model) -> bool:
    """Whether every layer is one of Keras' own, and none calls a function that is not."""
    kinds = {type(layer) for layer in all_layers(model, include_self=True)}
    return all(kind.__module__.startswith("keras.") and kind is not keras.layers.Lambda for kind in kinds)


def is_keras_own(model: keras.Model, method: str) -> bool:
    """Whether the method is that of `keras.Model`, overridden neither by a subclass nor on the model itself."""
    return getattr(getattr(model, method), "__func__", None) is getattr(keras.Model, method)


def evaluation_batch(model: keras.Model) -> int:
    """The number of rows in a batch of `evaluate`.

    The model's own batch size if it is fixed; else a power of two from 256 to 16,384 that keeps the activations in a
    processor's cache; 1,024 if the activations are unknown.
    """
    inputs = keras.tree.flatten(getattr(model, "inputs", None) or [])
    if inputs and inputs[0].shape[0]:
        return int(inputs[0].shape[0])
    largest = max(activations(model), default=EVALUATION_BYTES / 4 / 1024)
    return int(2 ** np.clip(np.floor(np.log2(EVALUATION_BYTES / 4 / largest)), 8, 14))


def activations(model: keras.Model) -> Iterator[int]:
    """The number of output values per row, for each layer that was called on symbolic tensors."""
    for layer in all_layers(model):
        yield from (math.prod(filter(None, shape)) for shape in outputs_per_row(layer))
