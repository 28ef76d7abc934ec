"""Workers on the nodes of a cluster, which connect to this process and send what they write.

The cluster places them and restarts nothing; the pool decides what is tried again. This process is the only one that
writes into the log directory: what a worker sends after it was given up is not written anywhere.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Listener
from pathlib import Path
from typing import Any

from data import Source
from folklore.errors import ProblemError
from folklore.study.engines.remote import frames
from folklore.study.engines.remote.cargo import pack, source_of
from folklore.study.engines.remote.facts import differences, facts
from folklore.study.engines.remote.parcels import Parcel, unpack
from folklore.study.engines.remote.shared import Mark
from folklore.study.engines.remote.worker import Cluster, RemoteWorker, with_news
from folklore.study.resources import Resources, environment
from folklore.wording import grouped

SILENT_SECONDS = 60.0  # without a sign of life, after which a worker counts as lost
# For what a worker that has ended sent before. Then its connection closes, unless its whole machine is gone.
LAST_WORDS_SECONDS = 10.0
# Variables of the driver that hold on its nodes too.
_CARRIED = ("FOLKLORE_CHECKPOINT_SECONDS", "TF_DETERMINISTIC_OPS", "XLA_FLAGS")
_LOST = {"kind": "lost"}  # a connection that has closed


@dataclass
class RemoteEngine:
    """Starts workers on the nodes of a cluster, which connect to this process.

    Attributes:
        cluster: places them.
        per_worker: what it reserves for a worker, such as {"CPU": 2, "GPU": 0.5, "big": 1}; it has a thread a CPU.
        say: shows a line to the user.
        logdir: of the runs, which nodes may share; None keeps them apart.
        silent_seconds: without a sign of life, after which a worker counts as lost.
        poll_seconds: between two looks at what the cluster knows of its workers.
        turn_seconds: the longest wait for something that the pool must know.
        clock: returns seconds.
        shipped: bytes of files that came back.
    """

    cluster: Cluster
    per_worker: Mapping[str, float] = field(default_factory=lambda: {"CPU": 1.0})
    say: Callable[[str], None] = lambda text: None
    logdir: Path | None = None
    silent_seconds: float = SILENT_SECONDS
    poll_seconds: float = 1.0
    turn_seconds: float = 10.0
    clock: Callable[[], float] = time.monotonic
    shipped: int = 0

    def __post_init__(self) -> None:
        self._events: queue.Queue[tuple[str, Any, Parcel | None]] = queue.Queue()
        self._expected: dict[str, RemoteWorker] = {}
        self._listener: Listener | None = None
        self._key = secrets.token_bytes(32)
        self._processors: set[str] = set()
        self._looked = -self.poll_seconds
        self._mark: Mark | None = None
        self._cargo: dict[Source, tuple[str, Any]] = {}
        self._packing = threading.Lock()
        self._jobs: int | None = None
        self._settled: Resources | None = None
        self._most = 0  # workers that there may be at once

    def attempts(self, work: str) -> int:
        """Nodes come and go, so that a job is tried three times."""
        return 3

    def settle(self, jobs: int | None, runs: int, largest: int = 0) -> Resources:
        """As many workers as the cluster has room for; with `jobs`, as many as asked for, which autoscaling may add.

        It is settled once: what a worker reserves does not depend on its network, and later room is for `wanted`.

        Raises:
            ProblemError: there is no cluster, or it has no room.
        """
        self._connect()
        if self._settled is None:
            self._jobs = jobs
            self._most = jobs or self._room()
            if not self._most:
                raise ProblemError(self._no_room())
            self._settled = Resources(max(1, min(self._most, runs)), int(self.per_worker["CPU"]))
        return self._settled

    def wanted(self, resources: Resources, left: int) -> int:
        """One for each job that is left, if the cluster has, or had, so much room: what it has lost is still asked for,
        so that autoscaling brings it back. With `jobs`, at most so many.
        """
        if self._jobs is None:
            self._most = max(self._most, self._room())
        return max(1, min(self._most, left))

    def prepare(self, resources: Resources) -> None:
        """Connect to the cluster, and listen for workers."""
        self._connect()

    def start(self, number: int, resources: Resources) -> RemoteWorker:
        """Ask for a worker, which will connect."""
        return self._ask(number, resources, self.per_worker)

    def _ask(
        self, number: int, resources: Resources, per_worker: Mapping[str, float], node: str | None = None, **more: Any
    ) -> RemoteWorker:
        host, port = self._connect().address
        token = secrets.token_hex(8)
        given: dict[str, Any] = {"host": host, "port": port, "key": self._key.hex(), "worker": token}
        if self.logdir is not None:
            self._mark = self._mark or Mark(self.logdir)
            given["mark"] = str(self._mark.file), self._mark.token
        carried = {name: os.environ[name] for name in _CARRIED if name in os.environ}
        given |= {"environment": environment(resources.threads) | carried} | more
        handle = self.cluster.start(json.dumps(given).encode(), per_worker, node)
        worker = self._expected[token] = RemoteWorker(number, handle, self.cluster, self.clock())
        return worker

    def wait(self, workers: Sequence[RemoteWorker]) -> list[RemoteWorker]:
        """Wait until one of these workers has something for the pool, or the turn is over; return those that have.

        Raises:
            ProblemError: a node has other code or versions than this machine.
        """
        began = self.clock()
        while not (found := with_news(workers, self.clock() - began)) and self.clock() - began < self.turn_seconds:
            with contextlib.suppress(queue.Empty):
                self._take(*self._events.get(timeout=self.poll_seconds))
                while True:
                    self._take(*self._events.get_nowait())
            if self.clock() - self._looked >= self.poll_seconds:
                self._looked = self.clock()
                self._look_for_lost(workers)
        return found

    def close(self) -> None:
        """Stop listening, and leave the cluster."""
        if self._mark is not None:
            self._mark.remove()
            self._mark = None
        if self._listener is not None:
            self._listener.close()
            self._cargo = {}
            self._listener = None
            self.cluster.close()

    def _room(self) -> int:
        """For so many workers there is room on the nodes, whoever uses it now."""
        return sum(node.room(self.per_worker) for node in self.cluster.nodes())

    def _no_room(self) -> str:
        asked = ", ".join(f"{name} {amount:g}" for name, amount in self.per_worker.items())
        lacking = grouped((node.lacks(self.per_worker), node.name) for node in self.cluster.nodes())
        nodes = "; ".join(f"{lacks} on {names}" for lacks, names in lacking.items())
        return (
            f"The cluster has no room for a worker: each needs {asked}. There is too little: {nodes or 'no node'}. "
            "Add nodes, ask for less with --per-worker, or give --jobs N to wait for nodes that autoscaling adds."
        )

    def _connect(self) -> Listener:
        if self._listener is None:
            self._listener = Listener((self.cluster.connect(), 0), authkey=self._key, backlog=512)
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
        return self._listener

    def _accept(self, listener: Listener) -> None:
        while True:
            try:
                connection = listener.accept()
            except OSError:
                if self._listener is not listener:  # closed
                    return
                continue
            except Exception:  # somebody who does not know the key
                continue
            threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection: Any) -> None:
        """Read what a worker says, in a thread: a message of a node that hangs may never come to its end."""
        token = ""
        try:
            hello, _ = frames.receive(connection)
            token = str(hello["worker"])
            self._events.put((token, hello | {"connection": connection}, None))
            while True:
                message, parcel = frames.receive(connection)
                self._events.put((token, message, parcel))
        except (EOFError, OSError):
            self._events.put((token, _LOST, None))
        except (ValueError, KeyError, TypeError) as error:
            self._events.put((token, _LOST | {"why": f"sent what cannot be read: {error}"}, None))

    def _take(self, token: str, message: Mapping[str, Any], parcel: Parcel | None) -> None:
        worker = self._expected.get(token)
        if worker is None or worker.lost:  # given up before: what it still sends is not written anywhere
            if "connection" in message:
                message["connection"].close()
            return
        worker.heard = self.clock()
        kind = message["kind"]
        if kind == "hello":
            self._check(message["facts"])
            worker.connect(message["connection"], message)
            worker.inbox.append(("ready", None, 0))
        elif kind == "files" and parcel is not None and worker.job is not None:
            self._unpack(worker, parcel)
        elif kind == "lost":
            self._lose(worker, message.get("why", "closed its connection"))
        elif kind == "need" and worker.job is not None:
            source, folder = source_of(worker.job.arguments), str(message["folder"])
            threading.Thread(target=self._bring, args=(worker, source, folder), daemon=True).start()
        elif kind in ("row", "done", "problem", "died"):
            if kind == "row" and worker.inbox and worker.inbox[-1][0] == "row":
                worker.inbox.pop()  # the newest counts
            worker.inbox.append((kind, message.get("answer"), int(message.get("bytes") or 0)))

    def _unpack(self, worker: RemoteWorker, parcel: Parcel) -> None:
        """Write what came back.

        Raises:
            OSError: it cannot be written, for example because the disk of this machine is full.
        """
        self.shipped += parcel.size
        try:
            unpack(parcel, Path(worker.job.tag.path))
        except ValueError as error:
            self._lose(worker, f"sent what cannot be written: {error}")

    def _bring(self, worker: RemoteWorker, source: Source | None, folder: str) -> None:
        """Let a node fetch the data that it cannot load; in a thread, since a large set takes seconds to read."""
        answer = None
        # Whatever fails, in loading or in the cluster's store: the node goes on without, and says what is wrong there.
        with contextlib.suppress(Exception):
            sha256, reference = self._packed(source)
            answer = {"file": f"{folder}/folklore-{sha256[:16]}.npz", "sha256": sha256}
            self.cluster.bring(worker.handle, reference, answer["file"])
        worker.say_data(answer)

    def _packed(self, source: Source | None) -> tuple[str, Any]:
        """The SHA-256 of a set, and where nodes fetch it; each set is put there once."""
        assert source is not None
        with self._packing:
            if source not in self._cargo:
                whole = source.read()
                self._cargo[source] = whole.sha256, self.cluster.put(pack(whole))
        return self._cargo[source]

    def _check(self, there: Mapping[str, Any]) -> None:
        if wrong := differences(facts(), there):
            raise ProblemError(
                f"The node {there.get('host')} of the cluster has {', '.join(wrong)}. Install the same there, from the "
                "project's requirements files, and give the command again."
            )
        processor = str(there.get("processor"))
        if self._processors and processor not in self._processors:
            self.say(
                f"The nodes have different processors: {', '.join(sorted({*self._processors, processor}))}. Equal "
                "seeds may differ in rounding between them."
            )
        self._processors.add(processor)

    def _look_for_lost(self, workers: Sequence[RemoteWorker]) -> None:
        """Find the workers that have ended, or that have been silent for too long."""
        held = {id(worker.handle): worker for worker in workers if not worker.lost}
        for handle in self.cluster.ended([worker.handle for worker in held.values()]):
            worker = held[id(handle)]
            if not worker.ready:
                self._lose(worker, "ended before it was ready")
            elif worker.ended is None:
                worker.ended = self.clock()
            elif self.clock() - worker.ended > LAST_WORDS_SECONDS:
                self._lose(worker, "ended")
        for worker in held.values():
            if worker.ready and self.clock() - worker.heard > self.silent_seconds:
                self._lose(worker, f"gave no sign of life for {self.silent_seconds:g} s")

    def _lose(self, worker: RemoteWorker, how: str) -> None:
        if not worker.lost:
            worker.lost = True
            if worker.job is not None:
                self.say(f"A worker on {worker.name()} {how}. Its work goes on elsewhere.")
            worker.inbox.append(("died", f"on {worker.name()} {how}", worker.bytes))
