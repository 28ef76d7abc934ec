"""From declarations to stored runs: what is to be trained, what is there already, and handing it out."""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import inspect
import json
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import folklore
from folklore import store
from folklore.errors import DeclarationError, ProblemError
from folklore.pool import Pool
from folklore.recipe import Recipe, flatten, nested
from folklore.spec import Experiment
from folklore.task import Task

DataChoice = Literal["auto", "real", "bundled"]
_ROOT = Path(folklore.__file__).resolve().parent.parent
_PACKAGES = ("models", "callbacks", "data", "folklore")


def parse_settings(settings: Sequence[str]) -> dict[str, Any]:
    """`--set` arguments as changes for `Recipe.but`: `optimizer.learning_rate=0.01` or `batch_size=64`.

    Raises:
        ProblemError: not of the form key=value, or the key is unknown; names the nearest.
    """
    given = dict(map(parse_value, settings))
    try:
        return nested(given)
    except DeclarationError as error:
        raise ProblemError(f"--set {' '.join(settings)}: {error}") from error


def parse_value(setting: str) -> tuple[str, Any]:
    """Key and value of "key=value"; the value read as JSON or a Python literal, and as text where it is neither."""
    key, equals, text = setting.partition("=")
    if not equals:
        raise ProblemError(f"--set {setting!r} has no value. Write --set key=value, such as batch_size=64.")
    for read in (json.loads, ast.literal_eval):
        try:
            return key, read(text)
        except (ValueError, SyntaxError):
            continue
    return key, text


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
            task = Task(name, arm, seed, recipe, store.run_path(logdir, name, arm, seed), origin)
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
        if task.start is not None and not store.read_run(task.start).done:
            raise ProblemError(
                f"{name}, arm {task.arm!r}, goes on from {task.start}, and no finished run is there. Train it first: "
                f"python -m experiments run {task.recipe.transfer['start'].partition('/')[0]} --seeds {seeds}"
                f"{store.logdir_option(logdir)}."
            )
    return Plan(tasks, done)


def is_done(task: Task) -> bool:
    """Whether the run is stored.

    Raises:
        ProblemError: what is stored in its place has another recipe.
    """
    run = store.read_run(task.path)
    if run.status != "failed" and run.record is not None and run.record.get("identity") != task.recipe.identity():
        raise ProblemError(
            f"{run.path} holds a run of another recipe: {_difference(run.record['recipe'], task.recipe.to_dict())}. "
            "Nothing was changed. Use --fresh to move the experiment's old runs aside, or another --logdir."
        )
    return run.done


def origin() -> dict[str, Any]:
    """Which code this is: folklore's version and, in a checkout, the commit and whether files differ from it."""

    def git(*arguments: str) -> str | None:
        command = ["git", "-C", str(Path(__file__).parent), *arguments]
        try:
            return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            return None

    commit = git("rev-parse", "HEAD")
    changed = None if commit is None else bool(git("status", "--porcelain", "--untracked-files=no"))
    code = {"folklore": folklore.__version__, "commit": commit, "changed": changed, "sha256": _sources()}
    return {"code": code}


def origin_of(experiment: Experiment, origin: Mapping[str, Any]) -> dict[str, Any]:
    """The origin of one experiment's runs: its code is also the files of models and data that are not this suite's."""
    functions = {f for recipe in experiment.arms.values() for f in (recipe.model, inspect.unwrap(recipe.data.load))}
    files = {file for function in functions if (file := _file_of(function)) and not _is_ours(file)}
    if not files:
        return dict(origin)
    digest = hashlib.sha256(origin["code"]["sha256"].encode())
    for file in sorted(files):
        digest.update(file.read_bytes())
    return {**origin, "code": {**origin["code"], "sha256": digest.hexdigest()}}


def _file_of(function: Callable[..., Any]) -> Path | None:
    try:
        file = inspect.getsourcefile(function)
    except TypeError:  # a partial or another callable object
        return None
    return Path(file).resolve() if file and Path(file).is_file() else None


def _is_ours(file: Path) -> bool:
    return file.is_relative_to(_ROOT) and file.relative_to(_ROOT).parts[0] in _PACKAGES


def _sources() -> str:
    """SHA-256 of what trains: the Python files of models, callbacks, data and folklore."""
    digest = hashlib.sha256()
    for package in _PACKAGES:
        for file in sorted((_ROOT / package).rglob("*.py")):
            digest.update(str(file.relative_to(_ROOT)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def is_failure(experiment: Experiment, task: Task, record: Mapping[str, Any]) -> bool:
    """Whether a run's end makes `run` exit with 1: it failed, or it diverged where that was not to be expected."""
    return record["status"] == "failed" or (record["status"] == "diverged" and task.arm not in experiment.may_diverge)


def _difference(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    changed = [key for key in wanted if stored.get(key) != wanted[key]]
    return "; ".join(f"{key} was {stored.get(key)!r} and is now {wanted[key]!r}" for key in changed)
