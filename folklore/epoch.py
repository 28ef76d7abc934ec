"""The compiled epoch: `fit` over data that sits on the device, with the loop over steps inside one graph call.

`keras.Model.fit` returns to Python after every batch; for the small networks of this suite that costs up to fifty
times the arithmetic. Here a whole epoch is one call. Each step is the model's own `train_step`, so loss, metrics and
optimizer are exactly those given to `compile`; only who drives the loop differs.

This is the only module of the project that imports TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, get_args

import keras
import numpy as np
import tensorflow as tf

from folklore.fit_checks import TEST_HOOKS, TRAIN_HOOKS, arrays, check_monitors, wants, whole_number
from folklore.model_traits import is_keras_own, xla_compiles, xla_is_slow_on_cpus
from folklore.random_numbers import counted
from folklore.spec import Mode

EVALUATION_BATCH = 1024
_Step = Callable[[tf.Tensor, int], dict[str, Any]]  # of a batch's first row and its size; returns logs


def fit(
    model: keras.Model,
    data: tuple[Any, ...],
    *,
    epochs: int,
    batch_size: int = 32,
    seed: int = 0,
    validation_data: tuple[Any, ...] | None = None,
    callbacks: keras.callbacks.Callback | Sequence[keras.callbacks.Callback] | None = None,
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
        validation_data: given to `evaluate`, in its batches, after every epoch; its logs begin with `val_`.
        callbacks: Keras callbacks. One with hooks for train batches is given them, and the epoch is then run step by
            step; one with hooks for test batches is given those, and validation is then run batch by batch.
        mode: "xla" compiles the epoch with XLA, "graph" runs it as a plain TensorFlow graph, "step" calls one step at
            a time; "auto" takes `choose_mode(model)`. Speed and rounding differ, the mathematics does not, nor do
            the masks of dropout layers, which are those of `folklore.random_numbers`. A model compiled with
            `run_eagerly=True` runs without any graph, step by step.
        initial_epoch: the epoch to begin with. One that a callback such as `BackupAndRestore` restores comes first.

    Returns:
        The `keras.callbacks.History` that Keras' own `fit` would return.

    Raises:
        ValueError: the model is not compiled, an argument is not what is said above, arrays differ in length or are
            empty, or a callback monitors something that will not be logged (Keras itself only warns, and then never
            stops; so does this where the model runs eagerly, since nothing is known before the first step).
    """
    if mode not in get_args(Mode):
        raise ValueError(f"mode {mode!r} is unknown. Use one of: {', '.join(get_args(Mode))}.")
    batch_size, seed = whole_number("batch_size", batch_size, least=1), whole_number("seed", seed, least=0)
    epochs = whole_number("epochs", epochs, least=0)
    initial_epoch = whole_number("initial_epoch", initial_epoch, least=0)
    data, rows = _on_device("data", data)
    validation = None if validation_data is None else _on_device("validation_data", validation_data)
    program = _program(model)
    given, steps = keras.tree.flatten(callbacks or []), -(-rows // batch_size)
    hooks = keras.callbacks.CallbackList(given, add_history=True, model=model, epochs=epochs, steps=steps, verbose=0)
    if not model.run_eagerly:
        names = program.build("train", data, batch_size)
        validated = program.build("test", validation[0], EVALUATION_BATCH) if validation else []
        check_monitors(hooks.callbacks, names, [*names, *(f"val_{name}" for name in validated)])
    if model.run_eagerly or any(wants(callback, TRAIN_HOOKS) for callback in hooks.callbacks):
        mode = "step"
    elif mode == "auto":
        mode = choose_mode(model)
    watcher = hooks if any(wants(callback, TEST_HOOKS) for callback in hooks.callbacks) else None

    model.stop_training = False
    hooks.on_train_begin()
    initial_epoch = model._initial_epoch or initial_epoch  # set by callbacks that resume, as in Keras' fit
    logs: dict[str, Any] = {}
    for epoch in range(initial_epoch, epochs):
        hooks.on_epoch_begin(epoch)
        order = tf.constant(epoch_order(seed, epoch, rows))
        logs = program.train(data, order, batch_size, mode, hooks)
        if validation is not None:
            hooks.on_test_begin()
            results = program.evaluate(*validation, watcher)
            hooks.on_test_end(results)
            logs |= {f"val_{name}": value for name, value in results.items()}
        hooks.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    if epochs > initial_epoch and model.optimizer is not None:
        # Moving averages of the weights (use_ema) replace them now, as at the end of Keras' fit.
        model.optimizer.finalize_variable_values(model.trainable_weights)
    hooks.on_train_end(logs)
    return model.history


def evaluate(model: keras.Model, data: tuple[Any, ...]) -> dict[str, Any]:
    """Loss and metrics of a compiled model on `(x, y)` of shape (n, ...), in inference mode.

    Equal to `keras.Model.evaluate` with batches of `EVALUATION_BATCH` rows, to float32 rounding; resets the model's
    metrics, as that does. So a loss that is no mean over rows (`reduction="sum"`) differs from what Keras gives for
    its usual 32, and a model of fixed batch size needs data of that many rows, or the constant set to it.
    """
    return _program(model).evaluate(*_on_device("data", data))


def epoch_order(seed: int, epoch: int, rows: int) -> np.ndarray:
    """The permutation of `range(rows)` that epoch `epoch` visits: int32, a function of its arguments alone."""
    return np.random.default_rng([seed, epoch]).permutation(rows).astype(np.int32)


def choose_mode(model: keras.Model) -> Literal["xla", "graph"]:
    """The mode that "auto" stands for: XLA, but a graph where XLA cannot compile a layer, or is slow on this CPU."""
    suits = xla_compiles(model) and (devices() == "gpu" or not xla_is_slow_on_cpus(model))
    return "xla" if suits else "graph"


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
        self.compilation = model._compile_config
        self.steps = {
            "train": tf.function(model.train_step, autograph=False),
            "test": tf.function(model.test_step, autograph=False),
        }
        # A step that is not Keras' own may log other things than the model's metrics.
        self.custom = {
            kind: not (is_keras_own(model, f"{kind}_step") and is_keras_own(model, "compute_metrics"))
            for kind in self.steps
        }
        self.names: dict[str, list[str]] = {}
        self.evaluation = tf.function(self._evaluate, autograph=False)
        self.epochs: dict[str, Callable[..., dict[str, tf.Tensor]]] = {
            mode: tf.function(self._train_epoch, autograph=False, jit_compile=mode == "xla")
            for mode in ("xla", "graph")
        }

    @counted()
    def build(self, kind: str, data: Any, size: int) -> list[str]:
        """Create every variable a step needs, without taking one; return the names it logs.

        Variables come before tracing, since a graph function may create none on its second call, and the batch has
        the real size, which a stateful layer may insist on.
        """
        if kind not in self.names:
            batch = _slice(data, 0, size)
            if self.custom[kind]:
                # Only the step itself knows what it needs: perhaps neither `call` nor the compiled loss.
                self.names[kind] = list(self.steps[kind].get_concrete_function(batch).structured_outputs)
            else:
                self.model._symbolic_build(data_batch=batch)
                self.names[kind] = list(self.model.get_metrics_result())
        return self.names[kind]

    @counted()
    def train(
        self, data: Any, order: tf.Tensor, batch_size: int, mode: str, hooks: keras.callbacks.Callback
    ) -> dict[str, Any]:
        """Train one epoch in `order`; return the running averages of loss and metrics."""
        if mode != "step":
            return _numbers(self.epochs[mode](data, order, batch_size))
        starts = range(0, len(order), batch_size)
        return self._step_by_step("train", (_take(data, order[start : start + batch_size]) for start in starts), hooks)

    @counted()
    def evaluate(self, data: Any, rows: int, watcher: keras.callbacks.Callback | None = None) -> dict[str, Any]:
        """Loss and metrics over all `rows`, in inference mode; batch by batch if there is a watcher."""
        if self.model.run_eagerly or watcher:
            self.model.stop_evaluating = False
            batches = (_slice(data, start, EVALUATION_BATCH) for start in range(0, rows, EVALUATION_BATCH))
            return self._step_by_step("test", batches, watcher or keras.callbacks.Callback())
        self.build("test", data, EVALUATION_BATCH)
        return _numbers(self.evaluation(data, rows))

    def _step_by_step(self, kind: str, batches: Iterable[Any], hooks: keras.callbacks.Callback) -> dict[str, Any]:
        step = getattr(self.model, f"{kind}_step") if self.model.run_eagerly else self.steps[kind]
        begin, end = getattr(hooks, f"on_{kind}_batch_begin"), getattr(hooks, f"on_{kind}_batch_end")
        self.model.reset_metrics()
        logs: dict[str, Any] = {}
        for number, batch in enumerate(batches):
            begin(number)
            logs = step(batch)
            end(number, logs)
            if self.model.stop_training if kind == "train" else self.model.stop_evaluating:
                break
        return _numbers(logs)

    def _train_epoch(self, data: Any, order: tf.Tensor, batch_size: int) -> dict[str, tf.Tensor]:
        return self._loop(
            "train",
            lambda start, size: self.model.train_step(_take(data, tf.slice(order, [start], [size]))),
            order.shape[0],
            batch_size,
        )

    def _evaluate(self, data: Any, rows: int) -> dict[str, tf.Tensor]:
        return self._loop(
            "test", lambda start, size: self.model.test_step(_slice(data, start, size)), rows, EVALUATION_BATCH
        )

    def _loop(self, kind: str, step: _Step, rows: int, batch_size: int) -> dict[str, tf.Tensor]:
        self.model.reset_metrics()
        logs = _each_batch(step, rows, batch_size, keep=self.custom[kind])
        # Keras' rule: the last step's logs, if they are not just the metrics.
        return self.model._get_metrics_result_or_logs(logs) if self.custom[kind] else self.model.get_metrics_result()


def _each_batch(step: _Step, rows: int, batch_size: int, *, keep: bool) -> dict[str, Any]:
    """Call `step(start, size)` for every batch: a loop in the graph over the full ones, then the rest.

    To keep the last step's logs, the loop must know their shapes before it begins: the first step is then taken
    outside of it.
    """
    full, rest = divmod(rows, batch_size)
    logs: dict[str, Any] = {}
    first = 0
    if keep and full:
        logs, first = step(tf.constant(0), batch_size), 1

    def body(index: tf.Tensor, kept: dict[str, Any]) -> tuple[tf.Tensor, dict[str, Any]]:
        now = step(index * batch_size, batch_size)
        return index + 1, {name: now[name] for name in kept}

    if first < full:
        _, logs = tf.while_loop(lambda index, _: index < full, body, [tf.constant(first), logs], parallel_iterations=1)
    if rest:
        logs = step(tf.constant(full * batch_size), rest)
    return logs


def _program(model: keras.Model) -> _Program:
    """The model's program, made anew after each `compile` (which makes a new configuration)."""
    if not model.compiled:
        raise ValueError("The model is not compiled. Call model.compile(optimizer, loss) first.")
    program = getattr(model, "_folklore_program", None)
    if program is None or program.compilation is not model._compile_config:
        program = _Program(model)
        # Past Keras' attribute tracking, which would take the program's model for a layer of the model.
        object.__setattr__(model, "_folklore_program", program)
    return program


def _on_device(name: str, data: Any) -> tuple[Any, int]:
    """Arrays as tensors, floats in Keras' float type, as its own `fit` casts them; and how many rows they have."""

    def tensor(array: Any) -> tf.Tensor:
        if not tf.is_tensor(array):
            array = np.asarray(array)
            if np.issubdtype(array.dtype, np.floating):
                array = array.astype(keras.config.floatx(), copy=False)
        return tf.convert_to_tensor(array)

    data = arrays(name, data)
    sizes = {len(array) for array in tf.nest.flatten(data)}
    if len(sizes) != 1 or sizes == {0}:
        raise ValueError(f"The arrays have {sorted(sizes)} rows. Give arrays of one length, at least 1.")
    return tf.nest.map_structure(tensor, data), int(sizes.pop())


def _slice(data: Any, start: Any, size: int) -> Any:
    return tf.nest.map_structure(lambda array: array[start : start + size], data)


def _take(data: Any, index: tf.Tensor) -> Any:
    return tf.nest.map_structure(lambda array: tf.gather(array, index), data)


def _numbers(logs: dict[str, Any]) -> dict[str, Any]:
    """Logs as floats, but a metric that is a vector as an array, as in Keras' History."""
    return {name: keras.ops.convert_to_numpy(value) if np.ndim(value) else float(value) for name, value in logs.items()}
