"""Checkpoints from which training resumes exactly."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from callbacks import checkpoint_files

# The state of Keras' own callbacks, which Keras does not save.
_REMEMBERED = {
    keras.callbacks.EarlyStopping: ("wait", "stopped_epoch", "best", "best_epoch", "best_weights"),
    keras.callbacks.ReduceLROnPlateau: ("wait", "best", "cooldown_counter"),
}
_ARRAY = "__array__"


class StopAskedError(Exception):
    """Training was asked to stop, and its state is saved."""


class Checkpoints(keras.callbacks.Callback):
    """Saves the whole state of a training as one unit, and restores the one that was found.

    The state is the variables of model and optimizer (weights, moving statistics, moments, the generators of dropout),
    the state of the callbacks and of Python's and NumPy's global generators, and the epoch. Nothing is saved after the
    last epoch, nor after one that ended the training. A resumed training ends as it would have without interruption.
    The last two checkpoints are kept. Place this callback last.

    Args:
        directory: of the checkpoints.
        callbacks: those before this one. `get_state` and `set_state` of those that have them are called; the state is
            a dictionary, with text as keys, of numbers, text, None, lists and arrays; tuples come back as lists. The
            state of Keras' EarlyStopping and ReduceLROnPlateau is saved too. `flush` is called before a checkpoint,
            where a callback has it.
        belongs: that on which the state depends, as data for JSON, see `checkpoint_files.write`.
        found: the checkpoint to restore, see `checkpoint_files.newest`; None starts from the beginning.
        logs: a directory whose event files' sizes are saved under "event_files", so that what was written later can be
            cut off before training resumes.
        every: seconds between two checkpoints.
        stop: asked after every epoch; once it returns True, the state is saved and `StopAskedError` raised.
        clock: returns seconds.

    Example:
        >>> import folklore, models
        >>> import numpy as np
        >>> from pathlib import Path
        >>> from callbacks import Checkpoints
        >>> x, y = np.ones((8, 2)), np.ones(8)
        >>> model = models.mlp((2,), 1, widths=(4,))
        >>> model.compile("adam", "mse")
        >>> checkpoints = Checkpoints(Path("checkpoint"), callbacks=[], belongs={"seed": 0}, every=0)
        >>> history = folklore.fit(model, (x, y), epochs=3, callbacks=[checkpoints], mode="step")
        >>> sorted(path.name for path in Path("checkpoint").iterdir())
        ['epoch-000001', 'epoch-000002']
    """

    def __init__(
        self,
        directory: Path,
        callbacks: Sequence[keras.callbacks.Callback],
        belongs: Mapping[str, Any],
        found: checkpoint_files.Found | None = None,
        logs: Path | None = None,
        every: float = 30.0,
        stop: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.directory, self.callbacks, self.belongs = Path(directory), list(callbacks), dict(belongs)
        self.found, self.logs = found, logs
        self.every, self.stop, self.clock = every, stop, clock

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Restore the checkpoint; the other callbacks have reset themselves by now.

        Raises:
            DamagedError: it does not fit the model, its optimizer or the callbacks. It is removed.
        """
        self.saved = self.clock()
        self.checked = False
        if self.found is None:
            return
        arrays = self.found.arrays
        try:
            if self.found.epoch + 1 >= self.params["epochs"]:
                raise ValueError(f"the training ends after epoch {self.params['epochs']}")
            for number, variable in enumerate(self._variables()):
                variable.assign(arrays[f"variable-{number}"])
            for callback, state in zip(self.callbacks, self.found.state["callbacks"], strict=True):
                _restore(callback, _unpacked(state, arrays))
            _set_random_state(_unpacked(self.found.state["random"], arrays))
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise checkpoint_files.reject(self.found, f"it does not fit: {error}") from error
        self.model._initial_epoch = self.found.epoch + 1  # where Keras' BackupAndRestore tells `fit` to begin
        self.found = None

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Save if it is time and training continues.

        Raises:
            TypeError: the state of a callback is not one that a checkpoint can hold. The first epoch shows it, however
                late a checkpoint is due.
            StopAskedError: the state is saved, as asked.
        """
        if not self.checked:
            for callback in self.callbacks:
                _state(callback, {})
            self.checked = True
        if self.model.stop_training or epoch + 1 >= self.params["epochs"]:
            return
        asked = self.stop()
        if asked or self.clock() - self.saved >= self.every:
            self.save(epoch)
        if asked:
            raise StopAskedError(f"stopped after epoch {epoch + 1}, as asked")

    def save(self, epoch: int) -> None:
        """Write a checkpoint of the state after `epoch` (from 0)."""
        for callback in self.callbacks:
            if hasattr(callback, "flush"):
                callback.flush()
        arrays = {f"variable-{number}": _array(variable) for number, variable in enumerate(self._variables())}
        state = {
            "callbacks": [_state(callback, arrays) for callback in self.callbacks],
            "random": _packed(_random_state(), arrays),
            "event_files": self._event_files(),
        }
        checkpoint_files.write(self.directory, epoch, arrays, state, self.belongs)
        self.saved = self.clock()

    def _event_files(self) -> dict[str, int]:
        """Their sizes in bytes, by their path in `logs`."""
        if (logs := self.logs) is None:
            return {}
        return {str(file.relative_to(logs)): file.stat().st_size for file in logs.rglob("events.out.tfevents.*")}

    def _variables(self) -> list[keras.Variable]:
        return [*self.model.variables, *self.model.optimizer.variables]


def _state(callback: keras.callbacks.Callback, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """What a callback remembers, as data for JSON: as a callback of Keras', and by its own `get_state`."""
    keras_own = {
        name: getattr(callback, name)
        for kind, names in _REMEMBERED.items()
        if isinstance(callback, kind)
        for name in names
    }
    own = callback.get_state() if hasattr(callback, "get_state") else {}
    try:
        return {"keras": _packed(keras_own, arrays), "own": _packed(own, arrays)}
    except TypeError as error:
        raise TypeError(
            f"get_state of {type(callback).__name__} returned {error}, which a checkpoint cannot hold. Return a "
            "dictionary whose keys are text, of numbers, text, None, lists, NumPy arrays and such dictionaries."
        ) from None


