"""The compiled epoch: `fit` over data that sits on the device, with the loop over steps inside one graph call.

`keras.Model.fit` returns to Python after every batch; for the small networks of this suite that costs up to fifty
times the arithmetic. Here a whole epoch is one call. Each step is the model's own `train_step`, so loss, metrics and
optimizer are exactly those given to `compile`; only who drives the loop differs.

This is the only module of the project that imports TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

import keras
import numpy as np
import tensorflow as tf

from folklore.spec import Mode

EVALUATION_BATCH = 1024
_BATCH_HOOKS = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")
_RANDOM_LAYERS = (
    keras.layers.Dropout,
    keras.layers.AlphaDropout,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
    keras.layers.SpatialDropout1D,
    keras.layers.SpatialDropout2D,
)


def fit(
    model: keras.Model,
    data: tuple[Any, ...],
    *,
    epochs: int,
    batch_size: int = 32,
    seed: int = 0,
    validation_data: tuple[Any, ...] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    mode: Mode = "auto",
    initial_epoch: int = 0,
) -> keras.callbacks.History:
    """Train a compiled Keras model, one graph call an epoch.

    Args:
        model: a compiled `keras.Model`. Its weights, optimizer and dropout generators are used as they stand.
        data: `(x, y)` or `(x, y, sample_weight)`; each an array, or a nest of arrays, of shape (n, ...).
        epochs: index of the epoch to stop before, as in `keras.Model.fit`.
        batch_size: rows a step; the last, smaller batch of an epoch is trained on too.
        seed: epoch e visits the rows in `epoch_order(seed, e, n)`, whatever happened before.
        validation_data: evaluated in inference mode after every epoch; its logs begin with `val_`.
        callbacks: Keras callbacks. One with batch hooks is given them, and the epoch is then run step by step.
        mode: "xla" compiles the epoch with XLA, "graph" runs it as a plain TensorFlow graph, "step" calls one step at
            a time; "auto" takes `choose_mode(model)`. Speed and rounding differ, the mathematics does not; but under
            XLA the generators of Keras' dropout layers draw other numbers from the same state.
        initial_epoch: the epoch to begin with.

    Returns:
        The `keras.callbacks.History` that Keras' own `fit` would return.

    Raises:
        ValueError: the model is not compiled, arrays differ in length or are empty, `mode` is unknown, or a callback
            monitors something that will not be logged (Keras itself only warns, and then never stops).
    """
    if not model.compiled:
        raise ValueError("fit was given a model that is not compiled. Call model.compile(optimizer, loss) first.")
    if mode not in get_args(Mode):
        raise ValueError(f"mode {mode!r} is unknown. Use one of: {', '.join(get_args(Mode))}.")
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}. Use a whole number from 1.")
    data, rows = _on_device(data), _rows(data)
    validation = None if validation_data is None else (_on_device(validation_data), _rows(validation_data))
    program = _program(model, data)
    hooks = keras.callbacks.CallbackList(
        list(callbacks), add_history=True, model=model, epochs=epochs, steps=-(-rows // batch_size), verbose=0
    )
    _check_monitors(model, hooks.callbacks, validated=validation is not None)
    if any(_wants_batches(callback) for callback in hooks.callbacks):
        mode = "step"
    elif mode == "auto":
        mode = choose_mode(model)

    model.stop_training = False
    hooks.on_train_begin()
    logs: dict[str, float] = {}
    for epoch in range(initial_epoch, epochs):
        hooks.on_epoch_begin(epoch)
        order = tf.constant(epoch_order(seed, epoch, rows))
        logs = program.train(data, order, batch_size, mode, hooks)
        if validation is not None:
            hooks.on_test_begin()
            results = program.evaluate(*validation)
            hooks.on_test_end(results)
            logs |= {f"val_{name}": value for name, value in results.items()}
        hooks.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    if epochs > initial_epoch:
        # Moving averages of the weights (use_ema) replace them now, as at the end of Keras' fit.
        model.optimizer.finalize_variable_values(model.trainable_weights)
    hooks.on_train_end(logs)
    return model.history


def evaluate(model: keras.Model, data: tuple[Any, ...]) -> dict[str, float]:
    """Loss and metrics of a compiled model on `(x, y)` of shape (n, ...), in inference mode.

    Equal to `keras.Model.evaluate` to float32 rounding; resets the model's metrics, as that does.
    """
    rows = _rows(data)
    data = _on_device(data)
    return _program(model, data).evaluate(data, rows)


def epoch_order(seed: int, epoch: int, rows: int) -> np.ndarray:
    """The permutation of `range(rows)` that epoch `epoch` visits: int32, a function of its arguments alone."""
    return np.random.default_rng([seed, epoch]).permutation(rows).astype(np.int32)


def choose_mode(model: keras.Model) -> Literal["xla", "graph"]:
    """The mode that "auto" stands for: XLA, but on a CPU a plain graph where XLA is slow.

    Measured on two CPU cores: XLA's convolutions take three to thirty times as long as oneDNN's, and the random
    numbers of Keras' dropout layers take most of an epoch.
    """
    if devices() == "gpu":
        return "xla"
    slow = any(
        "Conv" in type(layer).__name__ or (isinstance(layer, _RANDOM_LAYERS) and _rate(layer) > 0)
        for layer in model._flatten_layers(include_self=False)
    )
    return "graph" if slow else "xla"


def devices() -> Literal["gpu", "cpu"]:
    """The kind of device TensorFlow places the model on."""
    return "gpu" if tf.config.list_physical_devices("GPU") else "cpu"


def device_names() -> list[str]:
    """TensorFlow's devices: "CPU", or "GPU 0: " and what the GPU is called."""
    names = ["CPU"]
    for number, gpu in enumerate(tf.config.list_physical_devices("GPU")):
        names.append(f"GPU {number}: {tf.config.experimental.get_device_details(gpu).get('device_name', 'unknown')}")
    return names


