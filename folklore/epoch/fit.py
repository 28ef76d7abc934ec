"""`fit`, `evaluate` and `predict`."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, get_args

import keras
import numpy as np

from folklore.declare.recipe import Mode
from folklore.epoch.checks import (
    TEST_HOOKS,
    TRAIN_HOOKS,
    check_data,
    check_labels,
    check_monitors,
    class_count,
    is_due,
    wants,
    whole_number,
)
from folklore.epoch.choice import choose_mode
from folklore.epoch.device_data import Placed, Rows, place, split
from folklore.epoch.pipelines import Pipeline, is_pipeline
from folklore.epoch.program import program_of
from folklore.epoch.rows import Shuffle, check_class_weight, for_every_class, rows_of, with_class_weight
from folklore.keras_internals import take_restored_epoch


def fit(
    model: keras.Model,
    data: Any,
    *,
    epochs: int,
    batch_size: int | None = None,
    seed: int = 0,
    shuffle: Shuffle = True,
    class_weight: Mapping[int, float] | None = None,
    steps_per_epoch: int | None = None,
    validation_data: Any = None,
    validation_split: float = 0.0,
    validation_freq: int | Collection[int] = 1,
    validation_batch_size: int | None = None,
    validation_steps: int | None = None,
    callbacks: keras.callbacks.Callback | Sequence[keras.callbacks.Callback] | None = None,
    mode: Mode = "auto",
    initial_epoch: int = 0,
    verbose: Literal["auto", 0, 1, 2] = 0,
) -> keras.callbacks.History:
    """Train a compiled Keras model, with one graph call per epoch.

    The arguments mean what they mean in `keras.Model.fit`; docs/fit.md says what differs, and why.

    Args:
        model: a compiled `keras.Model`, trained from the current state of its weights, optimizer and dropout
            generators. If it was built in the scope of a `tf.distribute.MirroredStrategy`, all replicas train it.
        data: `(x, y)` or `(x, y, sample_weight)`, each an array, a tensor, a pandas frame or series, a list of numbers,
            or a nest of these, of shape (n, ...); or a result of `folklore.place`. They are put on the device once;
            data too large for it are streamed to it, step by step. Or a pipeline of batches: a `tf.data.Dataset`, a
            `keras.utils.PyDataset`, or an iterator. It runs again in every epoch, because it may shuffle or augment;
            `folklore.place` reads it once instead, and then it is as fast as arrays.
        epochs: index of the epoch to stop before, as in `keras.Model.fit`.
        batch_size: rows per step, 32 by default; the last, smaller batch of an epoch is used too. Not for a pipeline.
        seed: sets the order of the rows in each epoch, see `epoch_order`; it does not depend on earlier epochs. So it
            does the order of the batches of a `PyDataset` with a length; other pipelines have an order of their own.
        shuffle: False takes the rows in the given order; "replayed" repeats the order of the first epoch in all epochs,
            as Keras' `fit` does under a global seed. Not for pipelines with an order of their own.
        class_weight: from class index to the weight of its rows; classes without one weigh 1.
        steps_per_epoch: the most steps of an epoch; the next epoch continues with the rows that follow. Without
            `batch_size`, arrays are divided into so many batches. Needed for pipelines without end.
        validation_data: as `data`; evaluated after every epoch, see `evaluate`; its logs begin with `val_`.
        validation_split: the share of the rows, taken from the end before shuffling, that is `validation_data`.
        validation_freq: evaluate after every so many epochs, or after the epochs in this collection, counted from 1.
        validation_batch_size: rows per batch of validation; by default as many as are fast, or `batch_size` if a
            callback has hooks for test batches.
        validation_steps: batches of validation; by default all.
        callbacks: Keras callbacks. If one has hooks for train batches, the epoch runs step by step; if one has hooks
            for test batches, validation runs batch by batch.
        mode: "xla" compiles the epoch with XLA, "graph" runs it as a plain TensorFlow graph, "step" calls one step at
            a time; "auto" takes the fastest, as measured by `choose_mode`, and the graph for a pipeline. Modes differ
            in speed and rounding, but not in the mathematics or in the dropout masks, see
            `folklore.epoch.dropout_masks`. A model compiled with `run_eagerly=True` runs step by step without a graph.
        initial_epoch: the first epoch, unless a callback such as `BackupAndRestore` restores a later one.
        verbose: 0 prints nothing; anything else a line after each epoch. For a bar that grows with each step, give
            `keras.callbacks.ProgbarLogger()` as a callback: the epoch then runs step by step.

    Returns:
        The `keras.callbacks.History` that Keras' own `fit` would return.

    Raises:
        ValueError: the model is not compiled, an argument is invalid or does not go with the others, the data do not
            fit the model or its loss, arrays differ in length or are empty, a pipeline is empty, unbatched or without
            end, the batch size is not a multiple of the number of replicas, or a callback monitors a name that will
            not be logged. (Keras only warns about the last and then never stops. So does this function if the model
            runs eagerly, because the names are unknown before the first step.)
        TypeError: data hold neither numbers nor text, or text where the model takes numbers.

    Example:
        >>> import folklore, models
        >>> import numpy as np
        >>> x, y = np.ones((8, 2)), np.ones(8)
        >>> model = models.mlp((2,), 1, widths=(4,))
        >>> model.compile("adam", "mse")
        >>> history = folklore.fit(model, (x, y), epochs=2, batch_size=4, validation_split=0.25, mode="graph")
        >>> history.epoch, list(history.history)
        ([0, 1], ['loss', 'val_loss'])
    """
    if mode not in get_args(Mode):
        raise ValueError(f"mode {mode!r} is unknown. Use one of: {', '.join(get_args(Mode))}.")
    if not isinstance(shuffle, bool | np.bool) and shuffle != "replayed":
        raise ValueError(
            f"shuffle is {shuffle!r}. Give True, for an order of its own in each epoch, 'replayed', for that of the "
            "first epoch in all of them, or False."
        )
    seed, epochs = whole_number("seed", seed, least=0), whole_number("epochs", epochs, least=0)
    initial_epoch = whole_number("initial_epoch", initial_epoch, least=0)
    program = program_of(model)
    if validation_split and validation_data is None:
        data, validation_data = split(data, validation_split)
    order = {"seed": seed, "shuffle": shuffle}
    train = _batches(model, data, "data", batch_size, steps_per_epoch, class_weight or None, **order)
    train.check_epochs(epochs - initial_epoch)
    if train.batch_size is not None:
        program.replicas.check(train.batch_size)
    due = sum(is_due(epoch, validation_freq) for epoch in range(initial_epoch, epochs))
    validation = None
    if validation_data is not None:
        own_size = validation_batch_size or (None if is_pipeline(validation_data) else batch_size)
        validation = _batches(model, validation_data, "validation_data", own_size, validation_steps)
        validation.check_epochs(due)

    given = [*keras.tree.flatten(callbacks or []), *([_Lines()] if verbose else [])]
    params = {"epochs": epochs, "steps": train.known, "verbose": 1}
    hooks = keras.callbacks.CallbackList(given, add_history=True, model=model, **params)
    watcher = hooks if any(wants(callback, TEST_HOOKS) for callback in hooks.callbacks) else None
    tested = None if validation is None else validation.data
    size = validation_batch_size or (validation.batch_size if validation and watcher else None)
    if not model.run_eagerly:
        names = program.build("train", train, train.batch_size)
        validated = program.build("test", tested) if tested is not None else []
        check_labels(model, train, "data")
        check_labels(model, validation, "validation_data")
        check_monitors(hooks.callbacks, names, [*names, *(f"val_{name}" for name in validated)])
    stepwise = model.run_eagerly or any(wants(callback, TRAIN_HOOKS) for callback in hooks.callbacks)
    mode = "step" if stepwise else _fastest(model, train, mode, epochs - initial_epoch)
    evaluating = evaluation_mode(mode, epochs - initial_epoch)

    model.stop_training = False
    hooks.on_train_begin()
    # Callbacks that resume set it, as in Keras' fit; it holds for this training only.
    initial_epoch = take_restored_epoch(model) or initial_epoch
    logs: dict[str, Any] = {}
    for epoch in range(initial_epoch, epochs):
        hooks.on_epoch_begin(epoch)
        trained = program.epoch(train, epoch, mode, hooks)
        if not trained and train.ended:
            break  # an iterator without a further batch
        logs = trained
        if tested is not None and is_due(epoch, validation_freq):
            hooks.on_test_begin()
            results = program.evaluate(tested, evaluating, watcher, size)
            hooks.on_test_end(results)
            logs |= {f"val_{name}": value for name, value in results.items()}
        hooks.on_epoch_end(epoch, logs)
        if model.stop_training or train.ended:
            break
    if epochs > initial_epoch and model.optimizer is not None:
        # Moving averages of the weights (use_ema) now replace the weights, as at the end of Keras' fit.
        model.optimizer.finalize_variable_values(model.trainable_weights)
    hooks.on_train_end(logs)
    return model.history


def evaluate(model: keras.Model, data: Any, mode: Literal["xla", "graph"] = "graph") -> dict[str, Any]:
    """Loss and metrics of a compiled model on `(x, y)` of shape (n, ...), in inference mode.

    The result equals that of `keras.Model.evaluate` with batches of `evaluation_batch(model)` rows, to float32
    rounding, so a loss that is not a mean over rows (`reduction="sum"`) differs from Keras' result for its default
    batch size of 32. Like Keras, it resets the model's metrics.

    Args:
        model: a compiled `keras.Model`.
        data: as for `fit`; a pipeline is read to its end.
        mode: "graph", or "xla" if these rows are evaluated many times, see `evaluation_mode`.

    Example:
        >>> import folklore, models
        >>> import numpy as np
        >>> x, y = np.ones((8, 2)), np.ones(8)
        >>> model = models.mlp((2,), 1, widths=(4,))
        >>> model.compile("adam", "mse")
        >>> list(folklore.evaluate(model, (x, y)))
        ['loss']
    """
    if isinstance(data, Placed):  # at once, for it may be evaluated after every epoch
        return program_of(model).evaluate(data, mode)
    batches = _batches(model, data)
    check_labels(model, batches)
    return program_of(model).evaluate(batches.data, mode)


def predict(model: keras.Model, data: Any) -> np.ndarray:
    """The outputs of a compiled model on all rows, in inference mode, float32 (n, outputs).

    Of a model with several outputs, those of the first. The result equals that of `keras.Model.predict` to float32
    rounding.

    Args:
        model: a compiled `keras.Model`.
        data: as for `fit`; targets and weights are ignored. A pipeline of inputs only is fine.

    Example:
        >>> import folklore, models
        >>> import numpy as np
        >>> from folklore import epoch
        >>> x, y = np.ones((8, 2)), np.ones(8)
        >>> model = models.mlp((2,), 1, widths=(4,))
        >>> model.compile("adam", "mse")
        >>> epoch.predict(model, (x, y)).shape
        (8, 1)
    """
    return program_of(model).predict(Pipeline(data) if is_pipeline(data) else place(data))


def evaluation_mode(mode: Mode, epochs: int) -> Literal["xla", "graph"]:
    """The evaluation mode for a model that trains for `epochs` epochs in `mode` and is evaluated after each.

    With the large batches of an evaluation, XLA saves at most a third, and compiling takes as long as twenty
    evaluations in the graph.
    """
    return "xla" if mode == "xla" and epochs >= 20 else "graph"


def _batches(
    model: keras.Model,
    data: Any,
    name: str = "data",
    batch_size: int | None = None,
    steps: int | None = None,
    class_weight: Mapping[int, float] | None = None,
    **order: Any,
) -> Rows | Pipeline:
    """The batches of each epoch, once it is clear that the model can take them."""
    if steps is not None:
        steps = whole_number("steps_per_epoch" if name == "data" else "validation_steps", steps, least=1)
    if batch_size is not None:
        batch_size = whole_number("batch_size", batch_size, least=1)
    if class_weight is not None:
        check_class_weight(class_weight)
    if is_pipeline(data):
        if batch_size is not None:
            raise ValueError(f"batch_size is {batch_size}, and {name} is a pipeline, whose batches have their sizes.")
        weights = class_weight and for_every_class(class_weight, class_count(model))
        pipeline = Pipeline(data, name, steps=steps, class_weight=weights, **order)
        check_data(model, pipeline.spec, name)
        return pipeline
    given = data.arrays if isinstance(data, Placed) else rows_of(name, data)
    check_data(model, given, name)
    if class_weight is not None:
        given = with_class_weight(given, class_weight)
        data = place(given, data.scaling or None) if isinstance(data, Placed) else given
    placed = data if isinstance(data, Placed) else place(given, name=name)
    size = batch_size or (-(-placed.rows // steps) if steps else 32)
    targets = None if isinstance(data, Placed) or len(given) == 1 else given[1]
    return Rows(placed, size, steps=steps, targets=targets, **order)


def _fastest(model: keras.Model, train: Rows | Pipeline, mode: Mode, epochs: int) -> Mode:
    if isinstance(train, Rows) and not train.placed.resident:
        return "step"
    if mode != "auto":
        return mode
    if isinstance(train, Pipeline):
        return "graph"
    return choose_mode(model, train.placed, train.batch_size, train.limit * epochs).mode


class _Lines(keras.callbacks.Callback):
    """Prints a line after each epoch."""

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._begun = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        told = [f"{name}: {np.array2string(np.asarray(value), precision=4)}" for name, value in (logs or {}).items()]
        begin = f"Epoch {epoch + 1}/{self.params['epochs']} - {time.perf_counter() - self._begun:.1f}s"
        print(" - ".join([begin, *told]), flush=True)