def _restore(callback: keras.callbacks.Callback, state: Mapping[str, Any]) -> None:
    for name, value in state["keras"].items():
        setattr(callback, name, value)
    if hasattr(callback, "set_state"):
        try:
            callback.set_state(state["own"])
        except Exception as error:  # its author's code, which may raise anything
            what = f"set_state of {type(callback).__name__} failed: {type(error).__name__}: {error}"
            raise ValueError(what) from error


def _random_state() -> dict[str, Any]:
    """The state of Python's and NumPy's global generators, from which callbacks may draw."""
    return {"python": random.getstate(), "numpy": np.random.get_state(legacy=False)}


def _set_random_state(state: Mapping[str, Any]) -> None:
    version, numbers, gauss = state["python"]
    random.setstate((version, tuple(numbers), gauss))
    np.random.set_state(state["numpy"])


def _array(value: Any) -> np.ndarray:
    return keras.ops.convert_to_numpy(value)


def _packed(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """The value as data for JSON, its arrays put among `arrays` and named in their place."""
    if isinstance(value, np.ndarray):
        arrays[name := f"array-{len(arrays)}"] = value
        return {_ARRAY: name}
    if isinstance(value, Mapping):
        if other := [key for key in value if not isinstance(key, str)]:
            raise TypeError(f"a dictionary with the key {other[0]!r}")
        return {key: _packed(item, arrays) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_packed(item, arrays) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    if value is not None and not isinstance(value, bool | int | float | str):
        raise TypeError(f"an object of the type {type(value).__name__}")
    return value


def _unpacked(value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """The inverse of `_packed`; tuples come back as lists."""
    if isinstance(value, Mapping):
        return arrays[value[_ARRAY]] if _ARRAY in value else {k: _unpacked(item, arrays) for k, item in value.items()}
    return [_unpacked(item, arrays) for item in value] if isinstance(value, list) else value
