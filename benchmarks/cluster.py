"""What a Ray cluster costs beside two local workers: a cluster of this machine with two nodes of one CPU each.

    python -m benchmarks.cluster [--net mlp|lenet] [--runs 40] [--rounds 3]

In turn, the same study of two arms is trained by the local engine, by the cluster with files that travel, and by the
cluster where nodes see the log directory. Modes are given, and data are in the cache. Seconds count from the beginning
of the command. First it is checked that all three give the same histories.
"""

from __future__ import annotations

import io
import os
import statistics
import tempfile
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from unittest import mock

import typer
from rich.console import Console

import data
from benchmarks.cluster_soak import Unseen, left_in
from folklore import Experiment, Metric, Recipe
from folklore.report.tables import table
from folklore.storage import run_directory
from folklore.study import run as study_run
from folklore.study.engines.remote import engine
from folklore.study.request import Request
from models import lenet, mlp
from tests.loopback_cluster import TOKEN, Cluster

NAME = "soak.study"


class Net(StrEnum):
    """The networks."""

    MLP = "mlp"
    LENET = "lenet"


RECIPES = {
    Net.MLP: Recipe(model=mlp, params=dict(widths=(64, 64)), data=data.california_housing, epochs=20, mode="xla"),
    Net.LENET: Recipe(model=lenet, data=data.fashion_mnist, data_params=dict(train_size=5_000), epochs=3, mode="graph"),
}
ENGINES = ("local", "cluster, files travel", "cluster, shared log directory")


def train(net: Net, runs: int, name: str, address: str, logdir: Path) -> dict[str, float]:
    """Run the study with an engine; return its figures."""
    base = RECIPES[net]
    study = Experiment(
        claim="Another rate is better.",
        arms={"base": base, "other": base.but(optimizer={"learning_rate": 2e-3})},
        baseline="base",
        metric=Metric("test/loss", goal="min"),
        seeds=runs // 2,
    )
    chosen: dict[str, Any] = {"jobs": 2} if name == ENGINES[0] else {"engine": "ray", "address": address}
    made: list[Any] = []

    def engine_of(*given: Any) -> Any:
        made.append(engine_of_study(*given))
        return made[-1]

    engine_of_study, begun = study_run.engine_of, time.time()
    connected: list[float] = []

    def connect(self: Any) -> Any:
        found = connect_engine(self)
        connected.append(time.time() - begun)
        return found

    connect_engine = engine.RemoteEngine._connect
    with (
        mock.patch.object(study_run, "engine_of", engine_of),
        mock.patch.object(engine.RemoteEngine, "_connect", connect),
        mock.patch.object(engine, "Mark", Unseen if name == ENGINES[1] else engine.Mark),
    ):
        request = Request(logdir=logdir, **chosen)
        if study_run.run_studies({NAME: study}, Console(file=io.StringIO()), request):
            raise SystemExit("A run failed.")
    whole = time.time() - begun
    ended = [run for run in run_directory.runs(logdir / NAME) if run.ended]
    first = min((run.path / "DONE").stat().st_mtime for run in ended) - begun
    seconds = [dict(run.ended.seconds or {})["total"] for run in ended if run.ended]
    return {
        "connected": connected[0] if connected else 0.0,
        "first result": first,
        "whole study": whole,
        "a run": statistics.median(value for value in seconds if value is not None),
        "bytes a run": getattr(made[0], "shipped", 0) / len(ended),
    }


def main(
    net: Annotated[Net, typer.Option(help="the network")] = Net.MLP,
    runs: Annotated[int, typer.Option(help="of a study")] = 40,
    rounds: Annotated[int, typer.Option(help="that the engines take in turn")] = 3,
) -> None:
    """Print a table of medians."""
    os.environ |= TOKEN
    found: dict[str, list[dict[str, float]]] = {name: [] for name in ENGINES}
    with tempfile.TemporaryDirectory(prefix="cluster-") as folder:
        Path(folder, "ray").mkdir()
        cluster = Cluster(Path(folder, "ray"))
        try:
            for _ in range(2):
                cluster.add_node()
            histories = []
            for number in range(rounds + 1):
                for name in ENGINES:
                    logdir = Path(folder, f"{number} {name}")
                    figures = train(net, runs if number else 4, name, cluster.address, logdir)
                    if number:
                        found[name].append(figures)
                        histories.append(left_in(logdir))
        finally:
            cluster.end()
    if any(other != histories[0] for other in histories):
        raise SystemExit("The engines gave different histories.")
    medians = {
        name: {key: statistics.median(each[key] for each in rows) for key in rows[0]} for name, rows in found.items()
    }
    local = medians[ENGINES[0]]
    rows = [
        {
            "engine": name,
            "connected": f"{each['connected']:.1f} s",
            "first result": f"{each['first result']:.1f} s",
            f"{runs} runs": f"{each['whole study']:.1f} s",
            "ratio": f"{each['whole study'] / local['whole study']:.2f}",
            "a run": f"{each['a run']:.2f} s",
            "ratio of a run": f"{each['a run'] / local['a run']:.2f}",
            "bytes a run": f"{each['bytes a run']:,.0f}",
        }
        for name, each in medians.items()
    ]
    Console(width=160).print(table(rows))


if __name__ == "__main__":
    typer.run(main)
