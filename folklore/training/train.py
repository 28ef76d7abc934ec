"""One run, from its declaration to DONE. Read it downwards."""

from __future__ import annotations

import platform
import time
import traceback
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Any

import keras

from callbacks import (
    BestWeights,
    Checkpoints,
    Rows,
    StopOnDivergence,
    TensorBoard,
    TrainMetrics,
    checkpoint_files,
    log_name,
)
from callbacks.checkpoints import StopAskedError
from data import Dataset
from folklore import epoch
from folklore.declare.metrics import goal_of
from folklore.declare.recipe import ALL_BUT_HEAD, Mode
from folklore.storage import files, run_directory
from folklore.task import Task
from folklore.training.model_cache import ready_model
from folklore.training.preflight import choose
from folklore.training.recipe_callbacks import every, watchers_of
from folklore.training.transfer import origin_of, preprocessing_for

PLATEAU_FACTOR, PLATEAU_PATIENCE = 0.5, 3
PACKAGES = ("tensorflow", "keras", "tensorboard", "numpy", "scikit-learn")


def train(
    task: Task,
    report: Callable[[list[dict[str, float]]], None] = lambda rows: None,
    stop: Callable[[], bool] = lambda: False,
    every: float = 30.0,
) -> dict[str, Any]:
    """Train one run and store it, going on from a checkpoint if there is one; return its record, as in run.json.

    An exception does not leave here: the run's status is then "failed", and the record holds the traceback. Where it
    was stopped, it is "running". Lack of memory alone leaves: a fresh process, which may
    have more, can go on with the run.

    Args:
        task: what to train, and where.
        report: handed the history's rows while training, a few times a second.
        stop: asked after every epoch; where it says so, the state is saved, and the run left as it is.
        every: seconds between two checkpoints.
    """
    record = task.record() | {
        "status": "running",
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
        "device": epoch.devices(),
        "machine": platform.platform(),
    }
    try:
        _train_from_newest(task, record, report, stop, every)
    except StopAskedError:
        return record
    except epoch.OUT_OF_MEMORY:
        raise
    except (Exception, SystemExit) as error:  # whatever a model does, the other runs go on
        record |= {"status": "failed", "error": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()}
        if not isinstance(error, OSError):  # a disk may have room tomorrow; all else would fail again from there
            run_directory.drop_checkpoints(task.path)
    run_directory.finish(task.path, record)
    return record


def _train_from_newest(
    task: Task, record: dict[str, Any], report: Callable[..., None], stop: Callable[[], bool], every: float
) -> None:
    """Train from the newest checkpoint that fits, or anew; the outcome goes into the record."""
    begun = time.perf_counter()
    raw = task.recipe.data(task.seed, **task.recipe.data_params)
    belongs = {
        "recipe": record["identity"],
        "seed": task.seed,
        "start": task.start and origin_of(task.start)["sha256"],
        "mode": task.choice and task.choice["mode"],
        "code": task.origin.get("code", {}).get("sha256"),
        "data": raw.sha256,
        "deterministic": task.origin.get("deterministic"),
        "versions": record["versions"],
    }
    directory = task.path / run_directory.CHECKPOINTS
    unfit: list[str] = []
    while True:
        found, rejected = checkpoint_files.newest(directory, belongs)
        if found is not None and (lost := run_directory.lost_events(task.path, found.state["event_files"])):
            found, rejected = None, [*rejected, f"the run has lost what it wrote before: {', '.join(lost)}"]
        record |= {"resumed_after": None if found is None else found.epoch + 1}
        record |= {"rejected_checkpoints": [*unfit, *rejected]}
        run_directory.begin(task.path, record, None if found is None else found.state["event_files"])
        checkpoints = partial(
            Checkpoints, directory, belongs=belongs, found=found, logs=task.path, every=every, stop=stop
        )
        try:
            record |= _train(task, raw, begun, report, checkpoints, goes_on=found is not None)
            return
        except checkpoint_files.DamagedError as error:  # whole, yet nothing that could have been saved
            unfit.append(str(error))


