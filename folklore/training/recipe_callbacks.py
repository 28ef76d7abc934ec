"""The callbacks of a run, in their order: `callbacks_of`. The reasons for the order stand there, and only there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from callbacks import (
    BestWeights,
    ConfidentMistakes,
    ConfusionMatrix,
    Embedding,
    FeatureMaps,
    Filters,
    Probes,
    Rows,
    StopOnDivergence,
    TensorBoard,
    TrainMetrics,
    log_name,
)
from callbacks.feature_maps import mapped_layers
from callbacks.filters import first_layer
from callbacks.rows import Row
from data import Dataset
from folklore.declare.callback_factories import factory_name
from folklore.declare.metrics import goal_of
from folklore.declare.recipe import Recipe
from folklore.epoch import LabelledRows
from folklore.epoch.checks import TRAIN_HOOKS, wants
from folklore.errors import ProblemError
from folklore.storage import run_directory
from folklore.task import Task

DRAWINGS_PER_RUN = 5
PROBED_ROWS = 10_000
MAPPED_IMAGES = 3
REPORT_SECONDS = 0.25
PLATEAU_FACTOR, PLATEAU_PATIENCE = 0.5, 3
Scaling = tuple[float, float] | None


@dataclass(frozen=True)
class RunCallbacks:
    """The callbacks of a run.

    Attributes:
        ordered: all of them, in the order in which they are called.
        divergence, best, history, probes: those of them that are asked for what they found, once training has ended;
            `probes` is None where the recipe names none.
    """

    ordered: list[keras.callbacks.Callback]
    divergence: StopOnDivergence
    best: BestWeights
    history: Rows
    probes: Probes | None


def callbacks_of(
    task: Task,
    data: Dataset,
    scaling: Scaling,
    own: Sequence[keras.callbacks.Callback],
    evaluate: Callable[[], dict[str, float]],
    labelled: Callable[[keras.Model], LabelledRows],
    report: Callable[[list[Row]], None],
    checkpoints: Callable[..., keras.callbacks.Callback],
) -> RunCallbacks:
    """The callbacks of a run, in the order in which Keras calls them.

    Args:
        task: the run.
        data: its training part, which the split has shuffled, is probed; its validation part is drawn.
        scaling: what is left to do before the network takes the inputs, see `Preprocessing.apply_beside_device`.
        own: those of the recipe's own factories, see `own_callbacks`.
        evaluate: returns loss and metrics on the training part.
        labelled: from the model to the labelled rows on which probes measure.
        report: receives the rows of the history a few times a second.
        checkpoints: makes the callback that saves and restores the state of the others, from `callbacks=`, their list.
    """
    recipe = task.recipe
    monitor, goal = log_name(recipe.monitor), goal_of(recipe.monitor)
    divergence = StopOnDivergence()
    best = BestWeights(task.path / "best.weights.h5", monitor, goal)
    history = Rows(partial(run_directory.write_history, task.path))
    probes = Probes(recipe.probes, _as_taken(data.train.x[:PROBED_ROWS], scaling), labelled) if recipe.probes else None
    ordered = [
        # First: it adds the train metrics to the logs, and a callback sees only what those before it added.
        TrainMetrics(evaluate),
        # After the train metrics, which it judges; before the probes, whose values may be NaN in a sound training.
        divergence,
        # Before the rows and the event files, which record their values; and before the best weights are restored at
        # the end of training, so that the pictures show the network of the last epoch.
        *([probes] if probes else []),
        *_pictures(recipe, data, scaling, task.path),
        # Before all that changes weights: it keeps the weights to which the metrics of the epoch belong.
        best,
        # After all that adds to the logs; before all that changes the learning rate, so that a row has the rate with
        # which its epoch was trained.
        history,
        Rows(report, every=REPORT_SECONDS),
        TensorBoard(task.path, text=_as_text(task), histograms=epochs_between_drawings(recipe)),
        # Then those that change the training: they act on what has been measured and recorded.
        *_schedule(recipe, monitor, goal),
        *_early_stopping(recipe, monitor, goal),
        # The user's own come after the suite's: they see the epoch's logs, probes included, and the learning rate and
        # the decision to stop as the recipe makes them; theirs is the last word.
        *own,
    ]
    # Last: it saves the state of all others as they leave it, and saves nothing once one of them ended the training.
    # When training begins it restores their states, after each of them has begun from the beginning.
    return RunCallbacks([*ordered, checkpoints(callbacks=ordered)], divergence, best, history, probes)


def own_callbacks(recipe: Recipe) -> list[keras.callbacks.Callback]:
    """The callbacks that the recipe's own factories make.

    Raises:
        ProblemError: a factory fails, or returns something other than a Keras callback.
    """
    made = []
    for factory in recipe.callbacks:
        name = factory_name(factory)
        try:
            callback = factory()
        except Exception as error:  # its author's code, which may raise anything
            raise ProblemError(
                f"callbacks was given {name}, and calling it failed: {type(error).__name__}: {error}. Give a class or "
                "function that needs no arguments, or a functools.partial with its arguments."
            ) from error
        if not isinstance(callback, keras.callbacks.Callback):
            raise ProblemError(
                f"callbacks was given {name}, which returned {callback!r}, and that is not a keras.callbacks.Callback. "
                "Give a subclass of keras.callbacks.Callback, or a function that returns an instance of one."
            )
        if hasattr(callback, "get_state") != hasattr(callback, "set_state"):
            raise ProblemError(
                f"The callback {name} has only one of get_state and set_state, so a resumed run could not restore what "
                "it remembers. Define both, or neither if it remembers nothing from epoch to epoch."
            )
        made.append(callback)
    return made


def epochs_between_drawings(recipe: Recipe) -> int:
    """Epochs between two drawings of what need not be seen after every epoch."""
    return max(1, recipe.epochs // DRAWINGS_PER_RUN)


def need_batches(callbacks: Iterable[keras.callbacks.Callback]) -> bool:
    """Whether one of these is called at every training batch, so that epochs run step by step."""
    return any(wants(callback, TRAIN_HOOKS) for callback in callbacks)


def _pictures(recipe: Recipe, data: Dataset, scaling: Scaling, path: Path) -> Iterator[keras.callbacks.Callback]:
    if recipe.pictures:
        part, names, often = data.validation, data.class_names, epochs_between_drawings(recipe)
        x = _as_taken(part.x, scaling)
        captions = [names[label] for label in part.y[:MAPPED_IMAGES]] if names else ()
        mapped = (x[:MAPPED_IMAGES], captions, part.x[:MAPPED_IMAGES])
        drawn = {
            "filters": lambda: Filters(path, every=often),
            "feature_maps": lambda: FeatureMaps(path, *mapped, every=often),
            "confusion": lambda: ConfusionMatrix(path, x, part.y, names, every=often),
            "mistakes": lambda: ConfidentMistakes(path, x, part.y, names, part.x, every=often),
            "embedding": lambda: Embedding(path, x, part.y, names, part.x, every=often),
        }
        yield from (drawn[name]() for name in recipe.pictures)


def _schedule(recipe: Recipe, monitor: str, goal: str) -> Iterator[keras.callbacks.Callback]:
    if recipe.schedule == "plateau":
        yield keras.callbacks.ReduceLROnPlateau(monitor, PLATEAU_FACTOR, PLATEAU_PATIENCE, mode=goal)


def _early_stopping(recipe: Recipe, monitor: str, goal: str) -> Iterator[keras.callbacks.Callback]:
    if recipe.patience is not None:
        yield keras.callbacks.EarlyStopping(monitor, mode=goal, patience=recipe.patience)


def check_pictures(names: Sequence[str], model: keras.Model) -> None:
    """Refuse pictures of layers where the model has none that can be drawn.

    Raises:
        ValueError: it has none.
    """
    if "filters" in names:
        first_layer(model)
    if "feature_maps" in names:
        mapped_layers(model)


def _as_taken(rows: np.ndarray, scaling: Scaling) -> np.ndarray:
    """Inputs as the network takes them."""
    return rows if scaling is None else (rows.astype(np.float32) - np.float32(scaling[0])) / np.float32(scaling[1])


def _as_text(task: Task) -> str:
    """The recipe as a Markdown table, for TensorBoard."""
    lines = [f"# {task.experiment}", f"arm **{task.arm}**, seed {task.seed}", "", "| | |", "| --- | --- |"]
    recipe: dict[str, Any] = task.recipe.to_dict()
    return "\n".join(lines + [f"| {key} | `{value}` |" for key, value in recipe.items()])
