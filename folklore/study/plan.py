"""The runs that a study needs: on which data, which of them are stored, and which remain."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from data import Source
from folklore.declare.experiment import Experiment
from folklore.declare.recipe import Recipe
from folklore.errors import ProblemError
from folklore.storage import run_directory, run_paths
from folklore.storage.run_directory import Read, read_run
from folklore.study.pool import Pool
from folklore.study.request import DataChoice
from folklore.task import Task


def settle_data(
    studies: Mapping[str, Experiment],
    choice: DataChoice,
    pool: Pool,
    apply: Callable[[Experiment], Experiment] = lambda experiment: experiment,
) -> tuple[dict[str, Experiment], list[str]]:
    """The experiments on the data that `choice` gives them, and why stand-ins are used where they are.

    Args:
        studies: the experiments as declared, by name.
        choice: of the data.
        pool: its workers find out whether data are available.
        apply: changes an experiment as the command's options ask. On a stand-in, the experiment's own changes for it
            are made before.
    """
    notes: list[str] = []
    found = {}
    for wanted in dict.fromkeys(experiment.data for experiment in studies.values() if experiment.arms):
        if choice == "auto":
            found[wanted], reason = pool.find_source(wanted, choice)
            notes += [reason] if reason else []
        else:
            found[wanted] = (wanted.stand_in or wanted) if choice == "bundled" else wanted
            if found[wanted] != wanted:
                notes.append(f"{found[wanted].name} in place of {wanted.name}.")
            elif choice == "bundled" and wanted.source == "real":
                notes.append(f"{wanted.name} has no bundled stand-in, so it is used itself.")
    settled = {}
    for name, experiment in studies.items():
        if experiment.arms and (source := found[experiment.data]) != experiment.data:
            changed = apply(dataclasses.replace(experiment, arms=experiment.but(**experiment.bundled)))
            settled[name] = dataclasses.replace(changed, arms=_on(source, changed.arms))
        else:
            settled[name] = apply(experiment)
    return settled, notes


def _on(source: Source, arms: Mapping[str, Recipe]) -> dict[str, Recipe]:
    """The arms on a stand-in. It is small: all of it is used, where the real set would have been cut."""
    kept = {arm: {k: v for k, v in recipe.data_params.items() if k != "train_size"} for arm, recipe in arms.items()}
    return {arm: dataclasses.replace(recipe, data=source, data_params=kept[arm]) for arm, recipe in arms.items()}


def tasks_of(
    name: str, arms: Mapping[str, Recipe], seeds: int, logdir: Path, provenance: Mapping[str, Any]
) -> list[Task]:
    """All runs of these arms, stored or not: each arm with each seed."""
    return [
        Task(name, arm, seed, recipe, run_paths.run_path(logdir, name, arm, seed), provenance)
        for arm, recipe in arms.items()
        for seed in range(seeds)
    ]


def refuse_other_recipes(tasks: Iterable[Task], read: Read = read_run) -> None:
    """Refuse to train where the run of another recipe is stored; `read` reads a run.

    Raises:
        ProblemError: a stored run has another recipe; names it and the differences.
    """
    for task in tasks:
        run = read(task.path)
        if run.record is None or run.status == "failed" or run.record.identity == task.recipe.identity():
            continue
        raise ProblemError(
            f"{run.path} holds a run of another recipe: {_difference(run.record.recipe, task.recipe.to_dict())}. "
            "Nothing was changed. Use --fresh to move the experiment's old runs aside, or another --logdir."
        )


def refuse_missing_starts(tasks: Sequence[Task], logdir: Path) -> None:
    """Refuse runs whose network starts from a run that is not there.

    Raises:
        ProblemError: that run is not finished, or belongs to the same experiment; says what to do first.
    """
    for task in tasks:
        if task.start is None:
            continue
        start: str = task.recipe.transfer["start"]
        experiment = start.partition("/")[0]
        if experiment == task.experiment:
            raise ProblemError(
                f"{task.experiment}, arm {task.arm!r}, starts from an arm of its own experiment, {start!r}. Declare "
                "that arm in another experiment, and run that first."
            )
        if not run_directory.read_run(task.start).done:
            seeds = 1 + max(other.start_seed for other in tasks if other.experiment == task.experiment)
            raise ProblemError(
                f"{task.experiment}, arm {task.arm!r}, starts from {task.start}, and there is no finished run. Train "
                f"it first: python -m experiments run {experiment} --seeds {seeds}"
                f"{run_directory.logdir_option(logdir)}."
            )


def remaining(tasks: Sequence[Task], read: Read = read_run) -> list[Task]:
    """The runs that are not stored complete: somebody may have deleted a file of one that was."""
    return [task for task in tasks if not (read(task.path).done and (task.path / "history.csv").exists())]


def made_by_other_code(tasks: Iterable[Task], read: Read = read_run) -> list[Task]:
    """The runs that are stored and ended, and were made by other code than that of now."""

    def differs(task: Task) -> bool:
        ended = read(task.path).ended
        return ended is not None and (ended.code and ended.code.sha256) != task.provenance.get("code", {}).get("sha256")

    return [task for task in tasks if differs(task)]


def is_failure(experiment: Experiment, task: Task, record: Mapping[str, Any]) -> bool:
    """Whether a run's end makes `run` exit with 1: it failed, or it diverged where that was not to be expected."""
    return record["status"] == "failed" or (record["status"] == "diverged" and task.arm not in experiment.may_diverge)


def _difference(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    changed = [key for key in wanted if stored.get(key) != wanted[key] and (key in stored or wanted[key])]
    return "; ".join(f"{key} was {stored.get(key)!r} and is now {wanted[key]!r}" for key in changed)
