"""Every private name of Keras or TensorFlow that the suite relies on, each with its reason.

Private names may change with any release, so they are in one place, and `tests/test_project_keras_internals.py` has a
test for each that says what breaks without it. Three more are in modules that may not import `folklore`:
`model._initial_epoch` in `callbacks.checkpoints`, `layer._outbound_nodes` in `models.convolutional`, and
scikit-learn's `_california_housing.ARCHIVE` in `data.california`.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import keras
from keras.src import backend
from keras.src.backend.common.global_state import get_global_attribute, set_global_attribute
from keras.src.random.seed_generator import draw_seed

__all__ = ["draw_seed", "random_functions"]

# The functions with which Keras' layers draw random numbers. Keras has no public way to set another generator.
random_functions = backend.random


@contextmanager
def names_from_the_start() -> Iterator[None]:
    """Name unnamed layers as the first ones of a process: `dense`, `dense_1`.

    Otherwise their names tell how many were made before. Layers that are made later have names that none had so far.
    """
    counts = "object_name_uids"
    before: defaultdict[str, int] = get_global_attribute(counts) or defaultdict(int)
    set_global_attribute(counts, defaultdict(int))
    try:
        yield
    finally:
        for name, made in get_global_attribute(counts).items():
            before[name] = max(before[name], made)
        set_global_attribute(counts, before)


def all_layers(model: keras.Model, *, include_self: bool = False) -> list[Any]:
    """The model's layers at every depth, also inside nested models and wrappers; `model.layers` has the first level."""
    return list(model._flatten_layers(include_self=include_self, recursive=True))


def own_variables(layer: keras.layers.Layer) -> list[keras.Variable]:
    """The variables that the layer itself created; `layer.variables` includes those of the layers inside it."""
    return [*layer._trainable_variables, *layer._non_trainable_variables]


def outputs_per_row(layer: keras.layers.Layer) -> Iterator[tuple[int | None, ...]]:
    """The shapes, without the batch, of all outputs of a layer's calls on symbolic tensors."""
    for node in layer._inbound_nodes:
        yield from (tensor.shape[1:] for tensor in node.output_tensors)


def nodes_in_order(graph: keras.Model) -> Iterator[Any]:
    """The layer calls of a functional model, inputs first."""
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        yield from graph._nodes_by_depth[depth]


def compilation(model: keras.Model) -> Any:
    """The object that `compile` creates; each `compile` creates another one."""
    return model._compile_config


def build_variables(model: keras.Model, batch: Any) -> None:
    """Create the variables of model, optimizer and metrics for a batch of this shape, without taking a step."""
    model._symbolic_build(data_batch=batch)


def metrics_or_logs(model: keras.Model, logs: dict[str, Any]) -> dict[str, Any]:
    """The logs of Keras' own `fit` for an epoch: the metrics, or the last step's logs if they have other names."""
    return model._get_metrics_result_or_logs(logs)


def take_restored_epoch(model: keras.Model) -> int | None:
    """The epoch that a callback such as `BackupAndRestore` restored, or None; it is reset."""
    epoch, model._initial_epoch = model._initial_epoch, None
    return epoch


def data_adapter(data: Any, class_weight: Any = None) -> Any:
    """Keras' adapter of a `tf.data.Dataset`, a `PyDataset` or a generator: its batches, as `fit` takes them.

    Keras itself decides what these give, how many workers read them, and when the methods of a `PyDataset` are called.
    """
    from keras.src.trainers.data_adapters import get_data_adapter

    return get_data_adapter(data, class_weight=class_weight)


def profiles(callback: keras.callbacks.Callback) -> bool:
    """Whether a `keras.callbacks.TensorBoard` profiles single batches."""
    return bool(getattr(callback, "_should_trace", False))


def learning_rate(optimizer: keras.Optimizer) -> Any:
    """The variable or the schedule itself; the public attribute gives a schedule's current value."""
    return optimizer._learning_rate


@contextmanager
def functions_named_after(key: str) -> Iterator[None]:
    """Give the graph functions that are traced within the context names that depend only on `key`.

    Otherwise TensorFlow numbers them by what the process did before, and XLA does not know a program again that another
    process compiled. Names must differ within a process: a key that comes again gives others. Imports TensorFlow.
    """
    from tensorflow.python.framework import ops

    _times[key] += 1
    digest = hashlib.sha256(f"{_times[key]} {key}".encode()).digest()
    # Symbolic tensors have such numbers too: far above TensorFlow's own, and below 2**63.
    numbers, before = count((2**40 + int.from_bytes(digest[:5])) * 2**20), ops.uid
    ops.uid = lambda: next(numbers)
    try:
        yield
    finally:
        ops.uid = before


_times: Counter[str] = Counter()


def set_random_seed(seed: int, *, forget: bool) -> None:
    """As `keras.utils.set_random_seed`, but functions that were called before stay optimized where that is harmless.

    With every seed TensorFlow forgets all kernels, since those of `tf.random` remember how often they were called. Each
    function is then optimized again, which takes a tenth of a short run. Keras' own draws remember nothing. Imports
    TensorFlow.

    Args:
        seed: of Python, NumPy, TensorFlow and Keras.
        forget: whether kernels are forgotten in any case. They are also if `tf.random` has drawn in this process.
    """
    from tensorflow.python.eager import context
    from tensorflow.python.framework import random_seed

    if not isinstance(random_seed.get_seed, _Watched):
        random_seed.get_seed = _Watched(random_seed.get_seed)
        forget = True  # nobody watched what ran before
    clear = context.pywrap_tfe.TFE_ContextClearCaches
    if not (forget or random_seed.get_seed.called):
        context.pywrap_tfe.TFE_ContextClearCaches = lambda _: None
    try:
        keras.utils.set_random_seed(seed)
    finally:
        context.pywrap_tfe.TFE_ContextClearCaches = clear


class _Watched:
    """TensorFlow's `get_seed`, which each of its random ops calls; `called` is whether one has."""

    def __init__(self, get_seed: Callable[[int | None], Any]) -> None:
        self.get_seed, self.called = get_seed, False

    def __call__(self, op_seed: int | None) -> Any:
        self.called = True
        return self.get_seed(op_seed)


def gpu_memory_limits() -> list[int]:
    """The bytes that TensorFlow may use of each GPU. TensorFlow reports this nowhere else. Imports TensorFlow."""
    from tensorflow.python.client import device_lib

    return [device.memory_limit for device in device_lib.list_local_devices() if device.device_type == "GPU"]
