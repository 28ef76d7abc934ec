"""How busy the driver of a cluster is with many workers: simulated ones, whose rows and files are real messages.

    python -m benchmarks.driver [--workers 10 --workers 100 --workers 500]

Processes stand for nodes: each of their workers connects, says a row a second, which is a sign of life too, and sends
the files of a checkpoint every thirty seconds. A run ends after a minute, its files come back, and the worker is given
the next one. The driver has its real engine, pool and display, and syncs what comes to the disk of the log directory.
Its processor time is taken over a minute in which all workers train, in shares of one core.
"""

from __future__ import annotations

import contextlib
import io
import json
import multiprocessing
import os
import queue
import random
import secrets
import tempfile
import threading
import time
from multiprocessing.connection import Client
from pathlib import Path
from typing import Annotated, Any
from unittest import mock

import psutil
import typer
from rich.console import Console

import data
from folklore import Experiment, Metric, Recipe
from folklore.report.tables import table
from folklore.study import plan
from folklore.study.engines.remote import frames
from folklore.study.engines.remote.engine import RemoteEngine
from folklore.study.engines.remote.facts import facts
from folklore.study.engines.remote.far_end import ROW_SECONDS
from folklore.study.engines.remote.parcels import Parcel
from folklore.study.engines.remote.worker import Node
from folklore.study.pool import Pool
from folklore.study.progress import Progress
from folklore.study.resources import Resources
from models import mlp

CHECKPOINT_SECONDS, CHECKPOINT_BYTES = 30.0, 100_000  # every time; files of an MLP on a table
RUN_SECONDS = WINDOW_SECONDS = 60.0
ARMS = 20
NODES = 4  # processes


class Simulated:
    """A cluster whose nodes are threads of a few processes that do no work."""

    def __init__(self, room: int) -> None:
        self.room = room
        context = multiprocessing.get_context("spawn")
        self.inboxes = [context.Queue() for _ in range(NODES)]
        self.processes = [context.Process(target=be_node, args=(inbox,), daemon=True) for inbox in self.inboxes]
        for process in self.processes:
            process.start()
        self.started = 0

    def connect(self) -> str:
        """Nothing to connect to."""
        return "127.0.0.1"

    def nodes(self) -> list[Node]:
        """One with room for all."""
        return [Node("1", "simulated", {"CPU": float(self.room)})]

    def start(self, config: bytes, per_worker: Any, node: str | None = None) -> int:
        """Let one of the processes begin another worker."""
        self.started += 1
        self.inboxes[self.started % NODES].put(config)
        return self.started

    def ended(self, handles: Any) -> list[Any]:
        """None."""
        return []

    def kill(self, handle: Any) -> None:
        """Nothing: workers end with their process."""

    def put(self, content: bytes) -> None:
        """Nothing is sent so."""

    def bring(self, handle: Any, reference: Any, file: str) -> None:
        """Nothing is sent so."""

    def close(self) -> None:
        """End the processes."""
        for process in self.processes:
            process.kill()


def be_node(inbox: Any) -> None:
    """A process with many workers."""
    found = facts()
    while True:
        threading.Thread(target=be_worker, args=(json.loads(inbox.get()), found), daemon=True).start()


def be_worker(given: dict[str, Any], found: dict[str, Any]) -> None:
    """A worker that trains until its process is ended; its first run is shorter, so that not all end together."""
    connection = Client((given["host"], given["port"]), authkey=bytes.fromhex(given["key"]))
    frames.send(connection, {"kind": "hello", "worker": given["worker"], "facts": found})
    jobs: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=listen, args=(connection, jobs), daemon=True).start()
    epochs = random.Random(given["worker"]).randint(1, int(RUN_SECONDS / ROW_SECONDS))
    while jobs.get():
        train(connection, epochs)
        epochs = int(RUN_SECONDS / ROW_SECONDS)


