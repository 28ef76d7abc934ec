"""Sides in processes of their own, which take turns.

Every framework keeps threads, and reads its environment when it is imported: in one process they would disturb one
another. A machine whose speed drifts slows all sides of a round alike.
"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import time
from collections.abc import Iterator, Mapping
from multiprocessing.connection import Connection

from benchmarks.works import Work
from folklore.layout import cores, environment

OURS = "folklore.fit"
# The module of each side, and what is set before its process starts: nothing for a peer, as its users have it.
SIDES: dict[str, tuple[str, Mapping[str, str]]] = {
    OURS: ("folklore_fit", environment(cores())),
    "model.fit": ("keras_fit", {}),
    "model.fit, 50 steps a call": ("keras_steps", {}),
    "tf.function loop": ("tf_loop", {}),
    "torch": ("torch_eager", {}),
    "jax": ("jax_scan", {}),
}


class SideProcess:
    """One side's process. It works only while `train` waits for it."""

    def __init__(self, side: str, work: Work) -> None:
        module, variables = SIDES[side]
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(module, work, theirs), daemon=True)
        with _environment(variables):
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


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _serve(module: str, work: Work, connection: Connection) -> None:
    side = importlib.import_module(f"benchmarks.sides.{module}").Side(work)
    while True:
        epochs = connection.recv()
        begun = time.perf_counter()
        side.train(epochs)
        connection.send(time.perf_counter() - begun)
