"""`fit`, `evaluate` and `predict`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import keras
import numpy as np

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
    """Train a compiled Keras model, with one graph call per epoch.

    Args:
        model: a compiled `keras.Model`, trained from the current state of its weights, optimizer and dropout
            generators. If it was built in the scope of a `tf.distribute.MirroredStrategy`, all replicas train it.
        data: `(x, y)` or `(x, y, sample_weight)`, each an array, or a nest of arrays, of shape (n, ...); or a result of
            `folklore.place`. Data too large for the device are streamed to it, step by step.
        epochs: index of the epoch to stop before, as in `keras.Model.fit`.
        batch_size: rows per step; the last, smaller batch of an epoch is used too.
        seed: sets the order of the rows in each epoch, see `epoch_order`; it does not depend on earlier epochs.
        validation_data: evaluated after every epoch, see `evaluate`; its logs begin with `val_`.
        callbacks: Keras callbacks. If one has hooks for train batches, the epoch runs step by step; if one has hooks
            for test batches, validation runs batch by batch.
        mode: "xla" compiles the epoch with XLA, "graph" runs it as a plain TensorFlow graph, "step" calls one step at
            a time; "auto" takes the fastest, as measured by `choose_mode`. Modes differ in speed and rounding, but not
            in the mathematics or in the dropout masks, see `folklore.epoch.dropout_masks`. A model compiled with
            `run_eagerly=True` runs step by step without a graph.
        initial_epoch: the first epoch, unless a callback such as `BackupAndRestore` restores a later one.

    Returns:
        The `keras.callbacks.History` that Keras' own `fit` would return.

    Raises:
        ValueError: the model is not compiled, an argument is invalid, arrays differ in length or are empty, the batch
            size is not a multiple of the number of replicas, or a callback monitors a name that will not be logged.
            (Keras only warns about the last and then never stops. So does this function if the model runs eagerly,
            because the names are unknown before the first step.)

    Example:
        >>> import folklore, models
        >>> import numpy as np
        >>> x, y = np.ones((8, 2)), np.ones(8)
        >>> model = models.mlp((2,), 1, widths=(4,))
        >>> model.compile("adam", "mse")
        >>> history = folklore.fit(model, (x, y), epochs=2, batch_size=4, mode="graph")
        >>> history.epoch, list(history.history)
        ([0, 1], ['loss'])
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
    # Callbacks that resume set it, as in Keras' fit; it holds for this training only.
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
        # Moving averages of the weights (use_ema) now replace the weights, as at the end of Keras' fit.
        model.optimizer.finalize_variable_values(model.trainable_weights)
    hooks.on_train_end(logs)
    return model.history


def evaluate(
    model: keras.Model, data: tuple[Any, ...] | Placed, mode: Literal["xla", "graph"] = "graph"
) -> dict[str, Any]:
    """Loss and metrics of a compiled model on `(x, y)` of shape (n, ...), in inference mode.

    The result equals that of `keras.Model.evaluate` with batches of `evaluation_batch(model)` rows, to float32
    rounding, so a loss that is not a mean over rows (`reduction="sum"`) differs from Keras' result for its default
    batch size of 32. Like Keras, it resets the model's metrics.

    Args:
        model: a compiled `keras.Model`.
        data: as for `fit`.
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
    return program_of(model).evaluate(place(data), mode)


def predict(model: keras.Model, data: tuple[Any, ...] | Placed) -> np.ndarray:
    """The outputs of a compiled model on all rows, in inference mode, float32 (n, outputs).

    Of a model with several outputs, those of the first. The result equals that of `keras.Model.predict` to float32
    rounding.

    Args:
        model: a compiled `keras.Model`.
        data: as for `fit`; targets and weights are ignored.

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
    return program_of(model).predict(place(data))


def evaluation_mode(mode: Mode, epochs: int) -> Literal["xla", "graph"]:
    """The evaluation mode for a model that trains for `epochs` epochs in `mode` and is evaluated after each.

    With the large batches of an evaluation, XLA saves at most a third, and compiling takes as long as twenty
    evaluations in the graph.
    """
    return "xla" if mode == "xla" and epochs >= 20 else "graph"