def train(connection: Any, epochs: int) -> None:
    """Send what a run of so many epochs, each as long as the time between two rows, would send."""
    begun = saved = time.monotonic()
    for epoch in range(1, epochs + 1):
        time.sleep(ROW_SECONDS)
        row = {"epoch": epoch, "seconds": time.monotonic() - begun, "lr": 0.001, "train/loss": 1 / epoch,
               "train/rmse": 1 / epoch, "train/mae": 1 / epoch, "validation/loss": 1 / epoch,
               "validation/rmse": 1 / epoch, "validation/mae": 1 / epoch, "running/loss": 1 / epoch}  # fmt: skip
        frames.send(connection, {"kind": "row", "answer": row, "bytes": 10**9})
        if time.monotonic() - saved > CHECKPOINT_SECONDS:
            saved = time.monotonic()
            state = {f"checkpoint/epoch-{epoch}/state.npz": secrets.token_bytes(CHECKPOINT_BYTES)}
            send_files(connection, state | {"history.csv": b"epoch\n" * 100})
    whole = dict.fromkeys(("history.csv", "test.npz", "train/events.out.tfevents.1", "run.json", "DONE"), b"-" * 4000)
    send_files(connection, whole | {"best.weights.h5": secrets.token_bytes(CHECKPOINT_BYTES // 3)})
    record = {"status": "done", "metrics": {"test/rmse": 1 / epochs}, "seconds": {"build": 0.0, "total": RUN_SECONDS}}
    frames.send(connection, {"kind": "done", "answer": record, "bytes": 10**9})


def send_files(connection: Any, contents: dict[str, bytes]) -> None:
    """Send these files as all that the run has."""
    frames.send(connection, {"kind": "files"}, Parcel(tuple(contents), {name: (0, c) for name, c in contents.items()}))


def listen(connection: Any, jobs: queue.Queue[bytes]) -> None:
    """Keep the jobs that the driver gives."""
    with contextlib.suppress(EOFError, OSError):
        while message := connection.recv_bytes():
            if message != frames.ALIVE:
                jobs.put(message)


class Syncs:
    """In place of `os.fsync`: does the same, and adds up how often, and how long it took."""

    def __init__(self) -> None:
        self.number, self.seconds, self._fsync = 0, 0.0, os.fsync

    def __call__(self, descriptor: int) -> None:
        """Sync a file."""
        begun = time.monotonic()
        self._fsync(descriptor)
        self.number += 1
        self.seconds += time.monotonic() - begun


class EnoughError(Exception):
    """The time is over."""


def busy(workers: int, logdir: Path) -> dict[str, str]:
    """The driver's share of a core with so many workers that train, and what it takes in a second."""
    recipe = Recipe(model=mlp, params=dict(widths=(8,)), data=data.diabetes, epochs=60, mode="graph")
    arms = {f"width {n}": recipe.but(params=dict(widths=(n + 1,))) for n in range(ARMS)}
    study = Experiment(claim="?", arms=arms, baseline="width 0", metric=Metric("test/rmse", goal="min"))
    tasks = plan.tasks_of("scale.driver", arms, -(-workers * 5 // ARMS), logdir, {})
    engine = RemoteEngine(Simulated(workers), logdir=logdir)
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    process, syncs, seen = psutil.Process(), Syncs(), set()
    counted = {"rows": 0.0, "runs": 0.0}
    begun, before = 0.0, dict[str, float]()

    def now() -> dict[str, float]:
        taken = {"processor": sum(process.cpu_times()[:2]), "syncs": syncs.number, "syncing": syncs.seconds}
        return counted | taken | {"bytes": engine.shipped}

    with (
        mock.patch("os.fsync", syncs),
        Pool(Resources(workers, 1), engine=engine) as pool,
        Progress(console, tasks, {"scale.driver": study}, workers=workers) as progress,
    ):

        def report(task: Any, row: dict[str, float]) -> None:
            nonlocal begun, before
            progress.update(task, row)
            counted["rows"] += bool(row)
            if row:
                seen.add(task.path)
            if len(seen) >= workers and not begun:
                begun, before = time.monotonic(), now()
            if begun and time.monotonic() - begun > WINDOW_SECONDS:
                raise EnoughError

        with contextlib.suppress(EnoughError):
            for task, record in pool.train_all(tasks, report):
                progress.end(task, record)
                counted["runs"] += 1
        seconds, after = time.monotonic() - begun, now()
    rates = {name: (after[name] - before[name]) / seconds for name in after}
    return {
        "workers": str(workers),
        "share of a core": f"{rates['processor']:.1%}",
        "rows a second": f"{rates['rows']:.0f}",
        "runs a second": f"{rates['runs']:.1f}",
        "files a second": f"{rates['bytes'] / 1e6:.2f} MB",
        "syncs a second": f"{rates['syncs']:.0f}",
        "of the time": f"{rates['syncing']:.1%}",
    }


def main(
    workers: Annotated[list[int] | None, typer.Option(help="how many; give it again for more")] = None,
) -> None:
    """Print a table."""
    found = []
    for number in workers or (10, 100, 500):
        with tempfile.TemporaryDirectory() as folder:
            found.append(busy(number, Path(folder)))
    Console().print(table(found))


if __name__ == "__main__":
    typer.run(main)
