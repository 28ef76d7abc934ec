"""A worker on another machine: a process that connects to the driver, and does the jobs that come from there.

It is started by an actor (`ray_actor`), reads the driver's address from its standard input, and ends when that is
closed, so it never outlives the actor; nor the driver, whose connection then closes. A run is trained in a folder of
this machine, and what it writes goes to the driver whenever a checkpoint is complete, and at the end.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import os
import pickle
import queue
import re
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from folklore.study.engines.remote import frames, shared
from folklore.study.engines.remote.cargo import AtHand
from folklore.study.engines.remote.facts import facts
from folklore.study.engines.remote.frames import ALIVE, DATA, STOP
from folklore.study.engines.remote.parcels import Packer, Parcel, unpack
from folklore.study.worker import UnfitError, do_jobs, train_run

if TYPE_CHECKING:
    from folklore.task import Task

ALIVE_SECONDS = 2.0  # between two signs of life
ROW_SECONDS = 1.0  # between two rows of a run, so that hundreds of workers do not drown the driver
# Without a sign of life from the driver, after which this worker ends itself. The driver may have given it up before.
LONELY_SECONDS = 60.0
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_FULL = re.compile(rf"\[Errno ({'|'.join(map(str, _NO_ROOM))})\]")


class Ends:
    """This end of the connection: jobs come in at any time, so a thread reads them.

    Attributes:
        stopping: set once the driver asks for the run under way to be saved and left.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.stopping = threading.Event()
        self.heard = self.said = time.monotonic()
        self._jobs: queue.Queue[Any] = queue.Queue()
        self._answers: queue.Queue[Any] = queue.Queue()
        self._at_hand = AtHand(self._ask_for_data)
        self._one_at_a_time = threading.Lock()
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._show_life, daemon=True).start()

    def recv(self) -> Any:
        """The next job, with the data as they are here; None says that there are no more.

        Raises:
            UnfitError: data that were to come from the driver did not.
        """
        if (job := self._jobs.get()) is None:
            return None
        work, arguments = job
        return work, tuple(map(self._at_hand, arguments))

    def _ask_for_data(self) -> tuple[Path, str] | None:
        """Ask for the driver's copy of the data of the present job."""
        self._send({"kind": "need", "folder": tempfile.gettempdir()})
        answer = self._answers.get()
        return None if answer is None else (Path(answer["file"]), str(answer["sha256"]))

    def send(self, message: tuple[str, Any, int], parcel: Parcel | None = None) -> None:
        """Say something to the driver."""
        kind, answer, size = message
        self._send({"kind": kind, "answer": answer, "bytes": size}, parcel)

    def _send(self, header: Mapping[str, Any], parcel: Parcel | None = None) -> None:
        try:
            with self._one_at_a_time:
                frames.send(self.connection, header, parcel)
                self.said = time.monotonic()
        except OSError:  # the driver is gone, and nobody waits for the rest
            os._exit(1)

    def _read(self) -> None:
        try:
            while True:
                message = self.connection.recv_bytes()
                self.heard = time.monotonic()
                if message == STOP:
                    self.stopping.set()
                elif message.startswith(DATA):
                    self._answers.put(json.loads(message.removeprefix(DATA)))
                elif message != ALIVE:
                    self._jobs.put(pickle.loads(message))  # noqa: S301 what this machine was started to run
        except (EOFError, OSError):
            os._exit(1)

    def _show_life(self) -> None:
        while time.monotonic() - self.heard < LONELY_SECONDS:
            time.sleep(ALIVE_SECONDS)
            if time.monotonic() - self.said >= ALIVE_SECONDS:  # a row is a sign of life, too
                self._send({"kind": "alive"})
        os._exit(1)


def train_away(
    ends: Ends,
    say: Callable[[str, Any], None],
    stop: Callable[[], bool],
    task: Task,
    place: str,
    others: Mapping[str, tuple[Mapping[str, Any], bytes] | None],
    logdir: str | None,
) -> dict[str, Any]:
    """Train a run in a folder of this machine, or in place where the log directory is shared.

    Args:
        ends: of the connection, for parcels.
        say, stop: as for `worker.train_run`.
        task: its path is that on the driver.
        place: of the run in its log directory.
        others: parcels by place: of the run, if it began elsewhere, and of the one whose network it starts from. None
            for one that is there already, in a shared log directory.
        logdir: the log directory, if it is shared.

    Raises:
        UnfitError: the disk of this machine is full.
    """
    with _naming_full_disk(tempfile.gettempdir()):
        folder = Path(tempfile.mkdtemp(prefix="folklore-"))
    slowly = _Slowly(say, ROW_SECONDS)
    here = dataclasses.replace(task, path=folder / place)
    with contextlib.ExitStack() as afterwards:
        afterwards.callback(shutil.rmtree, folder, ignore_errors=True)
        if logdir is not None:
            for where in {place, *others}:
                afterwards.callback(os.close, shared.bind(Path(logdir, where), folder / where))
            return train_run(slowly, stop, here)
        with _naming_full_disk(folder):
            for where, parcel in others.items():
                if parcel is not None:
                    unpack(Parcel.of(parcel[0], memoryview(parcel[1])), folder / where)
        packer = Packer(folder / place)
        packer.skip()
        shipping = _Shipping(packer, lambda parcel: ends.send(("files", None, 0), parcel))

        def watch(kind: str, row: Any) -> None:
            shipping.after_checkpoint()
            slowly(kind, row)

        record = train_run(watch, stop, here)
        if record["status"] == "failed" and _FULL.search(str(record.get("error"))):
            raise UnfitError(f"has a full disk: {folder} ({record['error']})")
        shipping.all()
        return record


@contextlib.contextmanager
def _naming_full_disk(folder: Path | str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise UnfitError(f"has a full disk: {folder} ({error.strerror})") from error


@dataclasses.dataclass
class _Shipping:
    """Sends what a run has written, once another checkpoint is complete."""

    packer: Packer
    send: Callable[[Parcel], None]
    shipped: frozenset[str] = frozenset()

    def after_checkpoint(self) -> None:
        there = frozenset(path.name for path in (self.packer.path / "checkpoint").glob("epoch-*"))
        if there - self.shipped:
            self.shipped = there
            self.all()

    def all(self) -> None:
        if (parcel := self.packer.pack()).files:
            self.send(parcel)


class _Slowly:
    """Says a row at most once in so many seconds."""

    def __init__(self, say: Callable[[str, Any], None], seconds: float) -> None:
        self.say, self.seconds, self.last = say, seconds, -seconds

    def __call__(self, kind: str, row: Any) -> None:
        if time.monotonic() - self.last >= self.seconds:
            self.last = time.monotonic()
            self.say(kind, row)


def main() -> None:
    """Connect to the driver named on standard input, and do its jobs."""
    given = json.loads(sys.stdin.readline())
    os.environ.update(given["environment"])
    threading.Thread(target=_end_with_actor, daemon=True).start()
    connection = Client((given["host"], given["port"]), authkey=bytes.fromhex(given["key"]))
    sees = "mark" in given and shared.is_seen(*given["mark"])
    frames.send(connection, {"kind": "hello", "worker": given["worker"], "facts": facts(), "shared": sees})
    if given.get("only_hello"):  # the driver asks what this node is, and closes the connection once it knows
        connection.poll(None)
        return
    ends = Ends(connection)

    def train(say: Callable[[str, Any], None], stop: Callable[[], bool], *arguments: Any) -> dict[str, Any]:
        return train_away(ends, say, stop, *arguments)

    do_jobs(ends, ends.stopping.is_set, train)


def _end_with_actor() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
