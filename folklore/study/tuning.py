"""Fair tuning: every arm picks, on seeds of its own, the best point of the grid that its recipe names.

Each arm has the same number of tuning seeds, and none of them is a seed of the comparison, so a verdict is not based on
runs that were selected for being good. If the best value lies at an edge of its grid, a better one may lie beyond it:
then nobody knows how good the arm can be, and the verdict is withheld.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from folklore.declare.experiment import Experiment
from folklore.declare.metrics import goal_of
from folklore.declare.recipe import Recipe
from folklore.storage import run_directory, run_paths
from folklore.study import plan
from folklore.task import Task

SEEDS = (1_000_000, 1_000_001, 1_000_002)


def tasks(name: str, experiment: Experiment, logdir: Path, provenance: Mapping[str, Any], *, fresh: bool) -> list[Task]:
    """The tuning runs of an experiment that remain: each arm at each point with each tuning seed.

    Raises:
        ProblemError: a stored run has another recipe.
    """
    wanted = [
        Task(name, arm, seed, recipe.at(point), run_paths.tuning_path(logdir, name, arm, point, seed), provenance)
        for arm, recipe in experiment.arms.items()
        for point in recipe.points()
        for seed in SEEDS
    ]
    if fresh:
        return wanted
    plan.refuse_other_recipes(wanted)
    return [task for task in wanted if not run_directory.read_run(task.path).done]


def tuned(name: str, experiment: Experiment, logdir: Path) -> tuple[Experiment, dict[str, Any]]:
    """The experiment with every arm at its best point and without a grid, and how that was found, JSON-able.

    The best point has the best mean of the recipe's monitored metric over the tuning seeds; a point with a run that
    diverged or failed counts as infinitely bad.
    """
    found = {arm: _choose(name, arm, recipe, logdir) for arm, recipe in experiment.arms.items() if recipe.grid}
    arms = {arm: recipe.at(found[arm]["best"]) if arm in found else recipe for arm, recipe in experiment.arms.items()}
    return dataclasses.replace(experiment, arms=arms), found


def _choose(name: str, arm: str, recipe: Recipe, logdir: Path) -> dict[str, Any]:
    worst = math.inf if goal_of(recipe.monitor) == "min" else -math.inf
    tried: list[dict[str, Any]] = []
    for point in recipe.points():
        scores = [_score(run_paths.tuning_path(logdir, name, arm, point, seed), recipe.monitor) for seed in SEEDS]
        finite = [score for score in scores if score is not None]
        mean = sum(finite) / len(scores) if finite == scores else worst
        tried.append({"point": point, "scores": scores, "mean": mean})
    best = (min if goal_of(recipe.monitor) == "min" else max)(tried, key=lambda row: row["mean"])["point"]
    return {
        "grid": {setting: list(values) for setting, values in recipe.grid.items()},
        "monitor": recipe.monitor,
        "tried": tried,
        "best": best,
        "edges": {s: [best[s], side] for s, values in recipe.grid.items() if (side := _edge(best[s], values))},
    }


def _edge(value: Any, values: tuple[Any, ...]) -> str | None:
    """In which direction to widen a grid of ordered numbers whose best one is its first or its last."""
    if not all(isinstance(each, int | float) for each in values):
        return None  # activations, for example, have no order and so no edge
    rising = values[-1] > values[0]
    if value == values[0]:
        return "downwards" if rising else "upwards"
    return ("upwards" if rising else "downwards") if value == values[-1] else None


def _score(path: Path, monitor: str) -> float | None:
    ended = run_directory.read_run(path).ended
    score = ended.metrics.get(monitor) if ended else None
    return score if score is not None and math.isfinite(score) else None
