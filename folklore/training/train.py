"""One run, from its declaration to DONE. Read it downwards."""

from __future__ import annotations

import platform
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from itertools import pairwise
from typing import Any

import keras

from callbacks import Checkpoints, checkpoint_files
from callbacks.checkpoints import StopAskedError
from callbacks.rows import Row
from data import Dataset
from folklore import epoch, machine
from folklore.declare.recipe import ALL_BUT_HEAD, Mode
from folklore.epoch.rows import Shuffle
from folklore.own_code import place
from folklore.storage import files, row_outcomes, run_directory
from folklore.storage.run_paths import tuning_point
from folklore.task import Task
from folklore.training.collapse import collapse
from folklore.training.model_cache import ready_model
from folklore.training.outcomes import row_outcomes_of
from folklore.training.preflight import choose_mode
from folklore.training.recipe_callbacks import RunCallbacks, Scaling, callbacks_of, own_callbacks
from folklore.training.transfer import preprocessing_for, provenance_of

PACKAGES = ("tensorflow", "keras", "tensorboard", "numpy", "scikit-learn")
SHUFFLE: dict[str, Shuffle] = {"fresh": True, "replayed": "replayed"}
_CLOCK = time.perf_counter


@dataclass(frozen=True)
class Control:
    """How the process that asked for a run watches it and interrupts it.

    Attributes:
        report: receives the rows of the history a few times a second.
        stop: asked after every epoch. Once it returns True, the state is saved and the run is left unfinished.
        checkpoint_seconds: between two checkpoints.
    """

    report: Callable[[list[Row]], None] = lambda rows: None
    stop: Callable[[], bool] = lambda: False
    checkpoint_seconds: float = 30.0


# The run, whatever happens in it, has a record.


def train(task: Task, control: Control = Control()) -> dict[str, Any]:
    """Train one run and store it, from its newest checkpoint if there is one; return its record, as in run.json.

    No exception leaves here: the run's status is then "failed", and the record holds the traceback. A run that was
    stopped has the status "running". Only lack of memory is raised: a fresh process, which may have more, can resume
    the run.
    """
    record = task.record() | {
        "status": "running",
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
        "device": epoch.devices(),
        "machine": platform.platform(),
        "host": machine.host(),
        "processor": machine.processor(),
    }
    try:
        _train_from_newest_checkpoint(task, record, control)
    except StopAskedError:
        return record
    except epoch.OUT_OF_MEMORY:
        raise
    except (Exception, SystemExit) as error:  # whatever a model does, the other runs are trained
        what = f"{type(error).__name__}: {error}{place(error)}"
        record |= {"status": "failed", "error": what, "traceback": traceback.format_exc()}
        if not isinstance(error, OSError):  # a disk may have room tomorrow; all else would fail again from there
            run_directory.drop_checkpoints(task.path)
    run_directory.finish(task.path, record)
    return record


# From which checkpoint.


def _train_from_newest_checkpoint(task: Task, record: dict[str, Any], control: Control) -> None:
    """Train from the newest checkpoint that fits, or from the beginning; the outcome is added to the record."""
    begun = _CLOCK()
    raw = task.recipe.data(task.seed, **task.recipe.data_params)
    belongs = _what_a_checkpoint_belongs_to(task, record, raw)
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
            Checkpoints,
            directory,
            belongs=belongs,
            found=found,
            logs=task.path,
            every=control.checkpoint_seconds,
            stop=control.stop,
        )
        try:
            record |= _train_once(task, raw, control, checkpoints, resumed=found is not None, begun=begun)
            return
        except checkpoint_files.DamagedError as error:  # undamaged on disk, yet no run could have saved it
            unfit.append(str(error))


def _what_a_checkpoint_belongs_to(task: Task, record: dict[str, Any], raw: Dataset) -> dict[str, Any]:
    """All on which the state of a run depends: a checkpoint in which one of these differs is not used."""
    return {
        "recipe": record["identity"],
        "seed": task.seed,
        "start": task.start and provenance_of(task.start)["sha256"],
        "mode": task.choice and task.choice["mode"],
        "code": task.provenance.get("code", {}).get("sha256"),
        "data": raw.sha256,
        "deterministic": task.provenance.get("deterministic"),
        "versions": record["versions"],
    }


# The training itself: data, model, epochs, test.


