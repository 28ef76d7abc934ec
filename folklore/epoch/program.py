"""The compiled functions of one model: an epoch of training, an evaluation, a prediction, a single step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from folklore.epoch.device_data import Placed, rows_from, take
from folklore.epoch.dropout_masks import counted
from folklore.epoch.fingerprint import structure
from folklore.epoch.model_traits import is_keras_own
from folklore.epoch.replicas import Replicas
from folklore.keras_internals import (
    all_layers,
    build_variables,
    compilation,
    functions_named_after,
    metrics_or_logs,
    outputs_per_row,
)

EVALUATION_BYTES = 2**22  # activations of a batch that stay in a processor's cache
_Step = Callable[[tf.Tensor, int], dict[str, Any]]  # takes a batch's first row and its size; returns logs
_COMPILED = ("xla", "graph")


class Program:
    """The compiled functions of one model, until it is compiled again. The seeds of an arm share them."""

    def __init__(self, model: keras.Model) -> None:
        self.model = model
        self.compilation = compilation(model)
        self.replicas = Replicas(model.distribute_strategy)
        self.steps = {
            "train": tf.function(self.replicas.spread(model.train_step), autograph=False),
            "test": tf.function(model.test_step, autograph=False),
            "predict": tf.function(model.predict_step, autograph=False),
        }
        # A custom step may log other values than the model's metrics.
        self.custom = {
            kind: not (is_keras_own(model, f"{kind}_step") and is_keras_own(model, "compute_metrics"))
            for kind in ("train", "test")
        }
        self.names: dict[str, list[str]] = {}
        self.concrete: dict[Any, Any] = {}
        self.evaluations, self.epochs = (
            {mode: tf.function(function, autograph=False, jit_compile=mode == "xla") for mode in _COMPILED}
            for function in (self._evaluate, self._train_epoch)
        )
        self.predictions = {"graph": tf.function(self._predict, autograph=False)}

    @counted()
    def build(self, kind: str, data: Placed, size: int | None = None) -> list[str]:
        """Create every variable that a step needs, without taking a step; return the names that it logs.

        Variables must exist before tracing, because a graph function may not create any on its second call. The batch
        has its real size, which a stateful layer may require.
        """
        if kind not in self.names:
            batch = data.batch(0, size or evaluation_batch(self.model))
            if self.custom[kind]:
                # A custom step may use neither `call` nor the compiled loss, so the step itself is traced.
                self.names[kind] = list(self.steps[kind].get_concrete_function(batch).structured_outputs)
            else:
                with self.replicas.scope():
                    build_variables(self.model, batch)
                self.names[kind] = list(self.model.get_metrics_result())
        return self.names[kind]

    @counted()
    def train(
        self,
        data: Placed,
        order: np.ndarray,
        batch_size: int,
        mode: str,
        hooks: keras.callbacks.Callback | None = None,
        steps: int | None = None,
    ) -> dict[str, Any]:
        """Train one epoch in `order`, or its first `steps` full batches and the last; return the running averages."""
        full = len(order) // batch_size if steps is None else steps
        if mode in _COMPILED:
            return self._call(self.epochs[mode], data, tf.constant(order), batch_size, tf.constant(full))
        if steps is not None:
            order = order[: batch_size * steps]
        return self._step_by_step("train", data.batches(order, batch_size), hooks or keras.callbacks.Callback())

    @counted()
    def evaluate(
        self, data: Placed, mode: str = "graph", watcher: keras.callbacks.Callback | None = None
    ) -> dict[str, Any]:
        """Loss and metrics over all rows, in inference mode; batch by batch if there is a watcher."""
        if self.model.run_eagerly or watcher or not data.resident:
            self.model.stop_evaluating = False
            batches = data.batches(None, evaluation_batch(self.model))
            return self._step_by_step("test", batches, watcher or keras.callbacks.Callback())
        self.build("test", data)
        return self._call(self.evaluations[mode], data)

    @counted()
    def predict(self, data: Placed) -> np.ndarray:
        """The first output on all rows, in inference mode, float32 (n, outputs)."""
        if data.resident and not self.model.run_eagerly:
            return self._concrete(self.predictions["graph"], data)(data.tensors).numpy()
        batches = data.batches(None, evaluation_batch(self.model))
        step = self.model.predict_step if self.model.run_eagerly else self.steps["predict"]
        return np.concatenate([_answer(step(batch)).numpy() for batch in batches])

    @counted()
    def state(self, data: Placed, order: np.ndarray, batch_size: int) -> list[tf.Variable]:
        """Every variable that training reads or changes."""
        arguments = (tf.constant(order), batch_size, tf.constant(1))
        return list(self._concrete(self.epochs["graph"], data, *arguments).variables)

    def _call(self, function: Any, data: Placed, *arguments: Any) -> dict[str, Any]:
        """The logs of a compiled function, as numbers.

        The concrete function is looked up by the data's shapes and the plain numbers among the arguments only.
        `tf.function`'s own look-up takes a quarter of a millisecond, which is much for an epoch of seven.
        """
        return _numbers(self._concrete(function, data, *arguments)(data.tensors, *arguments))

    def _concrete(self, function: Any, data: Placed, *arguments: Any) -> Any:
        numbers = tuple(argument for argument in arguments if isinstance(argument, int))
        key = (function, data.signature, numbers)
        if key not in self.concrete:
            with functions_named_after(repr((self._name(function), data.signature, numbers, self._structure))):
                self.concrete[key] = function.get_concrete_function(data.tensors, *arguments)
        return self.concrete[key]

    def _name(self, function: Any) -> str:
        kinds = {"test": self.evaluations, "train": self.epochs, "predict": self.predictions}
        return next(f"{kind} {mode}" for kind in kinds for mode, each in kinds[kind].items() if each is function)

    @cached_property
    def _structure(self) -> str:
        return structure(self.model)

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

    def _train_epoch(self, tensors: Any, order: tf.Tensor, batch_size: int, full: tf.Tensor) -> dict[str, tf.Tensor]:
        step = self.replicas.spread(self.model.train_step)
        rest = order.shape[0] % batch_size
        return self._loop(
            "train",
            lambda start, size: step(take(tensors, tf.slice(order, [start], [size]))),
            (full, batch_size, order.shape[0] - rest, rest),
        )

    def _evaluate(self, tensors: Any) -> dict[str, tf.Tensor]:
        rows = tf.nest.flatten(tensors[0])[0].shape[0]
        size = evaluation_batch(self.model)
        full, rest = divmod(rows, size)
        return self._loop(
            "test",
            lambda start, size: self.model.test_step(rows_from(tensors, start, size)),
            (tf.constant(full), size, rows - rest, rest),
        )

    def _predict(self, tensors: Any) -> tf.Tensor:
        """The last batch has its full size too and so begins within the one before: one size is traced, not two."""
        rows = tf.nest.flatten(tensors[0])[0].shape[0]
        size = min(evaluation_batch(self.model), rows)
        full, rest = divmod(rows, size)

        def outputs(start: tf.Tensor) -> tf.Tensor:
            return _answer(self.model.predict_step(rows_from(tensors, start, size)))

        if full == 1 and not rest:
            return outputs(tf.constant(0))
        starts = [*range(0, full * size, size), *([rows - size] if rest else [])]
        batches = tf.map_fn(outputs, tf.constant(starts), fn_output_signature=tf.float32, parallel_iterations=1)
        whole = tf.reshape(batches[:full], [full * size, *batches.shape[2:]])
        return tf.concat([whole, batches[-1, size - rest :]], axis=0) if rest else whole

    def _loop(self, kind: str, step: _Step, extent: tuple[tf.Tensor, int, int, int]) -> dict[str, tf.Tensor]:
        self.model.reset_metrics()
        logs = _each_batch(step, *extent, keep=self.custom[kind])
        # Keras' rule: the last step's logs, unless they are only the metrics.
        return metrics_or_logs(self.model, logs) if self.custom[kind] else self.model.get_metrics_result()


def _answer(outputs: Any) -> tf.Tensor:
    """The first of a model's outputs, as float32 under any precision: the others only help to train it."""
    return tf.cast(keras.tree.flatten(outputs)[0], tf.float32)


