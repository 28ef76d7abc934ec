"""Every private name of Keras or TensorFlow that the suite relies on, each with the reason for it.

Private names may change with any release, so they stand in one place, and `tests/test_project_keras_internals.py` has a
test for each that says what breaks without it. Three more stand where `folklore` may not be imported:
`model._initial_epoch` in `callbacks.checkpoints`, `layer._outbound_nodes` in `models.convolutional`, and
scikit-learn's `_california_housing.ARCHIVE` in `data.california`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
from keras.src import backend
from keras.src.random.seed_generator import draw_seed

__all__ = ["draw_seed", "random_functions"]

# The functions that Keras' layers look up to draw numbers. Keras has no public way to set another generator.
random_functions = backend.random


def all_layers(model: keras.Model, *, include_self: bool = False) -> list[Any]:
    """The model's layers at every depth, those inside nested models and wrappers too; `model.layers` has the first."""
    return list(model._flatten_layers(include_self=include_self, recursive=True))


def own_variables(layer: keras.layers.Layer) -> list[keras.Variable]:
    """The variables that the layer itself made; `layer.variables` has those of the layers inside it too."""
    return [*layer._trainable_variables, *layer._non_trainable_variables]


def outputs_per_row(layer: keras.layers.Layer) -> Iterator[tuple[int | None, ...]]:
    """Shapes without the batch of all that a layer gave when it was called on symbolic tensors."""
    for node in layer._inbound_nodes:
        yield from (tensor.shape[1:] for tensor in node.output_tensors)


def nodes_in_order(graph: keras.Model) -> Iterator[Any]:
    """The calls of layers that a functional model is made of, inputs first."""
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        yield from graph._nodes_by_depth[depth]


def compilation(model: keras.Model) -> Any:
    """An object that `compile` makes, and so another one after each `compile`."""
    return model._compile_config


def build_variables(model: keras.Model, batch: Any) -> None:
    """Create the variables of model, optimizer and metrics for such a batch, without taking a step."""
    model._symbolic_build(data_batch=batch)


def metrics_or_logs(model: keras.Model, logs: dict[str, Any]) -> dict[str, Any]:
    """What Keras' own `fit` logs of an epoch: the metrics, or the last step's logs where these are others."""
    return model._get_metrics_result_or_logs(logs)


def take_restored_epoch(model: keras.Model) -> int | None:
    """The epoch that a callback such as `BackupAndRestore` restored, once: it is forgotten afterwards."""
    epoch, model._initial_epoch = model._initial_epoch, None
    return epoch


def learning_rate(optimizer: keras.Optimizer) -> Any:
    """The variable or the schedule itself; the public attribute gives a schedule's current value."""
    return optimizer._learning_rate


def gpu_memory_limits() -> list[int]:
    """Bytes that TensorFlow uses at most of each GPU. It is the only place that says so. Imports TensorFlow."""
    from tensorflow.python.client import device_lib

    return [device.memory_limit for device in device_lib.list_local_devices() if device.device_type == "GPU"]
