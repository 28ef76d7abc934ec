"""Sides in processes of their own, which take turns.

Every framework keeps threads, and reads its environment when it is imported: in one process they would disturb one
another. A machine whose speed drifts slows all sides of a round alike.
"""

from __future__ import annotations

import importlib
import multiprocessing
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from benchmarks.works import Work
from folklore.study.resources import cores, environment, exported

OURS, VALIDATED, CALLBACKS = "folklore.fit", "folklore.fit, validation", "folklore.fit, all callbacks"
PRODUCT = "matrix product"


@dataclass(frozen=True)
class Side:
    """How a side is measured.

    Attributes:
        module: in `benchmarks.sides`.
        environment: set before its process starts: nothing for a peer, as its users have it.
        operations: of an epoch, where that is the side's own.
        lengthen: times as many epochs in a measurement, where a run's beginning and end count.
    """

    module: str
    environment: Mapping[str, str] = field(default_factory=dict)
    operations: float = 0.0
    lengthen: int = 1


SIDES = {
    OURS: Side("folklore_fit", environment(cores())),
    VALIDATED: Side("folklore_validated", environment(cores()), lengthen=10),
    CALLBACKS: Side("folklore_callbacks", environment(cores()), lengthen=10),
    "model.fit": Side("keras_fit"),
    "model.fit, 50 steps a call": Side("keras_steps"),
    "tf.function loop": Side("tf_loop"),
    "torch": Side("torch_eager"),
    "jax": Side("jax_scan"),
    PRODUCT: Side("matrix_product", environment(cores()), operations=50 * 2 * 1024**3),
}


class SideProcess:
    """One side's process. It works only while `train` waits for it."""

    def __init__(self, side: str, work: Work) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(SIDES[side].module, work, theirs), daemon=True)
        with exported(SIDES[side].environment):
            self._process.start()
        theirs.close()
        self.first = self.train(1)  # seconds of the first epoch, with compilation

    def train(self, epochs: int) -> float:
        """Seconds an epoch, over so many."""
        self._connection.send(epochs)
        return float(self._connection.recv()) / epochs

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.join()


def _serve(module: str, work: Work, connection: Connection) -> None:
    side = importlib.import_module(f"benchmarks.sides.{module}").Side(work)
    while True:
        epochs = connection.recv()
        begun = time.perf_counter()
        side.train(epochs)
        connection.send(time.perf_counter() - begun)