def evaluation_batch(model: keras.Model) -> int:
    """The number of rows in a batch of `evaluate`.

    The model's own batch size if it is fixed; else a power of two from 256 to 16,384 that keeps the activations in a
    processor's cache; 1,024 if the activations are unknown.
    """
    inputs = keras.tree.flatten(model.inputs or [])
    if inputs and inputs[0].shape[0]:
        return int(inputs[0].shape[0])
    largest = max(activations(model), default=EVALUATION_BYTES / 4 / 1024)
    return int(2 ** np.clip(np.floor(np.log2(EVALUATION_BYTES / 4 / largest)), 8, 14))


def activations(model: keras.Model) -> Iterator[int]:
    """The number of output values per row, for each layer that was called on symbolic tensors."""
    for layer in all_layers(model):
        yield from (math.prod(filter(None, shape)) for shape in outputs_per_row(layer))


def program_of(model: keras.Model) -> Program:
    """The model's program, created again after each `compile` (which makes a new configuration)."""
    if not model.compiled:
        raise ValueError("The model is not compiled. Call model.compile(optimizer, loss) first.")
    program = getattr(model, "_folklore_program", None)
    if program is None or program.compilation is not compilation(model):
        program = Program(model)
        # Bypasses Keras' attribute tracking, which would add the program's model as a layer of the model.
        object.__setattr__(model, "_folklore_program", program)
    return program


def _each_batch(step: _Step, full: tf.Tensor, size: int, rest_start: int, rest: int, *, keep: bool) -> dict[str, Any]:
    """Call `step(start, size)` for `full` batches in a loop in the graph, then for the `rest`.

    The number of full batches is an argument of the call, not part of the program, so that measuring a few steps runs
    the same program as the training. To keep the last step's logs, the loop must know their shapes before it begins, so
    the first step is taken outside the loop.
    """
    logs: dict[str, Any] = {}
    first = 0
    if keep and rest_start:
        logs, first = step(tf.constant(0), size), 1

    def body(index: tf.Tensor, kept: dict[str, Any]) -> tuple[tf.Tensor, dict[str, Any]]:
        now = step(index * size, size)
        return index + 1, {name: now[name] for name in kept}

    if rest_start:
        _, logs = tf.while_loop(lambda index, _: index < full, body, [tf.constant(first), logs], parallel_iterations=1)
    if rest:
        logs = step(tf.constant(rest_start), rest)
    return logs


def _numbers(logs: dict[str, Any]) -> dict[str, Any]:
    """Logs as floats; a vector metric as an array, as in Keras' History."""
    return {name: keras.ops.convert_to_numpy(value) if np.ndim(value) else float(value) for name, value in logs.items()}
