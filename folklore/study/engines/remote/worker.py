"""The near end of a worker on a node of a cluster, and what is needed of the cluster."""

from __future__ import annotations

import contextlib
import json
import queue
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Protocol

from folklore.study.engines.near_end import NearEnd
from folklore.study.engines.remote.cargo import light
from folklore.study.engines.remote.frames import ALIVE, DATA, STOP
from folklore.study.engines.remote.parcels import Packer, Parcel
from folklore.study.engines.remote.shared import renew

ROWS_SECONDS = 0.2  # for which rows wait for those of other workers
ALIVE_SECONDS = 10.0  # between two signs of life for a worker that is told nothing else


@dataclass(frozen=True)
class Node:
    """A machine of a cluster, or one of several that share a machine.

    Attributes:
        id: its identity in the cluster.
        name: for people.
        resources: what it has, such as {"CPU": 8, "GPU": 1}.
    """

    id: str
    name: str
    resources: Mapping[str, float]

    def room(self, per_worker: Mapping[str, float]) -> int:
        """How many workers that reserve so much it can hold."""
        shares = (self.resources.get(name, 0.0) / amount for name, amount in per_worker.items())
        return int(min(shares) + 1e-9)  # 0.3 / 0.1 is less than 3

    def lacks(self, per_worker: Mapping[str, float]) -> str:
        """What it has too little of for a worker, such as "GPU 0 of 0.5"; "" if there is room."""
        there = [(name, self.resources.get(name, 0.0), amount) for name, amount in per_worker.items()]
        return " and ".join(f"{name} {has:g} of {amount:g}" for name, has, amount in there if has < amount)


class Cluster(Protocol):
    """What places workers on machines."""

    def connect(self) -> str:
        """Connect to it; return the address at which its nodes reach this machine.

        Raises:
            ProblemError: there is no such cluster.
        """

    def nodes(self) -> Sequence[Node]:
        """The nodes that are alive."""

    def start(self, config: bytes, per_worker: Mapping[str, float], node: str | None = None) -> Any:
        """Ask for a worker, where so much is free, or on this node; return its handle. `config` is for `far_end`."""

    def ended(self, handles: Sequence[Any]) -> Sequence[Any]:
        """Those of the handles whose worker has ended, or whose node is gone."""

    def kill(self, handle: Any) -> None:
        """End a worker, if it still runs."""

    def put(self, content: bytes) -> Any:
        """Put bytes where every node can fetch them, until the cluster is left; return a reference."""

    def bring(self, handle: Any, reference: Any, file: str) -> None:
        """Let a worker's node fetch such bytes into a file, which appears there whole."""

    def close(self) -> None:
        """Leave the cluster."""


class RemoteWorker(NearEnd):
    """The near end of a worker on a node.

    Attributes:
        facts: of its node; {} until it has connected.
        inbox: messages that the pool has not read.
        heard: when it last gave a sign of life.
        ended: when the cluster first said that it has ended.
        shared: whether it sees the log directory itself.
    """

    ready = shared = False

    def __init__(self, number: int, handle: Any, cluster: Cluster, now: float) -> None:
        super().__init__(number)
        self.handle, self.cluster = handle, cluster
        self.connection: Connection | None = None
        self.facts: dict[str, Any] = {}
        self.inbox: list[tuple[str, Any, int]] = []
        self.heard, self.lost = now, False
        self.ended: float | None = None
        self._outbox: queue.Queue[bytes] = queue.Queue()

    def connect(self, connection: Connection, hello: Mapping[str, Any]) -> None:
        """It has connected, and has said what it is."""
        self.connection, self.facts, self.ready = connection, dict(hello["facts"]), True
        self.shared = bool(hello.get("shared"))
        threading.Thread(target=self._write, daemon=True).start()

    def is_alive(self) -> bool:
        """Whether it can still be given jobs."""
        return not self.lost

    def ask_to_stop(self) -> None:
        """Ask it to save the run that it trains, and to send it."""
        self._outbox.put(STOP)

    def end(self, *, kill: bool = False) -> None:
        """End it. What it still trains is lost, but for what it has sent."""
        self.lost, self.ready = True, False
        if self.connection is not None:
            with contextlib.suppress(OSError):
                self.connection.close()
        self.cluster.kill(self.handle)

    def say_data(self, answer: Mapping[str, Any] | None) -> None:
        """Say where its data will be: `file` and `sha256`; or that there is no copy for it."""
        self._outbox.put(DATA + json.dumps(answer).encode())

    def name(self) -> str:
        """Its node's name, for people."""
        return str(self.facts.get("host", "a node"))

    def _arguments(self, job: Any) -> tuple[Any, ...]:
        if job.work != "train_run":
            return tuple(map(light, super()._arguments(job)))
        (task,) = job.arguments
        logdir = task.path.parents[[path.name for path in task.path.parents].index(task.experiment) + 1]
        if self.shared:
            renew(task.path)
        sent = {
            path.relative_to(logdir).as_posix(): None if self.shared else _as_message(Packer(path).pack())
            for path in filter(None, (task.path, task.start))
            if path.exists()
        }
        there = str(logdir.absolute()) if self.shared else None
        return light(task), task.path.relative_to(logdir).as_posix(), sent, there

    def _send(self, message: bytes) -> None:
        self._outbox.put(message)

    def _write(self) -> None:
        """Send what is to be sent; in a thread, since a node that hangs takes nothing."""
        assert self.connection is not None
        with contextlib.suppress(OSError):  # it is gone, which the reader of the connection says too
            while True:
                try:
                    message = self._outbox.get(timeout=ALIVE_SECONDS)
                except queue.Empty:
                    message = ALIVE
                self.connection.send_bytes(message)

    def _receive(self) -> tuple[str, Any, int]:
        message = self.inbox.pop(0)
        if message[0] == "died":
            self.end(kill=True)
        return message


def _as_message(parcel: Parcel) -> tuple[dict[str, Any], bytes]:
    return parcel.header(), b"".join(content for _, content in parcel.files.values())


def with_news(workers: Sequence[RemoteWorker], seconds: float) -> list[RemoteWorker]:
    """Those that have something for the pool. Rows wait until so many seconds have passed, since hundreds of workers
    would else keep the pool busy with one at a time.
    """
    found = [worker for worker in workers if worker.inbox]
    only_rows = all(kind == "row" for worker in found for kind, *_ in worker.inbox)
    return [] if only_rows and seconds < ROWS_SECONDS else found
