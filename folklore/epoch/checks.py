"""Checks of the arguments, callbacks and data of `folklore.fit`, made before it trains."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from numbers import Integral
from typing import Any

import keras
import numpy as np

from folklore.declare import checks
from folklore.epoch.model_traits import is_keras_own
from folklore.keras_internals import profiles

TRAIN_HOOKS = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")
TEST_HOOKS = ("on_test_batch_begin", "on_test_batch_end")
# Losses for which targets and outputs have one shape; others may compare each row with classes or sequences.
BY_VALUE = ("mean_squared_error", "mean_absolute_error", "huber", "log_cosh", "binary_crossentropy", "poisson")
# Their batch hooks do nothing when they are set to act by epoch.
_BY_EPOCH = (keras.callbacks.ModelCheckpoint, keras.callbacks.BackupAndRestore, keras.callbacks.TensorBoard)


def whole_number(name: str, value: Any, least: int) -> int:
    """`value` as an int; NumPy's integers are allowed too.

    Raises:
        ValueError: it is not an integer, or below `least`.
    """
    # True is an int to Python: `checks.whole_number` refuses it.
    number = int(value) if isinstance(value, Integral) and not isinstance(value, bool) else value
    checks.whole_number(name, number, least)
    return number


def is_due(epoch: int, validation_freq: int | Collection[int]) -> bool:
    """Whether to evaluate after an epoch, counted from 0; `validation_freq` counts from 1, as in Keras.

    Raises:
        ValueError: `validation_freq` is neither a positive integer nor a collection of integers.
    """
    if isinstance(validation_freq, Collection) and not isinstance(validation_freq, str | bytes):
        return epoch + 1 in validation_freq
    return (epoch + 1) % whole_number("validation_freq", validation_freq, least=1) == 0


def check_monitors(callbacks: Iterable[keras.callbacks.Callback], names: list[str], logged: list[str]) -> None:
    """Refuse a callback whose `monitor` will not be logged.

    Args:
        callbacks: all of them; one may add to the logs the names that its `logs_names(names)` returns.
        names: the logs of a training step.
        logged: these, and those of validation.

    Raises:
        ValueError: a callback's `monitor` is not among the logs. Keras only warns, and then never stops or saves.
    """
    callbacks = list(callbacks)
    allowed = list(logged)
    for callback in callbacks:
        allowed += getattr(callback, "logs_names", lambda _: [])(names)
        if isinstance(callback, keras.callbacks.LearningRateScheduler | keras.callbacks.ReduceLROnPlateau):
            allowed.append("learning_rate")
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.ModelCheckpoint) and not callback.save_best_only:
            continue  # it saves whatever its monitor says
        monitor = getattr(callback, "monitor", None)
        if isinstance(monitor, str) and monitor not in allowed:
            raise ValueError(
                f"{type(callback).__name__} monitors {monitor!r}, which is not logged. Logged here: "
                f"{', '.join(allowed)}. A callback that adds it to the logs says so by a method "
                f"logs_names(names), which returns [{monitor!r}]."
            )


def wants(callback: keras.callbacks.Callback, hooks: Iterable[str]) -> bool:
    """Whether one of `hooks` does something in this callback."""
    idle: tuple[type, ...] = (keras.callbacks.Callback,)
    by_epoch = "epoch" in (getattr(callback, "save_freq", None), getattr(callback, "update_freq", None))
    if by_epoch and not profiles(callback):
        idle += _BY_EPOCH
    # Functions are compared, not classes: a subclass may have a hook of its own beside those it inherits.
    return any(
        getattr(getattr(callback, hook), "__func__", None) not in [getattr(kind, hook) for kind in idle]
        for hook in hooks
    )


# Data that do not fit the model: typical mistakes, each refused with one clear sentence.


def check_data(model: keras.Model, batch: Any, name: str = "data") -> None:
    """Refuse data that the model cannot train on, as far as shapes and dtypes tell; Keras finds the rest.

    Args:
        model: compiled.
        batch: `x`, `(x, y)` or `(x, y, sample_weight)` of arrays, tensors or tensor specs, of shape (n, ...).
        name: the name of the argument, for messages.

    Raises:
        ValueError: rows of x do not have the shape that the model takes, targets are missing or do not fit the loss.
        TypeError: x or y holds text where the model takes numbers.
    """
    x, y, _ = keras.utils.unpack_x_y_sample_weight(batch)
    if is_keras_own(model, "train_step"):
        _check_inputs(model, x, name)
    if all(is_keras_own(model, method) for method in ("train_step", "compute_loss")):
        _check_targets(model, y, name)


def check_labels(model: keras.Model, batches: Any, name: str = "data") -> None:
    """Refuse class indices for which the model has no output.

    Args:
        model: compiled; its outputs are known once it is built, if it is not a subclass with a `call` of its own.
        batches: `device_data.Rows`, whose targets are checked, or anything else, which is not.
        name: the name of the argument, for messages.

    Raises:
        ValueError: an index is negative, or too large.
    """
    y, output = getattr(batches, "targets", None), _output(model)
    if not isinstance(y, np.ndarray) or output is None or _loss_name(model) != "sparse_categorical_crossentropy":
        return
    count, ignored = output.shape[-1], getattr(model.loss, "ignore_class", None)
    if count is None or ignored is not None or y.dtype.kind not in "biuf":
        return
    least, most = y.min(), y.max()
    if not (least >= 0 and most < count):  # NaN is neither
        raise ValueError(
            f"In {name}, y has classes from {least} to {most}, and the model has {count} outputs, for classes 0 to "
            f"{count - 1}. Number the classes from 0, or give the model an output for each."
        )


def class_count(model: keras.Model) -> int | None:
    """The number of classes that a functional model with one output tells apart; None if that is unknown."""
    output = _output(model)
    return None if output is None or output.shape[-1] is None else max(2, output.shape[-1])


def _check_inputs(model: keras.Model, x: Any, name: str) -> None:
    inputs, given = keras.tree.flatten(getattr(model, "inputs", None) or []), keras.tree.flatten(x)
    if not inputs or isinstance(x, dict):
        return
    if len(given) != len(inputs):
        hint = " For a list of rows give np.stack(x)." if len(inputs) == 1 else ""
        raise ValueError(f"In {name}, x holds {len(given)} arrays, and the model has {len(inputs)} inputs.{hint}")
    for array, wanted in zip(given, inputs, strict=True):
        if _is_text(array) and wanted.dtype != "string":
            raise TypeError(f"In {name}, x holds text, and the model takes numbers. Encode it as numbers.")
        if _rank(array) is None:
            raise ValueError(f"In {name}, x has no known shape. Set it in the pipeline, by tf.ensure_shape.")
        has, takes = tuple(array.shape)[1:], tuple(wanted.shape)[1:]
        # Keras adds or drops a last axis of size 1.
        if not any(_agree(has, shape) for shape in _squeezed(takes)):
            if _agree(tuple(array.shape), takes):
                raise ValueError(f"In {name}, x is a single row, of shape {takes}. Give rows of this shape: x[None].")
            raise ValueError(f"In {name}, rows of x have shape {has}, and the model takes {takes}.{_hint(has, takes)}")


def _hint(has: tuple[Any, ...], takes: tuple[Any, ...]) -> str:
    if None in (*has, *takes) or np.prod(has) != np.prod(takes):
        return ""
    return f" Reshape it: x.reshape({', '.join(map(str, (-1, *takes)))})."


def _check_targets(model: keras.Model, y: Any, name: str) -> None:
    loss, output = _loss_name(model), _output(model)
    if loss is None:
        return
    if y is None:
        raise ValueError(f"{name} has no targets, and the model's loss needs them. Give {name} as (x, y).")
    if len(keras.tree.flatten(y)) != 1:
        return
    (array,) = keras.tree.flatten(y)
    if _is_text(array):
        raise TypeError(
            f"In {name}, y holds text, and the loss takes numbers. Number the classes: "
            "names, y = np.unique(y, return_inverse=True)."
        )
    if output is None or _rank(array) is None or output.shape[-1] is None:
        return
    has, outputs = tuple(array.shape)[1:], tuple(output.shape)[1:]
    told = f"In {name}, rows of y have shape {has}, the model's outputs {outputs}"
    one_value = len(has) < len(outputs) or has[-1] == 1
    if loss == "sparse_categorical_crossentropy" and not one_value:
        raise ValueError(f"{told}, and sparse categorical cross-entropy takes class indices: y.argmax(axis=-1).")
    if loss == "categorical_crossentropy" and one_value and outputs[-1] > 1:
        raise ValueError(
            f"{told}, and categorical cross-entropy takes one-hot rows: use loss='sparse_categorical_crossentropy', or "
            "keras.utils.to_categorical(y)."
        )
    if loss in BY_VALUE and not any(_agree(has, shape) for shape in _squeezed(outputs)) and 1 not in (*has, *outputs):
        raise ValueError(f"{told}, and the loss compares them value by value. Give both one shape.")


def _loss_name(model: keras.Model) -> str | None:
    """The name of the function of a model's only loss; "" if it is not one of Keras' own, None if there is none."""
    loss = getattr(model, "loss", None)
    try:
        loss = keras.losses.get(loss) if isinstance(loss, str) else loss if callable(loss) else None
    except ValueError:  # a misspelt name, which Keras explains
        loss = None
    if loss is None:
        return None
    function = getattr(loss, "fn", loss)
    # A subclass may have a `call` of its own.
    made_by = function if function is loss else type(loss)
    own = made_by.__module__.startswith("keras.") and getattr(function, "__module__", "").startswith("keras.")
    return getattr(function, "__name__", "") if own else ""


def _output(model: keras.Model) -> Any:
    """The only output of a functional model; otherwise None."""
    outputs = keras.tree.flatten(getattr(model, "outputs", None) or [])
    return outputs[0] if len(outputs) == 1 and len(outputs[0].shape) > 1 else None


def _squeezed(shape: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """The shapes that Keras takes for this one."""
    return [shape, (*shape, 1), *([shape[:-1]] if shape and shape[-1] == 1 else [])]


def _agree(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Whether two shapes are equal as far as they are known."""
    return len(one) == len(other) and all(None in (a, b) or a == b for a, b in zip(one, other, strict=True))


def _rank(array: Any) -> int | None:
    rank = getattr(array.shape, "rank", -1)
    return len(array.shape) if rank == -1 else rank


def _is_text(array: Any) -> bool:
    return getattr(array.dtype, "kind", "") in "OUS" if isinstance(array, np.ndarray) else array.dtype == "string"
