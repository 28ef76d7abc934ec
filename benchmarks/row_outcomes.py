"""The cost of keeping the outcome of every test row: the time of a run relative to one without, and of reading them.

    python -m benchmarks.row_outcomes [--rounds 9] [--data real]

A run that tries a point of a grid keeps no rows, and is otherwise the same: it is the side without. One process with
one core, like a worker, trains both sides in turns, in a changing order, after one run of each has compiled everything.
Their metrics must be equal before anything is timed.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console

from benchmarks.whole_runs import on_data, seconds_of
from data import california_housing, fashion_mnist
from folklore import Recipe
from folklore.report.tables import table
from folklore.storage import row_outcomes, run_paths
from folklore.storage.row_outcomes import RowOutcomes
from folklore.study.resources import environment
from folklore.task import Task
from models import mlp

RECIPES = {
    "California 8-30-30-1, 20 epochs": Recipe(model=mlp, params=dict(widths=(30, 30)), data=california_housing),
    "Fashion-MNIST 20×100, 5 epochs": Recipe(model=mlp, params=dict(widths=(100,) * 20), data=fashion_mnist, epochs=5),
}
LIMIT = 1.02  # the ratio that the suite allows itself
READ, READS = 4_128, 1_000  # rows of a file, and files


def measure(recipe: Recipe, rounds: int) -> dict[str, str]:
    """One row of the table."""
    with tempfile.TemporaryDirectory() as folder:
        paths = {
            "with": run_paths.run_path(Path(folder), "benchmark.rows", "arm", 0),
            "without": run_paths.tuning_path(Path(folder), "benchmark.rows", "arm", {"point": 0}, 0),
        }
        tasks = {side: Task("benchmark.rows", "arm", 0, recipe, path, {}) for side, path in paths.items()}
        metrics = {side: seconds_of(task)[1] for side, task in tasks.items()}
        if metrics["with"] != metrics["without"]:
            raise SystemExit(f"The sides end with different metrics, so nothing is timed: {metrics}")
        times: dict[str, list[float]] = {side: [] for side in tasks}
        for number in range(rounds):
            for side in sorted(tasks, reverse=bool(number % 2)):
                times[side].append(seconds_of(tasks[side])[0])
        kept = [(path / row_outcomes.FILE).exists() for path in paths.values()]
        assert kept == [True, False], kept
        size = (paths["with"] / row_outcomes.FILE).stat().st_size
    ratios = sorted(mine / other for mine, other in zip(times["with"], times["without"], strict=True))
    return {
        "seconds of a run": f"{statistics.median(times['without']):.2f}",
        "ratio": f"{statistics.median(ratios):.3f}",
        "all rounds": f"{ratios[0]:.3f} … {ratios[-1]:.3f}",
        "bytes": f"{size:,}",
    }


def milliseconds_to_read(rows: int, files: int) -> float:
    """The mean of reading files that were just written, of a regression with this many rows."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, str(number)) for number in range(files)]
        for path in paths:
            numbers = rng.permutation(5 * rows)[:rows]
            row_outcomes.write(path, RowOutcomes(numbers, error=rng.normal(size=rows).astype(np.float32), unit=1.0))
        begun = time.perf_counter()
        for path in paths:
            row_outcomes.read(path)
        return (time.perf_counter() - begun) / files * 1e3


def main(
    rounds: Annotated[int, typer.Option(min=1, help="runs of each side")] = 9,
    data: Annotated[str, typer.Option(help="auto, real or bundled")] = "auto",
    reads: Annotated[int, typer.Option(min=1, help="files that are read")] = READS,
) -> None:
    """Check, measure, and print a table of ratios and the time of reading."""
    os.environ.update(environment(1))  # before Keras is imported
    rows = []
    for name, recipe in (on_data(*given, data) for given in RECIPES.items()):
        rows.append({"run": name} | measure(recipe, rounds))
    console = Console(width=130)
    console.print(table(rows, title=f"With rows relative to without, medians of {rounds} rounds; allowed: {LIMIT}"))
    console.print(f"Reading a file of {READ:,} rows: {milliseconds_to_read(READ, reads):.2f} ms, mean of {reads:,}.")


if __name__ == "__main__":
    typer.run(main)
