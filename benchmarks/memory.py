"""The memory of a pool's workers over many runs, which should not grow.

    python -m benchmarks.memory [--runs 200] [--jobs 2]

Trains short runs of two arms on bundled data, so that every run is a new seed of an existing program, and prints the
total resident memory of all workers after given numbers of runs.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import psutil
import typer
from rich.console import Console

from data import diabetes
from folklore import Recipe
from folklore.report.tables import table
from folklore.study.pool import Pool
from folklore.study.resources import Resources
from folklore.task import Task
from models import mlp

POINTS = (1, 5, 10, 20, 50, 100, 150, 200, 400, 800)
BASE = Recipe(model=mlp, params=dict(widths=(30, 30)), data=diabetes, epochs=5)
ARMS = {"plain": BASE, "dropout": BASE.but(params=dict(dropout=0.2))}


def main(
    runs: Annotated[int, typer.Option(min=20, help="number of runs")] = 200,
    jobs: Annotated[int, typer.Option(min=1, help="number of workers")] = 2,
) -> None:
    """Measure and print a table."""
    with tempfile.TemporaryDirectory() as folder, Pool(Resources(jobs, 1)) as pool:
        tasks = [
            Task("benchmark.memory", arm, seed, recipe, Path(folder) / arm / f"seed-{seed}", {})
            for seed in range(runs // len(ARMS))
            for arm, recipe in ARMS.items()
        ]
        bytes_after: dict[int, int] = {}
        for number, (_, record) in enumerate(pool.train_all(tasks, lambda task, row: None), start=1):
            assert record["status"] == "done", record
            bytes_after[number] = sum(child.memory_info().rss for child in psutil.Process().children(recursive=True))
    points = sorted({*(point for point in POINTS if point in bytes_after), len(tasks)})
    base = bytes_after[20]
    rows = [
        {"run": str(n), "memory": f"{bytes_after[n] / 2**20:.0f} MiB", "of run 20": f"{bytes_after[n] / base:.3f}"}
        for n in points
    ]
    Console(width=130).print(table(rows, title=f"Resident memory of {jobs} workers"))


if __name__ == "__main__":
    typer.run(main)
