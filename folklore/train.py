"""One run, from its declaration to DONE. Read it downwards."""

from __future__ import annotations

import platform
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any

import keras

from callbacks import BestWeights, Rows, StopOnDivergence, TensorBoard, TrainMetrics, log_name
from data import Dataset, Preprocessing
from folklore import epoch, store
from folklore.metrics import MAE, RMSE
from folklore.seeding import seed_weights
from folklore.spec import Recipe, goal_of
from folklore.task import Task

HISTOGRAMS_A_RUN = 5
PACKAGES = ("tensorflow", "keras", "tensorboard", "numpy", "scikit-learn")


def train(task: Task, report: Callable[[list[dict[str, float]]], None] = lambda rows: None) -> dict[str, Any]:
    """Train one run and store it; return its record, as in run.json.

    An exception does not leave here: the run's status is then "failed", and the record holds the traceback.

    Args:
        task: what to train, and where.
        report: handed the history's rows while training, a few times a second.
    """
    record: dict[str, Any] = {
        "experiment": task.experiment,
        "arm": task.arm,
        "seed": task.seed,
        "status": "running",
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "recipe": task.recipe.to_dict(),
        "identity": task.recipe.identity(),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
        "device": epoch.devices(),
        "machine": platform.platform(),
        **task.origin,
    }
    store.begin(task.path, record)
    try:
        record |= _train(task, report)
    except (Exception, SystemExit) as error:  # whatever a model does, the other runs go on
        record |= {"status": "failed", "error": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()}
    store.finish(task.path, record)
    return record


