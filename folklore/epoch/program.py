"""The compiled functions of one model: an epoch of training, an evaluation, a prediction, a single step."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property, partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from folklore.epoch.device_data import Placed, Rows, rows_from, take
from folklore.epoch.dropout_masks import counted
from folklore.epoch.fingerprint import structure
from folklore.epoch.loops import Step, each_batch, each_batch_of, groups
from folklore.epoch.model_traits import evaluation_batch, is_keras_own
from folklore.epoch.pipelines import Counted, Pipeline
from folklore.epoch.replicas import Replicas
from folklore.keras_internals import (
    build_variables,
    compilation,
    functions_named_after,
    metrics_or_logs,
)

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
        # For a pipeline, whose batches may all differ in shape.
        self.varying = {
            kind: tf.function(function.python_function, autograph=False, reduce_retracing=True)
            for kind, function in self.steps.items()
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
        self.probed: dict[type, Any] = {}  # by class, what only probes need, see `probed.labelled`
        self.predictions = {"graph": tf.function(self._predict, autograph=False)}
        self.pipelines = {
            (kind, mode): tf.function(partial(self._pipeline, kind, mode), autograph=False)
            for kind in ("train", "test")
            for mode in _COMPILED
        }

    @counted()
    def build(self, kind: str, data: Placed | Rows | Pipeline, size: int | None = None) -> list[str]:
        """Create every variable that a step needs, without taking a step; return the names that it logs.

        Variables must exist before tracing, because a graph function may not create any on its second call. The batch
        has its real size, which a stateful layer may require.
        """
        if kind not in self.names:
            batch = data.example(size or self._evaluation_batch)
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

    def epoch(self, train: Rows | Pipeline, epoch: int, mode: str, hooks: keras.callbacks.Callback) -> dict[str, Any]:
        """Train one epoch; return the running averages, {} if there was no batch."""
        if isinstance(train, Pipeline):
            return self.pipeline("train", train, epoch, mode, hooks)
        return self.train(train.placed, train.order(epoch), train.batch_size, mode, hooks)

    @counted()
    def pipeline(
        self, kind: str, pipeline: Pipeline, epoch: int, mode: str, hooks: keras.callbacks.Callback | None = None
    ) -> dict[str, Any]:
        """Train or test one epoch on the batches that a pipeline makes; return the running averages, {} without any."""
        logs: dict[str, Any] = {}
        over = pipeline.ended
        while not over:
            batches = Counted(pipeline.begin(epoch), pipeline.limit)
            if mode == "step":
                logs = self._step_by_step(kind, batches, hooks or keras.callbacks.Callback(), self.varying[kind])
            else:
                logs = self._step_in_graph(kind, batches, mode)
            logs = logs if batches.taken else {}
            over = pipeline.end(batches.taken, out=batches.out)
        return logs

    @counted()
    def evaluate(
        self,
        data: Placed | Pipeline,
        mode: str = "graph",
        watcher: keras.callbacks.Callback | None = None,
        size: int | None = None,
    ) -> dict[str, Any]:
        """Loss and metrics over all rows, in inference mode; batch by batch if there is a watcher.

        The batches have `size` rows; None stands for as many as are fast.
        """
        stepwise = self.model.run_eagerly or watcher is not None
        self.model.stop_evaluating = False
        if not stepwise:
            self.build("test", data)
        if isinstance(data, Pipeline):
            return self.pipeline("test", data, 0, "step" if stepwise else mode, watcher)
        if stepwise or not data.resident:
            batches = data.batches(None, size or self._evaluation_batch)
            return self._step_by_step("test", batches, watcher or keras.callbacks.Callback())
        return self._call(self.evaluations[mode], data, size or self._evaluation_batch)

    @counted()
    def predict(self, data: Placed | Pipeline) -> np.ndarray:
        """The first output on all rows, in inference mode, float32 (n, outputs)."""
        if isinstance(data, Placed) and data.resident and not self.model.run_eagerly:
            return self._concrete(self.predictions["graph"], data)(data.tensors).numpy()
        if isinstance(data, Pipeline):
            batches, step = data.pass_over(), self.varying["predict"]
        else:
            batches, step = data.batches(None, self._evaluation_batch), self.steps["predict"]
        step = self.model.predict_step if self.model.run_eagerly else step
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
        key = (function, data.signature, numbers, tuple(tuple(a.shape) for a in arguments if tf.is_tensor(a)))
        if key not in self.concrete:
            with functions_named_after(repr((self._name(function), data.signature, numbers, self._structure))):
                self.concrete[key] = function.get_concrete_function(data.tensors, *arguments)
        return self.concrete[key]

    def _name(self, function: Any) -> str:
        kinds = {"test": self.evaluations, "train": self.epochs, "predict": self.predictions}
        return next(f"{kind} {mode}" for kind in kinds for mode, each in kinds[kind].items() if each is function)

    @cached_property
    def _evaluation_batch(self) -> int:
        return evaluation_batch(self.model)

    @cached_property
    def _structure(self) -> str:
        return structure(self.model)

    def _step_by_step(
        self, kind: str, batches: Iterable[Any], hooks: keras.callbacks.Callback, function: Any = None
    ) -> dict[str, Any]:
        """One call a step; hooks are called once for `steps_per_execution` steps, with the numbers that Keras gives."""
        step = getattr(self.model, f"{kind}_step") if self.model.run_eagerly else function or self.steps[kind]
        begin, end = getattr(hooks, f"on_{kind}_batch_begin"), getattr(hooks, f"on_{kind}_batch_end")
        self.model.reset_metrics()
        logs: dict[str, Any] = {}
        for first, group in groups(batches, self.model.steps_per_execution):
            begin(first)
            for batch in group:
                logs = step(batch)
            end(first + self.model.steps_per_execution - 1, logs)
            if self.model.stop_training if kind == "train" else self.model.stop_evaluating:
                break
        return _numbers(logs)

    def _step_in_graph(self, kind: str, batches: Counted, mode: str) -> dict[str, Any]:
        """The loop over the batches is in the graph, which asks the pipeline for each."""
        try:
            logs, taken = self.pipelines[kind, mode](batches.iterator, tf.constant(batches.limit))
        except tf.errors.OutOfRangeError:  # no first batch
            logs, taken = {}, 0
        batches.taken, batches.out = int(taken), taken < batches.limit
        return _numbers(logs)

    def _train_epoch(self, tensors: Any, order: tf.Tensor, batch_size: int, full: tf.Tensor) -> dict[str, tf.Tensor]:
        step = self.replicas.spread(self.model.train_step)
        rest = order.shape[0] % batch_size
        return self._loop(
            "train",
            lambda start, size: step(take(tensors, tf.slice(order, [start], [size]))),
            (full, batch_size, order.shape[0] - rest, rest),
        )

    def _pipeline(
        self, kind: str, mode: str, iterator: Any, limit: tf.Tensor
    ) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        step = self.replicas.spread(self.model.train_step) if kind == "train" else self.model.test_step
        if mode == "xla":  # the pipeline itself cannot be compiled
            step = tf.function(step, autograph=False, jit_compile=True)
        self.model.reset_metrics()
        logs, taken = each_batch_of(step, iterator, limit, keep=self.custom[kind])
        return self._results(kind, logs), taken

    def _evaluate(self, tensors: Any, size: int) -> dict[str, tf.Tensor]:
        rows = tf.nest.flatten(tensors[0])[0].shape[0]
        full, rest = divmod(rows, size)
        return self._loop(
            "test",
            lambda start, size: self.model.test_step(rows_from(tensors, start, size)),
            (tf.constant(full), size, rows - rest, rest),
        )

    def _predict(self, tensors: Any) -> tf.Tensor:
        """The last batch has its full size too and so begins within the one before: one size is traced, not two."""
        rows = tf.nest.flatten(tensors[0])[0].shape[0]
        size = min(self._evaluation_batch, rows)
        full, rest = divmod(rows, size)

        def outputs(start: tf.Tensor) -> tf.Tensor:
            return _answer(self.model.predict_step(rows_from(tensors, start, size)))

        if full == 1 and not rest:
            return outputs(tf.constant(0))
        starts = [*range(0, full * size, size), *([rows - size] if rest else [])]
        batches = tf.map_fn(outputs, tf.constant(starts), fn_output_signature=tf.float32, parallel_iterations=1)
        whole = tf.reshape(batches[:full], [full * size, *batches.shape[2:]])
        return tf.concat([whole, batches[-1, size - rest :]], axis=0) if rest else whole

    def _loop(self, kind: str, step: Step, extent: tuple[tf.Tensor, int, int, int]) -> dict[str, tf.Tensor]:
        self.model.reset_metrics()
        return self._results(kind, each_batch(step, *extent, keep=self.custom[kind]))

    def _results(self, kind: str, logs: dict[str, Any]) -> dict[str, tf.Tensor]:
        # Keras' rule: the last step's logs, unless they are only the metrics.
        return metrics_or_logs(self.model, logs) if self.custom[kind] else self.model.get_metrics_result()


def _answer(outputs: Any) -> tf.Tensor:
    """The first of a model's outputs, as float32 under any precision: the others only help to train it."""
    return tf.cast(keras.tree.flatten(outputs)[0], tf.float32)


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


def _numbers(logs: dict[str, Any]) -> dict[str, Any]:
    """Logs as floats; a vector metric as an array, as in Keras' History."""
    return {name: keras.ops.convert_to_numpy(value) if np.ndim(value) else float(value) for name, value in logs.items()}
