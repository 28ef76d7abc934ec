"""How busy the driver of a cluster is with many workers: simulated ones, whose rows and files are real messages.

    python -m benchmarks.driver [--workers 10 --workers 100 --workers 500]

Processes stand for nodes: each of their workers connects, says a row a second, which is a sign of life too, and sends
the files of a checkpoint every thirty seconds. The driver has its real engine, pool and display.
Its processor time is taken over thirty seconds in which all workers train, in shares of one core.
"""

from __future__ import annotations

import contextlib
import io
import json
import multiprocessing
import secrets
import tempfile
import threading
import time
from multiprocessing.connection import Client
from pathlib import Path
from typing import Annotated, Any

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
WINDOW_SECONDS = CHECKPOINT_SECONDS
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
    """A worker that has a run from its first job on, and never ends it."""
    connection = Client((given["host"], given["port"]), authkey=bytes.fromhex(given["key"]))
    frames.send(connection, {"kind": "hello", "worker": given["worker"], "facts": found})
    while connection.recv_bytes() == frames.ALIVE:
        pass
    threading.Thread(target=listen, args=(connection,), daemon=True).start()
    begun = time.monotonic()
    epoch, saved = 0, 0.0
    while True:
        time.sleep(ROW_SECONDS)
        epoch += 1
        row = {"epoch": epoch, "seconds": time.monotonic() - begun, "lr": 0.001, "train/loss": 1 / epoch,
               "train/rmse": 1 / epoch, "train/mae": 1 / epoch, "validation/loss": 1 / epoch,
               "validation/rmse": 1 / epoch, "validation/mae": 1 / epoch, "running/loss": 1 / epoch}  # fmt: skip
        frames.send(connection, {"kind": "row", "answer": row, "bytes": 10**9})
        if time.monotonic() - saved > CHECKPOINT_SECONDS:
            saved = time.monotonic()
            name = f"checkpoint/epoch-{epoch}/state.npz"
            files = {name: (0, secrets.token_bytes(CHECKPOINT_BYTES)), "history.csv": (0, b"epoch\n" * 100)}
            frames.send(connection, {"kind": "files"}, Parcel(tuple(files), files))


def listen(connection: Any) -> None:
    """Take what the driver says."""
    with contextlib.suppress(EOFError, OSError):
        while connection.recv_bytes():
            pass


def busy(workers: int, logdir: Path) -> dict[str, str]:
    """The driver's share of a core with so many workers that train, and what it takes in a second."""
    recipe = Recipe(model=mlp, params=dict(widths=(8,)), data=data.diabetes, epochs=10_000, mode="graph")
    arms = {f"width {n}": recipe.but(params=dict(widths=(n + 1,))) for n in range(ARMS)}
    study = Experiment(claim="?", arms=arms, baseline="width 0", metric=Metric("test/rmse", goal="min"))
    tasks = plan.tasks_of("scale.driver", arms, -(-workers * 2 // ARMS), logdir, {})
    cluster = Simulated(workers)
    engine = RemoteEngine(cluster, logdir=logdir)
    rows, first, before, shipped = 0, 0.0, 0.0, 0
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    process, seen = psutil.Process(), set()
    with Pool(Resources(workers, 1), engine=engine) as pool, Progress(
        console, tasks, {"scale.driver": study}, workers=workers
    ) as progress:  # fmt: skip

        class EnoughError(Exception):
            pass

        def report(task: Any, row: dict[str, float]) -> None:
            nonlocal rows, first, before, shipped
            progress.update(task, row)
            if row:
                seen.add(task.path)
                rows += 1
            if len(seen) == workers and not first:
                first, rows, before, shipped = time.monotonic(), 0, sum(process.cpu_times()[:2]), engine.shipped
            if first and time.monotonic() - first > WINDOW_SECONDS:
                raise EnoughError

        try:
            for _ in pool.train_all(tasks, report):
                pass
        except EnoughError:
            taken, seconds = sum(process.cpu_times()[:2]) - before, time.monotonic() - first
            shipped = engine.shipped - shipped
    return {
        "workers": str(workers),
        "share of a core": f"{taken / seconds:.1%}",
        "rows a second": f"{rows / seconds:.0f}",
        "bytes of files a second": f"{shipped / seconds:,.0f}",
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
