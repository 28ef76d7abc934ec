"""Fair tuning: every arm picks, on seeds of its own, the best point of the grid that its recipe names.

Each arm has the same number of tuning seeds, and those are no seeds of the comparison, so a verdict is not read from
runs that were picked for being good. A best value at an edge of its grid might be better still beyond it: then nobody
knows what the arm can do, and the verdict is withheld.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from folklore.declare.experiment import Experiment
from folklore.declare.metrics import goal_of
from folklore.declare.recipe import Point, Recipe
from folklore.storage import run_directory
from folklore.study.plan import is_done
from folklore.task import Task

SEEDS = (1_000_000, 1_000_001, 1_000_002)
FOLDER = ".tuning"


def tasks(name: str, experiment: Experiment, logdir: Path, origin: Mapping[str, Any], *, fresh: bool) -> list[Task]:
    """The runs of an experiment's tuning that are still to be done: each arm at each point with each tuning seed.

    Raises:
        ProblemError: what is stored in the place of one has another recipe.
    """
    wanted = [
        Task(name, arm, seed, recipe.at(point), _path(logdir, name, arm, point, seed), origin)
        for arm, recipe in experiment.arms.items()
        for point in recipe.points()
        for seed in SEEDS
    ]
    return [task for task in wanted if fresh or not is_done(task)]


def tuned(name: str, experiment: Experiment, logdir: Path) -> tuple[Experiment, dict[str, Any]]:
    """The experiment with every arm at its best point and without a grid, and how each arm came by it, JSON-able.

    The best point has the best mean of the recipe's monitored figure over the tuning seeds; one with a run that
    diverged or failed counts as infinitely bad.
    """
    found = {arm: _choose(name, arm, recipe, logdir) for arm, recipe in experiment.arms.items() if recipe.grid}
    arms = {arm: recipe.at(found[arm]["best"]) if arm in found else recipe for arm, recipe in experiment.arms.items()}
    return dataclasses.replace(experiment, arms=arms), found


def _choose(name: str, arm: str, recipe: Recipe, logdir: Path) -> dict[str, Any]:
    worst = math.inf if goal_of(recipe.monitor) == "min" else -math.inf
    tried: list[dict[str, Any]] = []
    for point in recipe.points():
        scores = [_score(_path(logdir, name, arm, point, seed), recipe.monitor) for seed in SEEDS]
        known = [score for score in scores if score is not None]
        tried.append({"point": point, "scores": scores, "mean": sum(known) / len(scores) if known == scores else worst})
    best = (min if goal_of(recipe.monitor) == "min" else max)(tried, key=lambda row: row["mean"])["point"]
    return {
        "grid": {setting: list(values) for setting, values in recipe.grid.items()},
        "monitor": recipe.monitor,
        "tried": tried,
        "best": best,
        "edges": {s: [best[s], side] for s, values in recipe.grid.items() if (side := _edge(best[s], values))},
    }


def _edge(value: Any, values: tuple[Any, ...]) -> str | None:
    """Which way to widen a grid of numbers, which are in order, where the best one is its first or its last."""
    if not all(isinstance(each, int | float) for each in values):
        return None  # activations, say, have no order and so no edge
    rising = values[-1] > values[0]
    if value == values[0]:
        return "downwards" if rising else "upwards"
    return ("upwards" if rising else "downwards") if value == values[-1] else None


def _score(path: Path, monitor: str) -> float | None:
    score = (run_directory.read_run(path).record or {}).get("metrics", {}).get(monitor)
    return score if score is not None and math.isfinite(score) else None


def _path(logdir: Path, name: str, arm: str, point: Point, seed: int) -> Path:
    values = ", ".join(f"{setting}={value}" for setting, value in point.items())
    return logdir / name / FOLDER / arm / values / f"seed-{seed}"
