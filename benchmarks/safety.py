"""The cost of checkpoints and deterministic operations: the time of a run relative to one without them.

    python -m benchmarks.safety [--rounds 5] [--data real]

Every side has its own process with one core, like a worker. They take turns with whole runs: data, model, epochs, event
files, test. Before timing, a check makes sure that a run with checkpoints ends with the same metrics as one without;
deterministic operations round differently.
"""

from __future__ import annotations

import math
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks.whole_runs import on_data
from data import california_housing, fashion_mnist
from folklore import Recipe
from folklore.report.tables import table
from folklore.study.resources import deterministic_ops, environment, exported
from folklore.task import Task
from models import lenet, mlp

PLAIN, EVERY_EPOCH, DETERMINISTIC = "no checkpoint", "one after every epoch", "--deterministic"
SIDES: Mapping[str, tuple[float, Mapping[str, str]]] = {
    PLAIN: (math.inf, {}),
    EVERY_EPOCH: (0.0, {}),
    DETERMINISTIC: (math.inf, deterministic_ops()),
}
INTERVAL = 30.0  # default seconds between checkpoints
CALIFORNIA = Recipe(model=mlp, params=dict(widths=(30, 30)), data=california_housing, epochs=50, mode="graph")
FASHION = Recipe(model=mlp, params=dict(widths=(300, 100)), data=fashion_mnist, epochs=4, mode="graph")
RECIPES = {
    "California 8-30-30-1": CALIFORNIA,
    "Fashion-MNIST 784-300-100-10": FASHION,
    "20×100 SELU, alpha dropout": FASHION.but(params=dict(widths=(100,) * 20, activation="selu", alpha_dropout=0.1)),
    "LeNet": Recipe(model=lenet, data=fashion_mnist, epochs=2, mode="graph"),
}


def run(recipe: Recipe, every: float) -> tuple[float, dict[str, float]]:
    """Train once in a temporary folder; return the seconds and the final metrics."""
    from folklore.training.train import Control, train

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "benchmark.safety" / "arm" / "seed-0"
        begun = time.perf_counter()
        record: dict[str, Any] = train(
            Task("benchmark.safety", "arm", 0, recipe, path, {}), Control(checkpoint_seconds=every)
        )
        seconds = time.perf_counter() - begun
    assert record["status"] == "done", record
    return seconds, record["metrics"]


def measure(recipe: Recipe, rounds: int) -> dict[str, str]:
    """One row of the table."""
    context = multiprocessing.get_context("spawn")
    sides = {side: ProcessPoolExecutor(1, context) for side in SIDES}

    def turn(side: str) -> tuple[float, dict[str, float]]:
        every, variables = SIDES[side]
        with exported(environment(1) | dict(variables)):  # read when the process starts, at its first turn
            return sides[side].submit(run, recipe, every).result()

    try:
        metrics = {side: turn(side)[1] for side in SIDES}
        if metrics[EVERY_EPOCH] != metrics[PLAIN]:
            raise SystemExit(f"The sides end with different metrics, so nothing is timed: {metrics}")
        times = [{side: turn(side)[0] for side in SIDES} for _ in range(rounds)]
    finally:
        for side in sides.values():
            side.shutdown()
    plain = statistics.median(found[PLAIN] for found in times)
    checkpoint = statistics.median((found[EVERY_EPOCH] - found[PLAIN]) / recipe.epochs for found in times)
    ratios = {side: statistics.median(found[side] / found[PLAIN] for found in times) for side in SIDES}
    return {
        "seconds of a run": f"{plain:.2f}",
        EVERY_EPOCH: f"{ratios[EVERY_EPOCH]:.2f}",
        "that is, each": f"{1e3 * checkpoint:.0f} ms",
        f"one in {INTERVAL:g} s": f"{1 + max(0.0, checkpoint) / INTERVAL:.4f}",
        DETERMINISTIC: f"{ratios[DETERMINISTIC]:.2f}",
    }


def main(
    rounds: Annotated[int, typer.Option(min=1, help="runs of each side")] = 5,
    data: Annotated[str, typer.Option(help="auto, real or bundled")] = "auto",
) -> None:
    """Check, measure, and print a table of ratios."""
    rows = []
    for name, recipe in (on_data(*given, data) for given in RECIPES.items()):
        rows.append({"run": name} | measure(recipe, rounds))
    Console(width=130).print(table(rows, title=f"Relative to a run without, medians of {rounds} interleaved rounds"))


if __name__ == "__main__":
    typer.run(main)
