"""Workers that are processes of this machine."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Sequence
from multiprocessing import connection
from typing import Any

from folklore.study.engines.near_end import NearEnd
from folklore.study.engines.preload import preload, start_context
from folklore.study.resources import Resources, exported, settle_resources
from folklore.study.worker import serve


class LocalWorker(NearEnd):
    """The near end of a worker process.

    Attributes:
        connection: has something to read when the worker answers, or has died.
    """

    def __init__(self, number: int, resources: Resources) -> None:
        super().__init__(number)
        with exported(resources.environment(number)):
            context = start_context()
            self.connection, theirs = context.Pipe()
            arguments = (theirs, dict(os.environ))
            self.process = context.Process(target=serve, args=arguments, name=f"folklore-{number}", daemon=True)
            self.process.start()
        theirs.close()

    def is_alive(self) -> bool:
        """Whether its process runs."""
        return bool(self.process.is_alive())

    def ask_to_stop(self) -> None:
        """Ask it to save the run that it trains at the end of the epoch, and to leave it unfinished."""
        self.process.terminate()

    def end(self, *, kill: bool = False) -> None:
        """End the process: after its work, or at once."""
        if kill or not self.arms:  # one that never had a job may still be importing TensorFlow
            self.process.kill()
        else:
            with contextlib.suppress(OSError):
                self.connection.send(None)
        self.process.join()
        self.connection.close()

    def _send(self, message: bytes) -> None:
        with contextlib.suppress(OSError):  # it died a moment ago, and `read` will say so
            self.connection.send_bytes(message)

    def _receive(self) -> tuple[str, Any, int]:
        try:
            kind, answer, size = self.connection.recv()
        except (EOFError, OSError):
            self.process.join()
            code = self.process.exitcode
            name = signal.Signals(-code).name if code < 0 else f"status {code}"
            return "died", f"ended with {name}, perhaps for lack of memory", self.bytes
        if kind == "died":
            self.process.join()
        return kind, answer, size


class Local:
    """Starts processes of this machine, which share one import of TensorFlow."""

    def attempts(self, work: str) -> int:
        """A run is tried twice; an examination that ends a process of this machine would end the next one too."""
        return 2 if work == "train_run" else 1

    def settle(self, jobs: int | None, runs: int, largest: int = 0) -> Resources:
        """As many workers as this machine has cores or GPUs."""
        return settle_resources(jobs, runs, largest)

    def wanted(self, resources: Resources, left: int) -> int:
        """Those that there are: they stay for the next step."""
        return resources.workers

    def prepare(self, resources: Resources) -> None:
        """Begin to import what all workers need."""
        preload(resources)

    def start(self, number: int, resources: Resources) -> LocalWorker:
        """Start a worker process."""
        return LocalWorker(number, resources)

    def wait(self, workers: Sequence[Any]) -> list[Any]:
        """Wait until one of these workers has something to say; return those that have."""
        by_connection = {worker.connection: worker for worker in workers}
        return [by_connection[ready] for ready in connection.wait(list(by_connection))]

    def close(self) -> None:
        """Nothing is left to end."""
