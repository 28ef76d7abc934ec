"""The one interface between the pool and the machines: an engine starts workers, a near end talks to one of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from multiprocessing.reduction import ForkingPickler
from typing import Any, Protocol

from folklore.study.resources import Resources

# A new worker must import TensorFlow and compile again, so replacements are far apart. Memory does not grow from run to
# run; where a model's own code leaks, its worker is replaced for its growth.
RUNS = 500
GROWTH = 2 * 2**30  # bytes more than after its first run


class NearEnd(ABC):
    """What the pool knows of a worker, and how it talks to it.

    Attributes:
        number: its place in the pool.
        job: the one it works on; None while it is idle.
        ready: whether it can be given a job.
        arms: those of its jobs so far.
        trained: those of them of which it took a run.
    """

    ready = True

    def __init__(self, number: int) -> None:
        self.number, self.job, self.runs = number, None, 0  # type: int, Any, int
        self.arms: set[tuple[str, ...]] = set()
        self.trained: set[tuple[str, ...]] = set()
        self.first_bytes = self.bytes = 0

    def give(self, job: Any) -> None:
        """Hand over a job: the name of one of the far end's functions, and its arguments, which must be picklable."""
        message = bytes(ForkingPickler.dumps((job.work, self._arguments(job))))
        self.job = job
        self.arms.add(job.arm)
        if job.work == "train_run":
            self.trained.add(job.arm)
        self._send(message)

    def read(self) -> tuple[str, Any]:
        """The worker's message: ("ready", None), ("row", a row), ("done", an answer), ("problem", a message) or
        ("died", how).
        """
        kind, answer, self.bytes = self._receive()
        if kind not in ("row", "ready") and self.job is not None:
            self.runs += self.job.work == "train_run"
            self.job = None
            self.first_bytes = self.first_bytes or (self.bytes if self.runs else 0)
        return kind, answer

    def is_worn(self) -> bool:
        """Whether it should be replaced: after many runs, or when its memory has grown."""
        return self.runs >= RUNS or (self.runs > 0 and self.bytes > self.first_bytes + GROWTH)

    def _arguments(self, job: Any) -> tuple[Any, ...]:
        """Those that the far end's function is called with."""
        arguments: tuple[Any, ...] = job.arguments
        return arguments

    @abstractmethod
    def is_alive(self) -> bool:
        """Whether it can still be given jobs."""

    @abstractmethod
    def ask_to_stop(self) -> None:
        """Ask it to save the run that it trains at the end of the epoch, and to leave it unfinished."""

    @abstractmethod
    def end(self, *, kill: bool = False) -> None:
        """End it: after its work, or at once."""

    @abstractmethod
    def _send(self, message: bytes) -> None:
        """Send a pickled job; a worker that has died says so when it is read."""

    @abstractmethod
    def _receive(self) -> tuple[str, Any, int]:
        """Its next message, which has arrived, and the bytes of memory that it takes."""


class Engine(Protocol):
    """Starts workers and waits for them."""

    def attempts(self, work: str) -> int:
        """How often this work is tried where a worker dies of it."""

    def settle(self, jobs: int | None, runs: int, largest: int = 0) -> Resources:
        """The resources for a study, see `resources.settle_resources`."""

    def wanted(self, resources: Resources, left: int) -> int:
        """How many workers there should be while so many runs are left, waiting or under way."""

    def prepare(self, resources: Resources) -> None:
        """Begin with what workers of these resources will need."""

    def start(self, number: int, resources: Resources) -> Any:
        """Start a worker; return its near end."""

    def wait(self, workers: Sequence[Any]) -> list[Any]:
        """Wait until one of these workers has something to say, or for a while; return those that have."""

    def close(self) -> None:
        """End what was begun for all workers."""
