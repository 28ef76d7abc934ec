"""The cost of pictures: the seconds that each kind adds to a run, and the size of what it writes.

    python -m benchmarks.pictures [--rounds 5] [--data real]

One process with one core, like a worker, trains the network without pictures, and with each kind, in turns, after one
run of each has compiled everything. Pictures change no weight, so all runs must end with equal metrics before anything
is timed.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.whole_runs import on_data, seconds_of
from data import fashion_mnist
from folklore import Recipe
from folklore.report.tables import table
from folklore.storage import run_paths
from folklore.study.resources import environment
from folklore.task import Task
from models import lenet

LENET = Recipe(model=lenet, data=fashion_mnist, data_params=dict(train_size=2_000), epochs=10, mode="graph")
KINDS = ("filters", "feature_maps", "confusion", "mistakes", "embedding")


def measure(recipe: Recipe, rounds: int) -> list[dict[str, str]]:
    """The rows of the table."""
    recipes = {"none": recipe} | {kind: recipe.but(pictures=(kind,)) for kind in KINDS}
    with tempfile.TemporaryDirectory() as folder:
        tasks = {
            kind: Task("benchmark.pictures", kind, 0, one, run_paths.run_path(Path(folder), "benchmark", kind, 0), {})
            for kind, one in recipes.items()
        }
        metrics = {kind: seconds_of(task)[1] for kind, task in tasks.items()}
        if different := [kind for kind in KINDS if metrics[kind] != metrics["none"]]:
            raise SystemExit(f"Runs with {', '.join(different)} end with other metrics, so nothing is timed.")
        rounds_of = [{kind: seconds_of(task)[0] for kind, task in tasks.items()} for _ in range(rounds)]
        sizes = {
            kind: sum(f.stat().st_size for f in task.path.rglob("*") if f.is_file()) for kind, task in tasks.items()
        }
    return [
        {
            "pictures": kind,
            "seconds of a run": f"{statistics.median(times[kind] for times in rounds_of):.2f}",
            "added": f"{statistics.median(times[kind] - times['none'] for times in rounds_of):+.2f}",
            "kB added": f"{(sizes[kind] - sizes['none']) / 1e3:,.0f}",
        }
        for kind in tasks
    ]


def main(
    rounds: Annotated[int, typer.Option(min=1, help="runs of each side")] = 5,
    data: Annotated[str, typer.Option(help="auto, real or bundled")] = "auto",
) -> None:
    """Check, measure, and print a table."""
    os.environ.update(environment(1))  # before Keras is imported
    name, recipe = on_data("LeNet, 10 epochs", LENET, data)
    Console(width=130).print(table(measure(recipe, rounds), title=f"{name}, medians of {rounds} interleaved rounds"))


if __name__ == "__main__":
    typer.run(main)
