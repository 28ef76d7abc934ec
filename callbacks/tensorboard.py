"""Curves for TensorBoard, train and validation in one chart."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
from tensorboard.plugins.graph.keras_util import keras_model_to_graph_def
from tensorboard.plugins.histogram.summary_v2 import histogram_pb
from tensorboard.plugins.text.summary_v2 import text_pb

from callbacks.event_file import EventFile
from callbacks.names import learning_rate_in, metrics_in


class TensorBoard(keras.callbacks.Callback):
    """Writes `train/` and `validation/` below `directory`, so that equal tags share one chart.

    Train metrics are those of `TrainMetrics`; Keras' running averages appear as `running/…`, probes as `probe/…`, the
    learning rate as `learning_rate`. The Keras graph and `text` are written once, weights every `histograms` epochs.
    Steps are epochs, from 1. Unlike `keras.callbacks.TensorBoard` it needs no TensorFlow and costs a fraction of a
    millisecond per epoch.

    Args:
        directory: the run's directory.
        text: Markdown for the Text tab.
        histograms: epochs between two histograms of every weight; 0 writes none.
        every: seconds between two flushes to disk.
        clock: returns wall time in seconds.

    Example:
        >>> import folklore, models
        >>> import numpy as np
        >>> from callbacks import TensorBoard
        >>> x, y = np.ones((8, 2)), np.ones(8)
        >>> model = models.mlp((2,), 1, widths=(4,))
        >>> model.compile("adam", "mse")
        >>> board = TensorBoard("run", text="A small network.")
        >>> history = folklore.fit(model, (x, y), epochs=1, callbacks=[board], mode="step")
        >>> board.files["train"].path.parent.as_posix()
        'run/train'
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        text: str = "",
        histograms: int = 0,
        every: float = 2.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        self.directory, self.text, self.histograms = Path(directory), text, histograms
        self.every, self.clock = every, clock

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Open the files."""
        train = EventFile(self.directory / "train", self.clock)
        self.files = {"train": train, "running": train, "probe": train}
        self.flushed, self.introduced = self.clock(), False

    def get_state(self) -> dict[str, Any]:
        """Whether graph and text have been written."""
        return {"introduced": self.introduced}

    def set_state(self, state: dict[str, Any]) -> None:
        """The inverse of `get_state`."""
        self.introduced = state["introduced"]

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write this epoch's metrics, and its histograms if due; in the first epoch, also graph and text."""
        train = self.files["train"]
        if not self.introduced:
            if (graph := _graph(self.model)) is not None:
                train.add_graph(graph)
            if self.text:
                train.add_summary(text_pb("recipe", self.text), step=0)
            self.introduced = True
        scalars: dict[EventFile, dict[str, float]] = {train: {}}
        for split, metric, value in metrics_in(logs):
            tag = f"{split}/{metric}" if split in ("running", "probe") else metric
            scalars.setdefault(self._file(split), {})[tag] = value
        scalars[train]["learning_rate"] = learning_rate_in(logs, self.model)
        for file, values in scalars.items():
            file.add_scalars(values, epoch + 1)
        if self.histograms and (epoch + 1) % self.histograms == 0:
            for weight in self.model.weights:
                values = keras.ops.convert_to_numpy(weight)
                # Only finite values: NaN, in a diverged network, fits into no bucket.
                train.add_summary(histogram_pb(weight.path, values[abs(values) < float("inf")]), epoch + 1)
        if self.clock() - self.flushed >= self.every:
            self.flush()

    def flush(self) -> None:
        """Make everything so far visible to readers."""
        for file in self.files.values():
            file.flush()
        self.flushed = self.clock()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Close the files."""
        for file in self.files.values():
            file.close()

    def _file(self, split: str) -> EventFile:
        if split not in self.files:
            self.files[split] = EventFile(self.directory / split, self.clock)
        return self.files[split]


def _graph(model: keras.Model) -> bytes | None:
    """The graph of a model's layers, without the scope of the model, which TensorBoard would draw as one closed box.

    None of a model that has no layers to draw, such as a subclass with a `call` of its own: a picture that cannot be
    drawn, for whatever reason, must not end a training.
    """
    try:
        graph = keras_model_to_graph_def(_drawable(json.loads(model.to_json())))
        for node in graph.node:
            node.name = node.name.removeprefix(f"{model.name}/")
            node.input[:] = [name.removeprefix(f"{model.name}/") for name in node.input]
        return bytes(graph.SerializeToString())
    except Exception:
        return None


def _drawable(config: Any) -> Any:
    """A model's configuration as the graph writer can read it.

    Names of dtypes stand in place of policies, about which it logs a warning. Of the arguments of a layer only tensors
    are left: it fails on numbers and shapes, such as the number in `x * 2.0`.
    """
    if isinstance(config, dict):
        policy = config.get("config")
        if config.get("class_name") == "DTypePolicy" and isinstance(policy, dict):
            return str(policy.get("name")).removeprefix("mixed_")
        return {key: _drawable(_tensors(part) if key == "args" else part) for key, part in config.items()}
    return [_drawable(part) for part in config] if isinstance(config, list) else config


def _tensors(arguments: Any) -> list[Any]:
    """The tensors in nested lists of a layer's arguments."""
    if isinstance(arguments, list):
        return [tensor for argument in arguments for tensor in _tensors(argument)]
    return [arguments] if isinstance(arguments, dict) else []
