"""`fit` and `evaluate`. Read `fit` downwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import keras

from folklore.declare.recipe import Mode
from folklore.epoch.checks import TEST_HOOKS, TRAIN_HOOKS, check_monitors, wants, whole_number
from folklore.epoch.choice import choose_mode
from folklore.epoch.device_data import Placed, epoch_order, place
from folklore.epoch.program import program_of
from folklore.keras_internals import take_restored_epoch


def fit(
    model: keras.Model,
    data: tuple[Any, ...] | Placed,
    *,
    epochs: int,
    batch_size: int = 32,
    seed: int = 0,
    validation_data: tuple[Any, ...] | Placed | None = None,
    callbacks: keras.callbacks.Callback | Sequence[keras.callbacks.Callback] | None = None,
    mode: Mode = "auto",
    initial_epoch: int = 0,
) -> keras.callbacks.History:
    """Train a compiled Keras model, one graph call an epoch.

    Args:
        model: a compiled `keras.Model`. Its weights, optimizer and dropout generators are used as they stand. One that
            was built in the scope of a `tf.distribute.MirroredStrategy` is trained by all its replicas.
        data: `(x, y)` or `(x, y, sample_weight)`; each an array, or a nest of arrays, of shape (n, ...); or what
            `folklore.place` made of them. What is too large for the device is streamed to it, step by step.
        epochs: index of the epoch to stop before, as in `keras.Model.fit`.
        batch_size: rows a step; the last, smaller batch of an epoch is trained on too.
        seed: epoch e visits the rows in `epoch_order(seed, e, n)`, whatever happened before.
        validation_data: given to `evaluate`, in its batches, after every epoch; its logs begin with `val_`.
        callbacks: Keras callbacks. One with hooks for train batches is given them, and the epoch is then run step by
            step; one with hooks for test batches is given those, and validation is then run batch by batch.
        mode: "xla" compiles the epoch with XLA, "graph" runs it as a plain TensorFlow graph, "step" calls one step at
            a time; "auto" takes the fastest, as measured by `choose_mode`. Speed and rounding differ, the mathematics
            does not, nor do the masks of dropout layers, which are those of `folklore.epoch.dropout_masks`. A model
            compiled with `run_eagerly=True` runs without any graph, step by step.
        initial_epoch: the epoch to begin with. One that a callback such as `BackupAndRestore` restores comes first.

    Returns:
        The `keras.callbacks.History` that Keras' own `fit` would return.

    Raises:
        ValueError: the model is not compiled, an argument is not what is said above, arrays differ in length or are
            empty, a batch is not a multiple of the replicas, or a callback monitors something that will not be logged
            (Keras itself only warns, and then never stops; so does this where the model runs eagerly, since nothing is
            known before the first step).
    """
    if mode not in get_args(Mode):
        raise ValueError(f"mode {mode!r} is unknown. Use one of: {', '.join(get_args(Mode))}.")
    batch_size, seed = whole_number("batch_size", batch_size, least=1), whole_number("seed", seed, least=0)
    epochs = whole_number("epochs", epochs, least=0)
    initial_epoch = whole_number("initial_epoch", initial_epoch, least=0)
    data = place(data)
    validation = None if validation_data is None else place(validation_data, name="validation_data")
    program = program_of(model)
    program.replicas.check(batch_size)
    given, steps = keras.tree.flatten(callbacks or []), -(-data.rows // batch_size)
    hooks = keras.callbacks.CallbackList(given, add_history=True, model=model, epochs=epochs, steps=steps, verbose=0)
    if not model.run_eagerly:
        names = program.build("train", data, batch_size)
        validated = program.build("test", validation) if validation else []
        check_monitors(hooks.callbacks, names, [*names, *(f"val_{name}" for name in validated)])
    if model.run_eagerly or not data.resident or any(wants(callback, TRAIN_HOOKS) for callback in hooks.callbacks):
        mode = "step"
    elif mode == "auto":
        mode = choose_mode(model, data, batch_size, steps=steps * (epochs - initial_epoch)).mode
    evaluating = evaluation_mode(mode, epochs - initial_epoch)
    watcher = hooks if any(wants(callback, TEST_HOOKS) for callback in hooks.callbacks) else None

    model.stop_training = False
    hooks.on_train_begin()
    # Set by callbacks that resume, as in Keras' fit, and for this training alone.
    initial_epoch = take_restored_epoch(model) or initial_epoch
    logs: dict[str, Any] = {}
    for epoch in range(initial_epoch, epochs):
        hooks.on_epoch_begin(epoch)
        logs = program.train(data, epoch_order(seed, epoch, data.rows), batch_size, mode, hooks)
        if validation is not None:
            hooks.on_test_begin()
            results = program.evaluate(validation, evaluating, watcher)
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


def evaluate(
    model: keras.Model, data: tuple[Any, ...] | Placed, mode: Literal["xla", "graph"] = "graph"
) -> dict[str, Any]:
    """Loss and metrics of a compiled model on `(x, y)` of shape (n, ...), in inference mode.

    Equal to `keras.Model.evaluate` with batches of `evaluation_batch(model)` rows, to float32 rounding; resets the
    model's metrics, as that does. So a loss that is no mean over rows (`reduction="sum"`) differs from what Keras gives
    for its usual 32.

    Args:
        model: a compiled `keras.Model`.
        data: as for `fit`.
        mode: "graph", or "xla" for who evaluates these rows many times, see `evaluation_mode`.
    """
    return program_of(model).evaluate(place(data), mode)


def evaluation_mode(mode: Mode, epochs: int) -> Literal["xla", "graph"]:
    """The mode for an evaluation after each of so many epochs, of a model that trains in `mode`.

    With batches as large as an evaluation's, XLA gains a third at most, and compiling takes as long as twenty graphs.
    """
    return "xla" if mode == "xla" and epochs >= 20 else "graph"