class _Program:
    """The compiled functions of one model, for as long as one `compile` stands. Seeds of one arm share them."""

    def __init__(self, model: keras.Model) -> None:
        self.model = model
        self.loss_tracker = model.metrics[0]
        self.step = tf.function(model.train_step, autograph=False)
        self.evaluation = tf.function(self._evaluate, autograph=False)
        self.epochs: dict[str, Callable[..., dict[str, tf.Tensor]]] = {
            mode: tf.function(self._train_epoch, autograph=False, jit_compile=mode == "xla")
            for mode in ("xla", "graph")
        }

    def train(
        self, data: Any, order: tf.Tensor, batch_size: int, mode: str, hooks: keras.callbacks.CallbackList
    ) -> dict[str, float]:
        """Train one epoch in `order`; return the running averages of loss and metrics."""
        if mode != "step":
            return _floats(self.epochs[mode](data, order, batch_size))
        self.model.reset_metrics()
        logs: dict[str, Any] = {}
        for step, start in enumerate(range(0, len(order), batch_size)):
            hooks.on_train_batch_begin(step)
            logs = self.step(_take(data, order[start : start + batch_size]))
            hooks.on_train_batch_end(step, logs)
            if self.model.stop_training:
                break
        return _floats(logs)

    def evaluate(self, data: Any, rows: int) -> dict[str, float]:
        """Loss and metrics over all `rows`, in inference mode."""
        return _floats(self.evaluation(data, rows))

    def _train_epoch(self, data: Any, order: tf.Tensor, batch_size: int) -> dict[str, tf.Tensor]:
        self.model.reset_metrics()
        _each_batch(
            lambda start, size: self.model.train_step(_take(data, tf.slice(order, [start], [size]))),
            order.shape[0],
            batch_size,
        )
        return self.model.get_metrics_result()

    def _evaluate(self, data: Any, rows: int) -> dict[str, tf.Tensor]:
        self.model.reset_metrics()
        _each_batch(
            lambda start, size: self.model.test_step(
                tf.nest.map_structure(lambda array: array[start : start + size], data)
            ),
            rows,
            EVALUATION_BATCH,
        )
        return self.model.get_metrics_result()


def _each_batch(step: Callable[[tf.Tensor, int], Any], rows: int, batch_size: int) -> None:
    """Call `step(start, size)` for every batch: a loop in the graph over the full ones, then the rest."""
    full = rows // batch_size

    def body(index: tf.Tensor) -> tf.Tensor:
        step(index * batch_size, batch_size)
        return index + 1

    if full:
        tf.while_loop(lambda index: index < full, body, [tf.constant(0)], parallel_iterations=1)
    if rows % batch_size:
        step(tf.constant(full * batch_size), rows % batch_size)


def _program(model: keras.Model, data: Any) -> _Program:
    """The model's program, made anew after each `compile` (which makes a new loss tracker)."""
    program = getattr(model, "_folklore_program", None)
    if program is None or program.loss_tracker is not model.metrics[0]:
        # Create every variable before tracing: a graph function may create none on its second call.
        model.optimizer.build(model.trainable_variables)
        model.test_step(tf.nest.map_structure(lambda array: array[:1], data))
        program = _Program(model)
        # Past Keras' attribute tracking, which would take the program's model for a layer of the model.
        object.__setattr__(model, "_folklore_program", program)
    return program


def _check_monitors(model: keras.Model, callbacks: Sequence[keras.callbacks.Callback], *, validated: bool) -> None:
    names = list(model.get_metrics_result())
    known = [*names, *(f"val_{name}" for name in names if validated)]
    for callback in callbacks:
        known += getattr(callback, "logs_names", lambda _: [])(names)
    for callback in callbacks:
        monitor = getattr(callback, "monitor", None)
        if monitor is not None and monitor not in known:
            raise ValueError(
                f"{type(callback).__name__} monitors {monitor!r}, which is not logged. Logged here: {', '.join(known)}."
            )


def _wants_batches(callback: keras.callbacks.Callback) -> bool:
    # Keras' own checkpoint and TensorBoard callbacks have batch hooks that do nothing when told to act by epoch.
    if "epoch" in (getattr(callback, "save_freq", None), getattr(callback, "update_freq", None)):
        return False
    return any(
        getattr(getattr(callback, hook), "__func__", None) is not getattr(keras.callbacks.Callback, hook)
        for hook in _BATCH_HOOKS
    )


def _on_device(data: Any) -> Any:
    """Arrays as tensors; floats in Keras' float type, as its own `fit` casts them."""

    def tensor(array: Any) -> tf.Tensor:
        if not tf.is_tensor(array):
            array = np.asarray(array)
            if np.issubdtype(array.dtype, np.floating):
                array = array.astype(keras.config.floatx(), copy=False)
        return tf.convert_to_tensor(array)

    return tf.nest.map_structure(tensor, data)


def _rows(data: Any) -> int:
    sizes = {len(array) for array in tf.nest.flatten(data)}
    if len(sizes) != 1 or sizes == {0}:
        raise ValueError(f"The arrays have {sorted(sizes)} rows. Give arrays of one length, at least 1.")
    return int(sizes.pop())


def _take(data: Any, index: tf.Tensor) -> Any:
    return tf.nest.map_structure(lambda array: tf.gather(array, index), data)


def _rate(layer: keras.layers.Layer) -> float:
    return float(getattr(layer, "rate", getattr(layer, "stddev", 0.0)))


def _floats(logs: dict[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in logs.items()}
