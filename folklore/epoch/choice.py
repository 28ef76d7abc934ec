"""The choice of the fastest mode for a model, measured once and kept in the user's cache folder."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import keras
import numpy as np
import tensorflow as tf

from folklore.cache_folder import cache_folder
from folklore.epoch.device_data import Placed
from folklore.epoch.devices import describe, devices
from folklore.epoch.fingerprint import structure
from folklore.epoch.model_traits import dense_products, has_convolutions, is_keras_own, xla_compiles
from folklore.epoch.program import Program, program_of
from folklore.storage import files

Chosen = Literal["xla", "graph", "step"]
# So few steps take less time in a graph than measuring it against other modes.
FEW_STEPS = 20
# On a CPU, XLA takes 0.14 to 0.88 of the graph's time for dense networks with fewer products a step than this (weights
# times rows), see `python -m benchmarks.modes`. So many steps take about 0.05 s.
FEW_PRODUCTS, MANY_STEPS = 10_000_000, 300
# If the graph takes fewer seconds than this for the whole training, measuring other modes would take longer.
SHORT = 0.05
# On a CPU, XLA's convolutions take 3 to 30 times as long as oneDNN's. XLA can only win if most of a step is the graph's
# overhead, not arithmetic.
SLOW_STEP = 0.005
MEASURED = 0.03  # seconds that a round of measuring lasts at least
ROUNDS = 3
# If XLA takes less than this share of the graph's time, single steps are not measured.
CLEARLY = 0.8
_CANNOT = (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError, tf.errors.NotFoundError)


@dataclass(frozen=True)
class Timing:
    """The seconds of a mode: its `first` call, which traces and compiles, and one later `step`."""

    first: float
    step: float


@dataclass(frozen=True)
class Choice:
    """A mode and the measurements behind it; `timings` is empty if there was only one candidate."""

    mode: Chosen
    timings: dict[Chosen, Timing]

    def to_dict(self) -> dict[str, object]:
        """The choice as stored in run.json."""
        return {"mode": self.mode, "seconds": {mode: asdict(timing) for mode, timing in self.timings.items()}}


def choose_mode(
    model: keras.Model,
    data: Placed,
    batch_size: int,
    steps: int,
    clock: Callable[[], float] = time.perf_counter,
    folder: Path | None = None,
) -> Choice:
    """The mode that "auto" stands for: the one with the fastest step.

    Candidates are the graph, XLA and, unless XLA is clearly faster than the graph, single steps, as in
    `keras.Model.fit`. Each mode takes a few steps on the first rows, and then every variable is restored. Measurements
    are stored under a fingerprint of the model, the batch, the device and TensorFlow's version, so that the next
    process need not measure again.

    What is evident is not measured. A training of 20 steps or fewer uses the graph. A small dense network on a CPU
    uses the graph for up to 300 steps, and XLA for more. A model with its own `train_step`, whose steps could have
    effects that cannot be undone, uses XLA, or the graph if XLA cannot compile a layer or the model has convolutions on
    a CPU. A model on several replicas uses the graph.

    Args:
        model: compiled.
        data: the training data.
        batch_size: rows per step.
        steps: the number of steps of the training. If the graph takes them in 0.05 s, nothing else is measured.
        clock: returns seconds.
        folder: where measurements are kept; None stands for the user's cache folder.
    """
    program = program_of(model)
    if not data.resident:
        return Choice("step", {})
    if program.replicas.count > 1 or not xla_compiles(model):
        return Choice("graph", {})
    program.build("train", data, batch_size)
    slow_in_xla = has_convolutions(model) and devices() == "cpu"
    if not is_keras_own(model, "train_step"):
        return Choice("graph" if slow_in_xla else "xla", {})
    if evident := _evident(model, batch_size, steps):
        return Choice(evident, {})
    file = (folder or cache_folder() / "modes") / f"{_fingerprint(model, data, batch_size)}.json"
    timings = _read(file)
    if not timings:
        stopwatch = _Stopwatch(program, data, batch_size, clock)
        graph = stopwatch.time(["graph"])["graph"]
        if steps * graph.step < SHORT:
            return Choice("graph", {"graph": graph})
        timings = stopwatch.time(["graph"] if slow_in_xla and graph.step > SLOW_STEP else ["graph", "xla"])
        timings["graph"] = Timing(graph.first, timings["graph"].step)
        if not ("xla" in timings and timings["xla"].step < CLEARLY * timings["graph"].step):
            timings |= stopwatch.time(["step"])  # about as fast as the graph if a step is mostly arithmetic
        _write(file, timings)
    return Choice(min(timings, key=lambda mode: timings[mode].step), timings)


def _evident(model: keras.Model, batch_size: int, steps: int) -> Chosen | None:
    """The mode that needs no measuring, if there is one."""
    if steps <= FEW_STEPS:
        return "graph"
    if devices() == "cpu" and dense_products(model) * batch_size < FEW_PRODUCTS:
        return "graph" if steps <= MANY_STEPS else "xla"
    return None


class _Stopwatch:
    """Times steps of a program and restores its variables."""

    def __init__(self, program: Program, data: Placed, batch_size: int, clock: Callable[[], float]) -> None:
        self.program, self.data, self.batch_size, self.clock = program, data, batch_size, clock
        self.order = np.arange(data.rows, dtype=np.int32)

    def time(self, modes: Sequence[Chosen]) -> dict[Chosen, Timing]:
        """The seconds of each mode's first call, with one step, and of a later step.

        A later step's time is the minimum of several rounds, in which the modes take turns: other processes slow a
        round down and never speed it up. XLA is left out if it fails to compile the model, as it lacks some operations.
        """
        variables = self.program.state(self.data, self.order, self.batch_size)
        before = [variable.numpy() for variable in variables]
        try:
            firsts: dict[Chosen, float] = {}
            for mode in modes:
                # An error that occurs in the graph too comes from the model or the data, and is raised.
                with contextlib.suppress(*_CANNOT if mode == "xla" else ()):
                    firsts[mode] = self._seconds(mode, 1)
            steps = {mode: self._steps(mode) for mode in firsts}
            rounds = [{mode: self._seconds(mode, steps[mode]) / steps[mode] for mode in firsts} for _ in range(ROUNDS)]
        finally:
            for variable, value in zip(variables, before, strict=True):
                variable.assign(value)
        return {mode: Timing(round(firsts[mode], 4), min(seconds[mode] for seconds in rounds)) for mode in firsts}

    def _steps(self, mode: Chosen) -> int:
        """The number of steps that take as long as a round should."""
        steps, full = 1, max(1, self.data.rows // self.batch_size)
        while self._seconds(mode, steps) < MEASURED and steps < full:
            steps = min(full, 4 * steps)
        return steps

    def _seconds(self, mode: Chosen, steps: int) -> float:
        begun = self.clock()
        self.program.train(self.data, self.order, self.batch_size, mode, steps=min(steps, self.data.rows))
        return self.clock() - begun


def _fingerprint(model: keras.Model, data: Placed, batch_size: int) -> str:
    batch = [(str(array.dtype), tuple(array.shape[1:])) for array in tf.nest.flatten(data.arrays)]
    parts = (structure(model), batch, batch_size, bool(data.scaling), describe(), keras.__version__)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _read(file: Path) -> dict[Chosen, Timing]:
    """The stored measurements; {} if there are none or the file is damaged, so that they are measured again."""
    try:
        return {mode: Timing(**timing) for mode, timing in json.loads(file.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _write(file: Path, timings: dict[Chosen, Timing]) -> None:
    """Store the measurements if the folder can be written."""
    with contextlib.suppress(OSError):
        files.write_json(file, {mode: asdict(timing) for mode, timing in timings.items()})
