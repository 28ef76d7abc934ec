"""The near end of a worker process: the handle of the process that hands out the jobs."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Mapping
from multiprocessing.reduction import ForkingPickler
from typing import Any

from folklore.study.preload import start_context
from folklore.study.resources import exported
from folklore.study.worker import serve

# A new worker must import TensorFlow and compile again, so replacements are far apart. Memory does not grow from run to
# run; where a model's own code leaks, its worker is replaced for its growth.
RUNS = 500
GROWTH = 2 * 2**30  # bytes more than after its first run


class Worker:
    """The near end of a worker process.

    Attributes:
        number: its place in the pool.
        job: the one it works on; None while it is idle.
        arms: those of its jobs so far.
        trained: those of them of which it took a run.
        connection: has something to read when the worker answers, or has died.
    """

    def __init__(self, number: int, environment: Mapping[str, str]) -> None:
        self.number, self.job, self.runs = number, None, 0  # type: int, Any, int
        self.arms: set[tuple[str, ...]] = set()
        self.trained: set[tuple[str, ...]] = set()
        self.first_bytes = self.bytes = 0
        with exported(environment):
            context = start_context()
            self.connection, theirs = context.Pipe()
            arguments = (theirs, dict(os.environ))
            self.process = context.Process(target=serve, args=arguments, name=f"folklore-{number}", daemon=True)
            self.process.start()
        theirs.close()

    def give(self, job: Any) -> None:
        """Hand over a job."""
        message = ForkingPickler.dumps((job.work, job.arguments))
        self.job = job
        self.arms.add(job.arm)
        if job.work == "train_run":
            self.trained.add(job.arm)
        with contextlib.suppress(OSError):  # it died a moment ago, and `read` will say so
            self.connection.send_bytes(message)

    def ask_to_stop(self) -> None:
        """Ask it to save the run that it trains at the end of the epoch, and to leave it unfinished."""
        self.process.terminate()

    def read(self) -> tuple[str, Any]:
        """The worker's message: ("row", a row), ("done", an answer), ("problem", a message) or ("died", how)."""
        try:
            kind, answer, self.bytes = self.connection.recv()
        except (EOFError, OSError):
            self.process.join()
            code, self.job = self.process.exitcode, None
            name = signal.Signals(-code).name if code < 0 else f"status {code}"
            return "died", f"ended with {name}, perhaps for lack of memory"
        if kind == "died":
            self.process.join()
        if kind != "row":
            self.runs += self.job.work == "train_run"
            self.job = None
            self.first_bytes = self.first_bytes or (self.bytes if self.runs else 0)
        return kind, answer

    def is_worn(self) -> bool:
        """Whether it should be replaced: after many runs, or when its memory has grown."""
        return self.runs >= RUNS or (self.runs > 0 and self.bytes > self.first_bytes + GROWTH)

    def end(self, *, kill: bool = False) -> None:
        """End the process: after its work, or at once."""
        if kill or not self.arms:  # one that never had a job may still be importing TensorFlow
            self.process.kill()
        else:
            with contextlib.suppress(OSError):
                self.connection.send(None)
        self.process.join()
        self.connection.close()