def _train_once(
    task: Task,
    raw: Dataset,
    control: Control,
    checkpoints: Callable[..., Checkpoints],
    *,
    resumed: bool,
    begun: float,
) -> dict[str, Any]:
    """Train and test; return the outcome, which run.json then holds."""
    recipe = task.recipe

    # The preprocessing is fitted on the training part only; the seed has split the data.
    preprocessing = preprocessing_for(recipe, raw, task.start)
    data, scaling = preprocessing.apply_beside_device(raw)
    files.write_json(task.path / "preprocessing.json", preprocessing.to_json())
    on_train, on_validation = (epoch.place((part.x, part.y), scaling) for part in (data.train, data.validation))
    loaded = _CLOCK()

    model = ready_model(recipe, data, recipe.chance(task.seed), preprocessing.target_scale, task.start)
    own = own_callbacks(recipe)
    choice = dict(task.choice or choose_mode(recipe, model, on_train, own).to_dict())
    mode: Mode = choice["mode"]
    if recipe.transfer.get("head_epochs") and not resumed:
        weights = with_trained_head(task, data, on_train, mode)
        # Made ready once more: the network whose head was trained may have been this one, as equal networks are shared.
        model = ready_model(recipe, data, recipe.chance(task.seed), preprocessing.target_scale, task.start)
        model.set_weights(weights)
    built = _CLOCK()

    evaluate = partial(epoch.evaluate, model, on_train, epoch.evaluation_mode(mode, recipe.epochs))
    labelled = partial(epoch.LabelledRows, train=on_train, validation=on_validation, batch_size=recipe.batch_size)
    callbacks = callbacks_of(task, data, scaling, own, evaluate, labelled, control.report, checkpoints)
    epoch.fit(
        model,
        on_train,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        seed=recipe.chance(task.seed),
        shuffle=SHUFFLE[recipe.order],
        validation_data=on_validation,
        callbacks=callbacks.ordered,
        mode=mode,
    )
    fitted = _CLOCK()

    metrics, found = _tested(task, model, data, scaling, callbacks, preprocessing.target_scale)
    tested = _CLOCK()
    selected, divergence = callbacks.best.epoch, callbacks.divergence
    return {
        "status": "done" if metrics else "diverged",
        "divergence": None if metrics else {"epoch": (divergence.epoch or 0) + 1, "reason": divergence.reason},
        "collapse": found,
        "data": _description(data, raw),
        "start": task.start and provenance_of(task.start),
        "mode": mode,
        "probe": choice["seconds"],
        "generators": generators(model),
        "parameters": model.count_params(),
        "epochs": len(callbacks.history.rows),
        "selected_epoch": None if selected is None else selected + 1,
        "metrics": metrics,
        "seconds": _seconds(begun, data=loaded, build=built, fit=fitted, test=tested),
    } | _before(callbacks)


def with_trained_head(task: Task, data: Dataset, on_train: epoch.Placed, mode: Mode) -> list[Any]:
    """The weights after the epochs in which only the head learns, at its own constant learning rate."""
    epochs, rate = (task.recipe.transfer[name] for name in ("head_epochs", "head_learning_rate"))
    recipe = task.recipe.but(transfer={"frozen": ALL_BUT_HEAD}, schedule="constant", optimizer={"learning_rate": rate})
    seed = recipe.chance(task.seed)
    model = ready_model(recipe, data, seed, start=task.start)
    shuffle = SHUFFLE[recipe.order]
    epoch.fit(model, on_train, epochs=epochs, batch_size=recipe.batch_size, seed=seed, shuffle=shuffle, mode=mode)
    return model.get_weights()


# The parts of its record.


def _tested(
    task: Task, model: keras.Model, data: Dataset, scaling: Scaling, callbacks: RunCallbacks, unit: float
) -> tuple[dict[str, float], dict[str, Any] | None]:
    """The metrics of the selected epoch, none of a run that diverged; and whether it collapsed, see `collapse`.

    The test part is read here, once, with the weights that validation selected. The outcomes of its rows are stored,
    unless the run only tries a point of a grid: such runs are many, and nobody compares them row by row.
    """
    if callbacks.divergence.epoch is not None or callbacks.best.epoch is None:
        return {}, None
    callbacks.best.restore()  # callbacks of the user's own may have changed the weights when training ended
    selected = callbacks.history.rows[callbacks.best.epoch]
    metrics = {name: value for name, value in selected.items() if name.startswith(("train/", "validation/"))}
    on_test = epoch.place((data.test.x, data.test.y), scaling)
    metrics |= {f"test/{name}": value for name, value in epoch.evaluate(model, on_test).items()}
    if tuning_point(task.path) is None and data.task != "multilabel":  # whose metrics have no figure by row
        outcomes = row_outcomes_of(epoch.predict(model, on_test), data.test, data.task, task.recipe.loss_name, unit)
        row_outcomes.write(task.path, outcomes)
    monitor = task.recipe.monitor
    penalties = sum(float(loss) for loss in model.losses) if monitor.endswith("/loss") else 0.0
    value, loss = metrics[monitor] - penalties, task.recipe.loss_name
    return metrics, collapse(monitor, value, callbacks.best.epoch + 1, data, loss, unit)


def _before(callbacks: RunCallbacks) -> dict[str, Any]:
    """What the probes measured before the first step, for the record of a run that has probes."""
    if callbacks.probes is None:
        return {}
    return {"before": {f"probe/{name}": value for name, value in (callbacks.probes.before or {}).items()}}


def _description(data: Dataset, raw: Dataset) -> dict[str, Any]:
    """The data. `sha256` is that of the whole set, which arms share; the parts' show what was changed of it."""
    return {
        "name": data.name,
        "source": data.source,
        "unit": data.unit,
        "sha256": data.sha256,
        "train_sha256": raw.train_sha256,
        "test_sha256": raw.test_sha256,
        "input_shape": list(data.input_shape),
        "outputs": data.outputs,
        "rows": {"train": len(data.train), "validation": len(data.validation), "test": len(data.test)},
    }


def generators(model: keras.Model) -> dict[str, list[int]]:
    """Seed and number of draws of every dropout generator, in the model's order; weight files do not hold them."""
    states = (v for v in model.variables if v.path.endswith("seed_generator_state"))
    return {f"generator-{place}": [int(number) for number in state.numpy()] for place, state in enumerate(states)}


def _seconds(begun: float, **ends: float) -> dict[str, float]:
    """The seconds that each step took, by the times at which they ended, and of all together."""
    times = [begun, *ends.values()]
    taken = {step: round(end - start, 3) for step, (start, end) in zip(ends, pairwise(times), strict=True)}
    return taken | {"total": round(times[-1] - begun, 3)}