def _train(task: Task, report: Callable[[list[dict[str, float]]], None]) -> dict[str, Any]:
    recipe, clock = task.recipe, time.perf_counter
    begun = clock()

    # Split by the seed, then fit the preprocessing on the training part alone.
    raw = recipe.data(task.seed, **recipe.data_params)
    preprocessing = Preprocessing.fit(recipe.scaler, raw)
    data = preprocessing.apply(raw)
    store.write_json(task.path / "preprocessing.json", preprocessing.to_json())
    loaded = clock()

    model = ready_model(recipe, data, task.seed, unit=preprocessing.target_scale)
    mode = epoch.choose_mode(model) if recipe.mode == "auto" else recipe.mode
    built = clock()

    train_arrays, validation_arrays = (data.train.x, data.train.y), (data.validation.x, data.validation.y)
    divergence = StopOnDivergence()
    monitor = log_name(recipe.monitor)
    goal = goal_of(recipe.monitor)
    best = BestWeights(task.path / "best.weights.h5", monitor, goal)
    history = Rows(partial(store.write_history, task.path))
    watchers = [
        TrainMetrics(partial(epoch.evaluate, model, train_arrays)),
        divergence,
        best,
        history,
        Rows(report, every=0.25),
        TensorBoard(task.path, text=_as_text(task), histograms=max(1, recipe.epochs // HISTOGRAMS_A_RUN)),
    ]
    if recipe.patience is not None:
        watchers.append(keras.callbacks.EarlyStopping(monitor, mode=goal, patience=recipe.patience))
    epoch.fit(
        model,
        train_arrays,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        seed=task.seed,
        validation_data=validation_arrays,
        callbacks=watchers,
        mode=mode,
    )
    fitted = clock()

    # The test part is read here, once, with the weights that validation selected.
    metrics: dict[str, float] = {}
    if divergence.epoch is None and best.epoch is not None:
        selected = history.rows[best.epoch]
        metrics = {name: value for name, value in selected.items() if name.startswith(("train/", "validation/"))}
        tested = epoch.evaluate(model, (data.test.x, data.test.y))
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
            "rows": {"train": len(data.train), "validation": len(data.validation), "test": len(data.test)},
        },
        "mode": mode,
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


@dataclass(frozen=True)
class _Compiled:
    """A compiled model and what brings it back to its first state."""

    model: keras.Model
    variables: list[keras.Variable]  # weights and dropout generators
    metrics: list[keras.metrics.Metric]
    optimizer_start: list[Any]


# That of the last recipe alone: the seeds of an arm come one after another, and so share one compiled program.
_latest: dict[str, _Compiled] = {}


def ready_model(recipe: Recipe, data: Dataset, seed: int, unit: float = 1.0) -> keras.Model:
    """The recipe's model, compiled, with the first weights of `seed` and a fresh optimizer.

    Args:
        recipe: what to build.
        data: gives the shapes and the task: class logits with cross-entropy, or a linear output with squared error.
        seed: names the first weights.
        unit: by which regression metrics are multiplied, to be in the target's own units.

    Raises:
        ValueError: the model does not end in one output for each class or predicted value.
    """
    key = f"{recipe.identity()} {data.input_shape} {data.outputs} {len(data.train)}"
    keras.utils.set_random_seed(seed)  # for what `seed_weights` cannot name: weights and generators of custom layers
    fresh = recipe.model(data.input_shape, data.outputs, **recipe.params)
    if (shape := getattr(fresh, "output_shape", None)) != (None, data.outputs):
        raise ValueError(
            f"{recipe.model.__name__} gave an output of shape {shape}, and {data.name} needs (None, {data.outputs}). "
            "Return a functional keras.Model that ends in as many units."
        )
    seed_weights(fresh, seed)
    if key in _latest:
        compiled = _latest[key]
        for variable, first in zip(compiled.variables, fresh.variables, strict=True):
            variable.assign(first)
        for variable, first in zip(compiled.model.optimizer.variables, compiled.optimizer_start, strict=True):
            variable.assign(first)
    else:
        variables = list(fresh.variables)
        metrics = compile_model(fresh, recipe, data.task, rows=len(data.train))
        fresh.optimizer.build(fresh.trainable_variables)
        start = [keras.ops.convert_to_numpy(variable) for variable in fresh.optimizer.variables]
        _latest.clear()
        compiled = _latest[key] = _Compiled(fresh, variables, metrics, start)
    for metric in compiled.metrics:
        if isinstance(metric, RMSE | MAE):
            metric.unit.assign(unit)
    return compiled.model


def compile_model(model: keras.Model, recipe: Recipe, task: str, rows: int) -> list[keras.metrics.Metric]:
    """Compile for the task with the recipe's optimizer, whose schedule ends with `rows` visited in every epoch."""
    optimizer = new_optimizer(recipe, rows)
    if task == "classification":
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        metrics = [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]
    else:
        loss, metrics = keras.losses.MeanSquaredError(), [RMSE(name="rmse"), MAE(name="mae")]
    model.compile(optimizer, loss, metrics=metrics)
    return metrics


def new_optimizer(recipe: Recipe, rows: int) -> keras.Optimizer:
    """The recipe's optimizer with its schedule."""
    optimizer = keras.optimizers.get({"class_name": recipe.optimizer_name, "config": recipe.optimizer_options})
    if recipe.schedule == "cosine":
        steps = recipe.epochs * -(-rows // recipe.batch_size)
        rate = float(optimizer.learning_rate)
        optimizer.learning_rate = keras.optimizers.schedules.CosineDecay(rate, steps)
    return optimizer


def check(recipe: Recipe) -> None:
    """Load the recipe's data, build its model, and let its optimizer take one step on a single number."""
    data = recipe.data(0, **recipe.data_params)
    ready_model(recipe, data, seed=0)
    try:
        new_optimizer(recipe, len(data.train)).apply([keras.ops.ones((1,))], [keras.Variable([1.0])])
    except Exception as error:  # Keras takes any value, and TensorFlow stumbles over it in its own ways
        options = recipe.optimizer_options
        raise ValueError(f"The optimizer {recipe.optimizer_name} was given {options}, and fails: {error}") from error


def _as_text(task: Task) -> str:
    lines = [f"# {task.experiment}", f"arm **{task.arm}**, seed {task.seed}", "", "| | |", "| --- | --- |"]
    return "\n".join(lines + [f"| {key} | `{value}` |" for key, value in task.recipe.to_dict().items()])
