"""A training of your own as a run that every command of the suite reads."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import math
import os
import platform
import re
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from callbacks.divergence import not_finite
from callbacks.event_file import EventFile
from callbacks.files import as_csv, write_bytes
from callbacks.names import split_and_metric
from callbacks.rows import Row, Rows
from callbacks.tensorboard import TensorBoard

PACKAGES = ("tensorflow", "keras", "tensorboard", "numpy", "jax", "torch")
WRITES = ("run.json", "history.csv", "DONE")


class Logger(keras.callbacks.Callback):
    """Writes one training into `directory`, as the suite writes a run: run.json, history.csv, event files, DONE.

    `folklore.declare` adds the question that such runs answer; `compare`, `report`, `board` and `list` then take the
    experiment's directory like one of the suite's own. The data, the recipe and the budget stay unknown.

    Metrics are called train/…, validation/… and test/…. Their values in run.json are those after the last epoch. What
    Keras reports while it trains, an average over an epoch in which the weights change, is recorded as train/…, unless
    `TrainMetrics` stands before and measures that; then it is running/…. A training that logs NaN or infinity is
    recorded as diverged. One that an exception ends has no DONE and does not count; training again replaces it.

    Args:
        directory: experiment, arm and seed, such as "logs/houses.width/64 units/seed-0".
        clock: returns wall time in seconds.

    Raises:
        ValueError: the directory is not called seed-0, seed-1, …, holds a finished run, or something that is no run.

    Example:
        >>> import folklore, models
        >>> import numpy as np
        >>> from callbacks import Logger
        >>> x, y = np.ones((8, 2)), np.ones(8)
        >>> model = models.mlp((2,), 1, widths=(4,))
        >>> model.compile("adam", "mse")
        >>> logger = Logger("logs/my.width/4 units/seed-0")
        >>> history = folklore.fit(model, (x, y), epochs=2, callbacks=[logger], mode="step")
        >>> logger.test(model.evaluate(x, y, return_dict=True, verbose=0))
        >>> folklore.runs("logs/my.width")[["arm", "seed", "status"]].to_dict("records")
        [{'arm': '4 units', 'seed': 0, 'status': 'done'}]
    """

    def __init__(self, directory: str | os.PathLike[str], clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self.directory, self.clock = Path(directory), clock
        self._record: dict[str, Any] = {}
        self._parts: list[Rows | TensorBoard] = []
        if not re.fullmatch(r"seed-\d+", self.directory.name) or len(self.directory.parts) < 3:
            raise ValueError(
                f"Logger was given {str(directory)!r}. Give the directory of an experiment, an arm and a seed, such as "
                "'logs/houses.width/64 units/seed-0'."
            )
        self._refuse_what_is_there()

    def _refuse_what_is_there(self) -> None:
        found = {file.name for file in self.directory.iterdir()} if self.directory.is_dir() else set()
        if "DONE" in found:
            raise ValueError(
                f"{self.directory} holds a finished run, and nothing is overwritten. Log into the directory of another "
                "seed, or delete this one."
            )
        record = _read(self.directory / "run.json")
        if found and not record.get("logged_by"):
            raise ValueError(
                f"{self.directory} holds {', '.join(sorted(found)[:3])}, which Logger did not write. Log into another "
                "directory."
            )

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Begin a run; remove what an unfinished one left."""
        self._refuse_what_is_there()
        for name in (*WRITES[::-1], *(f"{part}/events.out.tfevents.*" for part in ("train", "validation", "test"))):
            for leftover in self.directory.glob(name):
                leftover.unlink()
        self._begun, self._reason, self._epoch = self.clock(), "", 0
        self._record = {
            "arm": self.directory.parent.name,
            "seed": int(self.directory.name.removeprefix("seed-")),
            "status": "running",
            "identity": "",
            "recipe": {},
            "data": None,
            "logged_by": "callbacks.Logger",
            "session": uuid.uuid4().hex,
            "started": time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(self._begun)),
            "versions": _versions(),
            "machine": platform.platform(),
            "asked": self._asked(),
        }
        self._write_record()
        self._parts = [Rows(self._write_history, clock=self.clock), TensorBoard(self.directory, clock=self.clock)]
        for part in self._parts:
            part.set_model(self.model)
            part.on_train_begin(logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Record this epoch's metrics."""
        numbers = _numbers(logs or {})
        if not self._reason and (reason := not_finite(numbers)):
            self._reason, self._epoch = reason, epoch + 1
        recorded = _as_recorded(numbers)
        for part in self._parts:
            part.on_epoch_end(epoch, recorded)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Write the results, and DONE last of all.

        Raises:
            ValueError: another training has begun in the same directory meanwhile, and the files there are its own.
        """
        rows_of_run, events = self._parts
        events.on_train_end(logs)
        if _read(self.directory / "run.json").get("session") != self._record["session"]:
            raise ValueError(
                f"Another training was begun in {self.directory} before this one ended, so this one is not recorded. "
                "Give each training a directory of its own."
            )
        rows_of_run.on_train_end(logs)
        rows = rows_of_run.rows
        latest = {name: value for row in rows for name, value in row.items() if "/" in name}
        diverged = bool(self._reason)
        self._record |= {
            "status": "diverged" if diverged else "done",
            "divergence": {"epoch": self._epoch, "reason": self._reason} if diverged else None,
            "epochs": len(rows),
            "selected_epoch": None if diverged else len(rows) or None,
            "metrics": {} if diverged else latest,
            "seconds": {"total": round(self.clock() - self._begun, 3)},
        }
        self._finish()

    def test(self, metrics: Mapping[str, float]) -> None:
        """Record metrics of the test part, after training; of a run that diverged, none are recorded.

        Args:
            metrics: name to value, as `model.evaluate(…, return_dict=True)` gives them: "loss" becomes test/loss.

        Raises:
            RuntimeError: the training has not ended.
        """
        if self._record.get("status") not in ("done", "diverged"):
            raise RuntimeError("Logger.test was called before the training ended. Call it after model.fit.")
        if self._record["status"] == "diverged":
            return
        given = {name.removeprefix("test/"): value for name, value in _numbers(metrics).items()}
        finite = {name: value if math.isfinite(value) else None for name, value in given.items()}
        self._record["metrics"] |= {f"test/{name}": value for name, value in finite.items()}
        file = EventFile(self.directory / "test", self.clock)
        file.add_scalars(given, self._record["epochs"])
        file.close()
        (self.directory / "DONE").unlink()  # while run.json is written, the run is not complete
        self._finish()

    def _finish(self) -> None:
        self._write_record()
        write_bytes(self.directory / "DONE", f"{self._record['status']}\n".encode())

    def _write_record(self) -> None:
        text = json.dumps(self._record, indent=1, ensure_ascii=False, allow_nan=False)
        write_bytes(self.directory / "run.json", f"{text}\n".encode())

    def _write_history(self, rows: list[Row]) -> None:
        write_bytes(self.directory / "history.csv", as_csv(rows).encode())

    def _asked(self) -> str | None:
        """The hash of the last entry in the experiment's ledger: the question under which this run is trained."""
        ledger = _read(self.directory.parents[1] / "experiment.json").get("ledger")
        return ledger[-1]["sha256"] if ledger else None


def _numbers(logs: Mapping[str, Any]) -> dict[str, float]:
    """The logs as numbers: a metric with a value for each class, such as Keras' F1Score, becomes f1_score_0, …"""
    found: dict[str, float] = {}
    for name, value in logs.items():
        values = np.ravel(value).tolist()
        names = [name] if len(values) == 1 else [f"{name}_{place}" for place in range(len(values))]
        found |= dict(zip(names, map(float, values), strict=True))
    return found


def _as_recorded(logs: Mapping[str, float]) -> dict[str, float]:
    """The logs with Keras' averages over the epoch as train metrics, unless those were measured."""
    if any(name.startswith("train_") for name in logs):
        return dict(logs)
    averages = {name for name in logs if split_and_metric(name)[0] == "running" and name != "learning_rate"}
    return {f"train_{name}" if name in averages else name: value for name, value in logs.items()}


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def _read(file: Path) -> dict[str, Any]:
    """A JSON object; {} where there is none, or a damaged one."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
