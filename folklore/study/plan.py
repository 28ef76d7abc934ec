"""From declarations to stored runs: what is to be trained, what is there already, and handing it out."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from folklore.declare.experiment import Experiment
from folklore.declare.recipe import Recipe
from folklore.declare.settings import flatten
from folklore.errors import ProblemError
from folklore.storage import run_directory
from folklore.study.pool import Pool
from folklore.task import Task

DataChoice = Literal["auto", "real", "bundled"]


def prepare(
    experiment: Experiment, *, quick: bool = False, epochs: int | None = None, changes: Mapping[str, Any] | None = None
) -> Experiment:
    """The experiment with every recipe changed by its budget, by `epochs` and by `changes`, in this order."""
    for step in (experiment.quick if quick else {}, {} if epochs is None else {"epochs": epochs}, changes or {}):
        arms = {arm: _untuned(recipe, step).but(**step) for arm, recipe in experiment.arms.items()}
        experiment = dataclasses.replace(experiment, arms=arms)
    return experiment


def options(quick: bool, epochs: int | None, settings: Sequence[str]) -> list[str]:
    """The command's options that make recipes others than those that are declared."""
    budget = ["--budget quick"] if quick else []
    length = [] if epochs is None else [f"--epochs {epochs}"]
    return [*budget, *length, *(f"--set {shlex.quote(setting)}" for setting in settings)]


def _untuned(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """The recipe without a grid for what is given from outside."""
    given = {name for name, _ in flatten(changes)}
    return recipe.but(grid={name: values for name, values in recipe.grid.items() if name not in given})


def settle_data(
    studies: Mapping[str, Experiment], choice: DataChoice, pool: Pool
) -> tuple[dict[str, Experiment], list[str]]:
    """The experiments on the data that `choice` gives them, and why stand-ins were taken where they were."""
    settled, notes = {}, []
    found = {}
    for wanted in dict.fromkeys(experiment.data for experiment in studies.values() if experiment.arms):
        if choice == "auto":
            found[wanted], reason = pool.resolve(wanted, choice)
            notes += [reason] if reason else []
        else:
            found[wanted] = (wanted.stand_in or wanted) if choice == "bundled" else wanted
            notes += [f"{found[wanted].name} in place of {wanted.name}."] if found[wanted] != wanted else []
    for name, experiment in studies.items():
        if experiment.arms and (source := found[experiment.data]) != experiment.data:
            # A stand-in is small: it is used whole, where the real set would have been cut.
            arms = {
                arm: dataclasses.replace(
                    recipe, data=source, data_params={k: v for k, v in recipe.data_params.items() if k != "train_size"}
                )
                for arm, recipe in experiment.arms.items()
            }
            experiment = dataclasses.replace(experiment, arms=arms)
        settled[name] = experiment
    return settled, notes


@dataclass(frozen=True)
class Plan:
    """What is to be trained for one experiment, and how many of its runs are done already."""

    tasks: list[Task]
    done: int


def plan(
    name: str, arms: Mapping[str, Recipe], seeds: int, logdir: Path, origin: Mapping[str, Any], *, fresh: bool = False
) -> Plan:
    """Compare what is wanted with what is stored; with `fresh` nothing counts as stored.

    Raises:
        ProblemError: a stored run has another recipe; says which, and where the two differ.
    """
    tasks: list[Task] = []
    done = 0
    for arm, recipe in arms.items():
        for seed in range(seeds):
            task = Task(name, arm, seed, recipe, run_directory.run_path(logdir, name, arm, seed), origin)
            # Somebody may have deleted the half of a run that is done.
            if not fresh and is_done(task) and (task.path / "history.csv").exists():
                done += 1
            else:
                tasks.append(task)
    for task in tasks:
        if task.start is not None and task.start.parents[1] == logdir / name:
            raise ProblemError(
                f"{name}, arm {task.arm!r}, goes on from an arm of its own experiment, "
                f"{task.recipe.transfer['start']!r}. Declare that arm in an experiment of its own, and run that first."
            )
        if task.start is not None and not run_directory.read_run(task.start).done:
            raise ProblemError(
                f"{name}, arm {task.arm!r}, goes on from {task.start}, and no finished run is there. Train it first: "
                f"python -m experiments run {task.recipe.transfer['start'].partition('/')[0]} --seeds {seeds}"
                f"{run_directory.logdir_option(logdir)}."
            )
    return Plan(tasks, done)


def is_done(task: Task) -> bool:
    """Whether the run is stored.

    Raises:
        ProblemError: what is stored in its place has another recipe.
    """
    run = run_directory.read_run(task.path)
    if run.status != "failed" and run.record is not None and run.record.get("identity") != task.recipe.identity():
        raise ProblemError(
            f"{run.path} holds a run of another recipe: {_difference(run.record['recipe'], task.recipe.to_dict())}. "
            "Nothing was changed. Use --fresh to move the experiment's old runs aside, or another --logdir."
        )
    return run.done


def is_failure(experiment: Experiment, task: Task, record: Mapping[str, Any]) -> bool:
    """Whether a run's end makes `run` exit with 1: it failed, or it diverged where that was not to be expected."""
    return record["status"] == "failed" or (record["status"] == "diverged" and task.arm not in experiment.may_diverge)


def _difference(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    changed = [key for key in wanted if stored.get(key) != wanted[key]]
    return "; ".join(f"{key} was {stored.get(key)!r} and is now {wanted[key]!r}" for key in changed)
