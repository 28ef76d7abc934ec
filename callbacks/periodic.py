"""Base classes of the pictures: when they are drawn, and where they are written."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras
from tensorboard.compat.proto.summary_pb2 import Summary

from callbacks.event_file import EventFile


class Periodic(keras.callbacks.Callback):
    """Acts every few epochs, and after the last one.

    To see the weights of the last epoch, place this callback before any that restores other weights when training ends
    (`BestWeights`, `keras.callbacks.EarlyStopping`).

    Args:
        every: epochs from one act to the next.

    Raises:
        ValueError: `every` is not a positive integer.
    """

    def __init__(self, every: int = 1) -> None:
        super().__init__()
        if type(every) is not int or every < 1:
            raise ValueError(f"every is {every!r}. Give the number of epochs as a positive integer.")
        self.every = every

    @abstractmethod
    def act(self, epoch: int) -> None:
        """The act after `epoch` (from 1)."""

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Forget any earlier training."""
        self.epoch = self.acted = 0

    def get_state(self) -> dict[str, Any]:
        """The last epoch, and the epoch of the last act."""
        return {"epoch": self.epoch, "acted": self.acted}

    def set_state(self, state: dict[str, Any]) -> None:
        """The inverse of `get_state`."""
        self.epoch, self.acted = state["epoch"], state["acted"]

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Act if it is due."""
        self.epoch = epoch + 1
        if self.epoch % self.every == 0:
            self._act()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Act, unless the last epoch already did."""
        if self.acted < self.epoch:
            self._act()

    def _act(self) -> None:
        self.act(self.epoch)
        self.acted = self.epoch


class Picture(Periodic):
    """Draws for TensorBoard's Images tab, into an event file of its own. Steps are epochs, from 1.

    Args:
        directory: the run's directory.
        split: the folder in it, "train" or "validation".
        every: epochs from one picture to the next; the last epoch is always drawn.
    """

    def __init__(self, directory: str | os.PathLike[str], split: str, every: int) -> None:
        super().__init__(every)
        self.folder = Path(directory) / split

    @abstractmethod
    def draw(self) -> Iterable[Summary]:
        """The pictures for the current weights; none if the weights are not finite."""

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Forget any earlier training. The file is opened with the first picture."""
        super().on_train_begin(logs)
        self.file: EventFile | None = None

    def act(self, epoch: int) -> None:
        """Draw and write."""
        for summary in self.draw():
            if self.file is None:
                self.file = EventFile(self.folder)
            self.file.add_summary(summary, epoch)
        if self.file is not None:
            self.file.flush()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Draw the last epoch and close the file."""
        super().on_train_end(logs)
        if self.file is not None:
            self.file.close()
