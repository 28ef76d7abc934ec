"""What `folklore.fit` asks of its arguments and callbacks before it trains: one sentence each where it is not so."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from typing import Any

import keras

TRAIN_HOOKS = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")
TEST_HOOKS = ("on_test_batch_begin", "on_test_batch_end")
# Their batch hooks do nothing when they are told to act by epoch.
_BY_EPOCH = (keras.callbacks.ModelCheckpoint, keras.callbacks.BackupAndRestore, keras.callbacks.TensorBoard)


def whole_number(name: str, value: Any, least: int) -> int:
    """`value` as an int.

    Raises:
        ValueError: it is no whole number, or below `least`.
    """
    # True is an int to Python, and nobody means it.
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise ValueError(f"{name} is {value!r}. Use a whole number from {least}.")
    return int(value)


def arrays(name: str, data: Any) -> tuple[Any, ...]:
    """`data` as a tuple without trailing None, so that `(x, y, None)` is `(x, y)`, as to Keras.

    Raises:
        ValueError: it is not one to three arrays in a tuple or list.
    """
    advice = f"Give {name} as (x, y) or (x, y, sample_weight)."
    if not isinstance(data, tuple | list):
        raise ValueError(f"{name} is of type {type(data).__name__}, not a tuple. {advice}")
    given = tuple(data)
    while given and given[-1] is None:
        given = given[:-1]
    if not 1 <= len(given) <= 3:
        raise ValueError(f"{name} holds {len(given)} arrays. {advice}")
    return given


def check_monitors(callbacks: Iterable[keras.callbacks.Callback], names: list[str], logged: list[str]) -> None:
    """Refuse a callback that monitors what nobody will log.

    Args:
        callbacks: all of them; one may add to the logs what its `logs_names(names)` tells.
        names: the logs of a training step.
        logged: these, and those of validation.

    Raises:
        ValueError: a callback's `monitor` is not among the logs. Keras only warns, and then never stops or saves.
    """
    callbacks = list(callbacks)
    known = list(logged)
    for callback in callbacks:
        known += getattr(callback, "logs_names", lambda _: [])(names)
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.ModelCheckpoint) and not callback.save_best_only:
            continue  # it saves whatever its monitor says
        monitor = getattr(callback, "monitor", None)
        if monitor is not None and monitor not in known:
            raise ValueError(
                f"{type(callback).__name__} monitors {monitor!r}, which is not logged. Logged here: {', '.join(known)}."
            )


def wants(callback: keras.callbacks.Callback, hooks: Iterable[str]) -> bool:
    """Whether one of `hooks` does something in this callback."""
    idle: tuple[type, ...] = (keras.callbacks.Callback,)
    if "epoch" in (getattr(callback, "save_freq", None), getattr(callback, "update_freq", None)):
        idle += _BY_EPOCH
    # Functions are compared, not classes: a subclass may have a hook of its own beside those it inherits.
    return any(
        getattr(getattr(callback, hook), "__func__", None) not in [getattr(kind, hook) for kind in idle]
        for hook in hooks
    )
