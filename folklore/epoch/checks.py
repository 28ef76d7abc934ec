"""Checks of the arguments and callbacks of `folklore.fit`, made before it trains."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from typing import Any

import keras

from folklore.declare import checks

TRAIN_HOOKS = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")
TEST_HOOKS = ("on_test_batch_begin", "on_test_batch_end")
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
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.ModelCheckpoint) and not callback.save_best_only:
            continue  # it saves whatever its monitor says
        monitor = getattr(callback, "monitor", None)
        if monitor is not None and monitor not in allowed:
            raise ValueError(
                f"{type(callback).__name__} monitors {monitor!r}, which is not logged. Logged here: "
                f"{', '.join(allowed)}."
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