def _train(
    task: Task,
    raw: Dataset,
    begun: float,
    report: Callable[[list[dict[str, float]]], None],
    checkpoints: Callable[..., Checkpoints],
    goes_on: bool,
) -> dict[str, Any]:
    recipe, clock = task.recipe, time.perf_counter

    # Fit the preprocessing on the training part alone; the seed has split the data.
    preprocessing = preprocessing_for(recipe, raw, task.start)
    data, scaling = preprocessing.apply_beside_device(raw)
    files.write_json(task.path / "preprocessing.json", preprocessing.to_json())
    on_train, on_validation = (epoch.place((part.x, part.y), scaling) for part in (data.train, data.validation))
    loaded = clock()

    model = ready_model(recipe, data, recipe.chance(task.seed), preprocessing.target_scale, task.start)
    choice = dict(task.choice or choose(recipe, model, on_train).to_dict())
    if recipe.transfer.get("head_epochs") and not goes_on:
        model.set_weights(with_trained_head(task, data, on_train, choice["mode"]))
    built = clock()

    divergence = StopOnDivergence()
    monitor = log_name(recipe.monitor)
    goal = goal_of(recipe.monitor)
    best = BestWeights(task.path / "best.weights.h5", monitor, goal)
    history = Rows(partial(run_directory.write_history, task.path))
    watchers = [
        TrainMetrics(partial(epoch.evaluate, model, on_train, epoch.evaluation_mode(choice["mode"], recipe.epochs))),
        divergence,
        *watchers_of(recipe, data, scaling, task.path),
        best,
        history,
        Rows(report, every=0.25),
        TensorBoard(task.path, text=_as_text(task), histograms=every(recipe)),
    ]
    if recipe.schedule == "plateau":
        watchers.append(keras.callbacks.ReduceLROnPlateau(monitor, PLATEAU_FACTOR, PLATEAU_PATIENCE, mode=goal))
    if recipe.patience is not None:
        watchers.append(keras.callbacks.EarlyStopping(monitor, mode=goal, patience=recipe.patience))
    epoch.fit(
        model,
        on_train,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        seed=recipe.chance(task.seed),
        validation_data=on_validation,
        callbacks=[*watchers, checkpoints(callbacks=watchers)],
        mode=choice["mode"],
    )
    fitted = clock()

    # The test part is read here, once, with the weights that validation selected.
    metrics: dict[str, float] = {}
    if divergence.epoch is None and best.epoch is not None:
        selected = history.rows[best.epoch]
        metrics = {name: value for name, value in selected.items() if name.startswith(("train/", "validation/"))}
        tested = epoch.evaluate(model, epoch.place((data.test.x, data.test.y), scaling))
        metrics |= {f"test/{name}": value for name, value in tested.items()}
    return {
        "status": "done" if metrics else "diverged",
        "divergence": None if metrics else {"epoch": (divergence.epoch or 0) + 1, "reason": divergence.reason},
        "data": {
            "name": data.name,
            "source": data.source,
            "unit": data.unit,
            "sha256": data.sha256,
            "train_sha256": raw.train_sha256,
            "input_shape": list(data.input_shape),
            "outputs": data.outputs,
            "rows": {"train": len(data.train), "validation": len(data.validation), "test": len(data.test)},
        },
        "start": task.start and origin_of(task.start),
        "mode": choice["mode"],
        "probe": choice["seconds"],
        "generators": generators(model),
        "parameters": model.count_params(),
        "epochs": len(history.rows),
        "selected_epoch": None if best.epoch is None else best.epoch + 1,
        "metrics": metrics,
        "seconds": {
            "data": round(loaded - begun, 3),
            "build": round(built - loaded, 3),
            "fit": round(fitted - built, 3),
            "test": round(clock() - fitted, 3),
            "total": round(clock() - begun, 3),
        },
    }


def with_trained_head(task: Task, data: Dataset, on_train: epoch.Placed, mode: Mode) -> list[Any]:
    """The weights after the epochs in which the head alone learns, at its own constant learning rate."""
    epochs, rate = (task.recipe.transfer[name] for name in ("head_epochs", "head_learning_rate"))
    recipe = task.recipe.but(transfer={"frozen": ALL_BUT_HEAD}, schedule="constant", optimizer={"learning_rate": rate})
    seed = recipe.chance(task.seed)
    model = ready_model(recipe, data, seed, start=task.start)
    epoch.fit(model, on_train, epochs=epochs, batch_size=recipe.batch_size, seed=seed, mode=mode)
    return model.get_weights()


def generators(model: keras.Model) -> dict[str, list[int]]:
    """Seed and number of draws of every dropout generator, in the model's order; weights' files leave them out."""
    states = (v for v in model.variables if v.path.endswith("seed_generator_state"))
    return {f"generator-{place}": [int(number) for number in state.numpy()] for place, state in enumerate(states)}


def _as_text(task: Task) -> str:
    lines = [f"# {task.experiment}", f"arm **{task.arm}**, seed {task.seed}", "", "| | |", "| --- | --- |"]
    return "\n".join(lines + [f"| {key} | `{value}` |" for key, value in task.recipe.to_dict().items()])
