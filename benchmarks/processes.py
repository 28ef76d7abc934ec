"""The sides of a benchmark, each in its own process. They take turns.

Every framework keeps threads and reads its environment on import, so in one process they would disturb each other. If
the speed of the machine drifts, it affects all sides of a round alike.
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
    """The settings of a side.

    Attributes:
        module: its module in `benchmarks.sides`.
        environment: variables set before its process starts; empty for a peer, which runs as its users run it.
        operations: floating-point operations of an epoch, if they are not those of the work.
        lengthen: factor for the epochs of a measurement, for sides with costs at the beginning and end of training.
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
    """The process of one side. It computes only while `train` waits for it."""

    def __init__(self, side: str, work: Work) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(SIDES[side].module, work, theirs), daemon=True)
        with exported(SIDES[side].environment):
            self._process.start()
        theirs.close()
        self.first = self.train(1)  # seconds of the first epoch, with compilation

    def train(self, epochs: int) -> float:
        """Seconds per epoch, averaged over `epochs`."""
        self._connection.send(epochs)
        return float(self._connection.recv()) / epochs

    def close(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.join()


def _serve(module: str, work: Work, connection: Connection) -> None:
    side = importlib.import_module(f"benchmarks.sides.{module}").Side(work)
    while True:
        epochs = connection.recv()
        begun = time.perf_counter()
        side.train(epochs)
        connection.send(time.perf_counter() - begun)
