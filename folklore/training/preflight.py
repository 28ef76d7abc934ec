"""Before any run of an arm: load its data, build its model, choose its mode, estimate its memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from folklore import epoch
from folklore.declare.recipe import Recipe
from folklore.task import Task
from folklore.training.model_cache import new_optimizer, ready_model
from folklore.training.recipe_callbacks import check_pictures, need_batches, own_callbacks
from folklore.training.transfer import preprocessing_for


def examine_arm(task: Task) -> tuple[dict[str, Any], int, keras.Model]:
    """Load the recipe's data, build its model and its callbacks, and let its optimizer take one step on one number.

    Returns:
        The arm's mode as `epoch.Choice.to_dict`; about how many bytes a run takes beside TensorFlow itself; its model.

    Raises:
        ProblemError, ValueError, …: the arm cannot be trained.
    """
    recipe = task.recipe
    raw = recipe.data(0, **recipe.data_params)
    data, scaling = preprocessing_for(recipe, raw, task.start).apply_beside_device(raw)
    model = ready_model(recipe, data, seed=0, start=task.start)
    check_pictures(recipe.pictures, model)
    callbacks = own_callbacks(recipe)
    try:
        new_optimizer(recipe, len(data.train)).apply([keras.ops.ones((1,))], [keras.Variable([1.0])])
    except Exception as error:  # Keras takes any value, and TensorFlow fails on it in its own ways
        options = recipe.optimizer_options
        raise ValueError(f"The optimizer {recipe.optimizer_name} was given {options}, and fails: {error}") from error
    choice = choose_mode(recipe, model, epoch.place((data.train.x, data.train.y), scaling), callbacks)
    return choice.to_dict(), training_bytes(model, recipe), model


def choose_mode(
    recipe: Recipe, model: keras.Model, data: epoch.Placed, callbacks: Sequence[keras.callbacks.Callback] = ()
) -> epoch.Choice:
    """The recipe's mode; "auto" is measured, and callbacks that are called at every batch leave "step" only."""
    if need_batches(callbacks):
        return epoch.Choice("step", {})
    if recipe.mode != "auto":
        return epoch.Choice(recipe.mode, {})
    return epoch.choose_mode(model, data, recipe.batch_size, steps=recipe.epochs * -(-data.rows // recipe.batch_size))


def training_bytes(model: keras.Model, recipe: Recipe) -> int:
    """About how many bytes training takes: weights with gradients and Adam's two averages, activations of a batch."""
    return 4 * (4 * model.count_params() + 2 * recipe.batch_size * sum(epoch.activations(model)))
