"""A study of 100 short runs on a Ray cluster of this machine, whose nodes are killed and added at random meanwhile.

    python -m benchmarks.cluster_soak [--seed 0] [--events 20] [--shared]

Prints what happened and the number of lost runs. Nothing is lost if every history, and the comparison, equal those of
an undisturbed study of two local workers. Without --shared, nodes cannot see the log directory, so that all files
travel. The command is given again where a run failed because it lost its worker three times, as a user would.
"""

from __future__ import annotations

import csv
import io
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Annotated, Any
from unittest import mock

import typer
from rich.console import Console

import data
from folklore import Experiment, Hypothesis, Metric, Recipe
from folklore.evidence.compare import compare
from folklore.storage import run_directory
from folklore.study.engines.remote import engine
from folklore.study.request import Request
from folklore.study.run import run_studies
from models import mlp
from tests.loopback_cluster import TOKEN, Cluster, kill

ARMS, SEEDS = 10, 10
NAME = "soak.study"
PAUSE = 3.0, 12.0  # seconds between two events
MOST_NODES = 3


class Unseen:
    """A mark that no node sees, as if the log directory were on this machine's own disk."""

    file, token = "/no/such/file", ""

    def __init__(self, logdir: Path) -> None:
        pass

    def remove(self) -> None:
        """Nothing was written."""


def study(epochs: int) -> Experiment:
    """Ten arms, ten seeds."""
    params = dict(widths=(8,), dropout=0.2)
    base = Recipe(model=mlp, params=params, data=data.diabetes, batch_size=64, epochs=epochs, mode="graph")
    return Experiment(
        claim="A wider network is better.",
        arms={f"width {4 + n}": base.but(params=dict(widths=(4 + n,))) for n in range(ARMS)},
        baseline="width 4",
        metric=Metric("test/rmse", goal="min"),
        hypothesis=Hypothesis("width 13", "better", by=1.0),
        seeds=SEEDS,
    )


class Disturber(threading.Thread):
    """Kills nodes and adds others, at random, until it is told to stop."""

    def __init__(self, cluster: Cluster, chance: random.Random) -> None:
        super().__init__(daemon=True)
        self.cluster, self.chance = cluster, chance
        self.counts: Counter[str] = Counter()
        self.over = threading.Event()

    def run(self) -> None:
        """One event after another."""
        while not self.over.wait(self.chance.uniform(*PAUSE)):
            alive = [node for node in self.cluster.nodes if node.poll() is None]
            if len(alive) < MOST_NODES and (not alive or self.chance.random() < 0.5):
                self.cluster.add_node()
                self.counts["added"] += 1
            else:
                kill(self.chance.choice(alive))
                self.counts["killed"] += 1


def train(logdir: Path, epochs: int, **chosen: Any) -> int:
    """Run the study; return the number of failed runs."""
    request = Request(logdir=logdir, data="bundled", **chosen)
    return run_studies({NAME: study(epochs)}, Console(file=io.StringIO()), request)


def left_in(logdir: Path) -> dict[str, Any]:
    """The history without times, and the final metrics, of every finished run."""
    found = {}
    for run in run_directory.runs(logdir / NAME):
        if run.ended:
            with (run.path / "history.csv").open() as file:
                rows = [{name: cell for name, cell in row.items() if name != "seconds"} for row in csv.DictReader(file)]
            found[f"{run.arm}/{run.seed}"] = rows, dict(run.ended.metrics)
    return found


def main(
    seed: Annotated[int, typer.Option(help="of the events")] = 0,
    events: Annotated[int, typer.Option(help="that there must be at least")] = 20,
    epochs: Annotated[int, typer.Option(help="of each run")] = 600,
    shared: Annotated[bool, typer.Option(help="let the nodes see the log directory")] = False,
) -> None:
    """Run the test and print the result; exit with status 1 if anything was lost, or too little happened."""
    os.environ |= TOKEN | {"FOLKLORE_CHECKPOINT_SECONDS": "0.2"}
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        disturbed, undisturbed = Path(folder, "disturbed"), Path(folder, "undisturbed")
        Path(folder, "ray").mkdir()
        cluster = Cluster(Path(folder, "ray"))
        disturber, commands, failed = Disturber(cluster, random.Random(seed)), 0, 1
        try:
            for _ in range(2):
                cluster.add_node()
            begun = time.monotonic()
            disturber.start()
            with mock.patch.object(engine, "Mark", engine.Mark if shared else Unseen):
                while failed:
                    commands += 1
                    failed = train(disturbed, epochs, engine="ray", address=cluster.address, jobs=2)
            seconds = time.monotonic() - begun
        finally:
            disturber.over.set()
            disturber.join()
            cluster.end()
        os.environ["FOLKLORE_CHECKPOINT_SECONDS"] = "inf"
        train(undisturbed, epochs, jobs=2)
        found, wanted = left_in(disturbed), left_in(undisturbed)
        lost = [run for run, left in wanted.items() if found.get(run) != left]
        equal = compare(disturbed / NAME).arms == compare(undisturbed / NAME).arms
        resumed = sum(bool(run.ended and run.ended.to_dict().get("resumed_after"))
                      for run in run_directory.runs(disturbed / NAME))  # fmt: skip
        counts = disturber.counts
        print(f"{counts['killed']} nodes were killed and {counts['added']} added in {seconds:.0f} s.")
        print(f"{len(found)} runs, {resumed} of them resumed from a checkpoint; lost: {len(lost)}.")
        print(f"The command was given {commands} times.")
        print(f"The comparison {'equals' if equal else 'differs from'} that of the undisturbed study.")
        sys.exit(bool(lost) or not equal or counts.total() < events)


if __name__ == "__main__":
    typer.run(main)
