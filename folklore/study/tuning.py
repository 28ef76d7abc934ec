"""Fair tuning: every arm picks, on seeds of its own, the best point of the grid that its recipe names.

Each arm has the same number of tuning seeds, and none of them is a seed of the comparison, so a verdict is not based on
runs that were selected for being good. Points are compared by the validation counterpart of the metric by which arms
are compared. Each seed of the comparison takes the point that is best for it, see `folklore.evidence.tuning_choice`. If
the best value lies at an edge of its grid, a better one may lie beyond it: then nobody knows how good the arm can be,
and the verdict is withheld.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from folklore.declare.experiment import Experiment
from folklore.declare.metrics import Goal, for_tuning, goal, goal_of, parse
from folklore.declare.recipe import Recipe
from folklore.storage import run_directory, run_paths
from folklore.storage.schema import Tried, Tuned
from folklore.study import plan
from folklore.task import Task

SEEDS = tuple(range(run_paths.FIRST_TUNING_SEED, run_paths.FIRST_TUNING_SEED + 6))


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


def tuned(name: str, experiment: Experiment, logdir: Path) -> dict[str, Tuned]:
    """How each arm with a grid was tuned.

    The best point has the best mean over the tuning seeds; a point with a run that diverged, collapsed or failed counts
    as infinitely bad.
    """
    return {
        arm: _tuned(name, arm, recipe, for_tuning(experiment.metric.name, recipe.monitor), logdir)
        for arm, recipe in experiment.arms.items()
        if recipe.grid
    }


def _tuned(name: str, arm: str, recipe: Recipe, monitor: str, logdir: Path) -> Tuned:
    aim: Goal = goal(monitor) or goal_of(monitor)
    worst = math.inf if aim == "min" else -math.inf
    tried: list[tuple[float, Tried]] = []
    for point in recipe.points():
        scores = [_score(run_paths.tuning_path(logdir, name, arm, point, seed), monitor) for seed in SEEDS]
        finite = [score for score in scores if score is not None]
        mean = sum(finite) / len(scores) if finite == scores else worst
        tried.append((mean, Tried(point=point, scores=scores, mean=mean)))
    best = (min if aim == "min" else max)(tried, key=lambda row: row[0])[1].point
    return Tuned(
        grid={setting: list(values) for setting, values in recipe.grid.items()},
        monitor=monitor,
        goal=aim,
        by_seed=True,
        tried=[row for _, row in tried],
        best=best,
        edges={s: (best[s], side) for s, values in recipe.grid.items() if (side := _edge(best[s], values))},
    )


def _edge(value: Any, values: tuple[Any, ...]) -> str | None:
    """In which direction to widen a grid of ordered numbers whose best one is its first or its last."""
    if not all(isinstance(each, int | float) for each in values):
        return None  # activations, for example, have no order and so no edge
    rising = values[-1] > values[0]
    if value == values[0]:
        return "downwards" if rising else "upwards"
    return ("upwards" if rising else "downwards") if value == values[-1] else None


def _score(path: Path, monitor: str) -> float | None:
    ended, metric = run_directory.read_run(path).ended, parse(monitor)
    if ended is None:
        return None
    return metric.of(ended, run_directory.read_history(path) if metric.from_history else {})
