"""From a recipe to a compiled model, with the program of an earlier one where that fits.

Building a network costs milliseconds, tracing and compiling its program seconds. So a seed, or an arm that differs only
in numbers (learning rate, weight decay, dropout rate), is not compiled again: its first weights and its numbers are
put into the variables of a model that is compiled already.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from data import Dataset
from folklore.declare.recipe import NOTHING, Recipe
from folklore.epoch.fingerprint import VARIABLE_RATE, is_transparent, structure
from folklore.epoch.model_traits import has_only_keras_layers
from folklore.keras_internals import all_layers, compilation, learning_rate, names_from_the_start, set_random_seed
from folklore.training import transfer
from folklore.training.initial_weights import seed_weights
from folklore.training.losses import LOSSES
from folklore.training.unit_metrics import metrics_of, set_unit

PROGRAMS = 8  # kept by a worker: an experiment's arms, mostly


@dataclass(frozen=True)
class _Compiled:
    """A compiled model, and all that is needed to bring it back to its first state."""

    model: keras.Model
    compilation: Any  # of the model, by `keras_internals.compilation`
    variables: list[keras.Variable]  # weights and dropout generators
    optimizer: keras.Optimizer
    metrics: list[keras.metrics.Metric]
    optimizer_start: list[Any]
    rates: tuple[Any, ...]  # the optimizer's variables of learning rate and weight decay


_compiled: dict[tuple[str, ...], _Compiled] = {}
# Whether code that is not Keras' own, which may draw with operations that have a state, ran in this process.
_own_code = False


def ready_model(recipe: Recipe, data: Dataset, seed: int, unit: float = 1.0, start: Path | None = None) -> keras.Model:
    """The recipe's model, compiled, with the first weights of `seed` and a fresh optimizer.

    Args:
        recipe: what to build.
        data: gives the shapes and the task, and so the metrics.
        seed: names the first weights.
        unit: the factor that brings regression metrics to the target's own units.
        start: the run that gives the weights of all layers but the head.

    Raises:
        ValueError: the model does not end in one output for each class or predicted value.
        ProblemError: it cannot start from `start`.
    """
    fresh = build(recipe, data, seed)
    if start is not None:
        transfer.carry_over(transfer.from_run(start, recipe.model).model, fresh, start, recipe.transfer.get("copied"))
    transfer.freeze(fresh, recipe.transfer.get("frozen", NOTHING))
    variables = list(fresh.variables)
    with names_from_the_start():  # XLA knows a program again only if all names in it are the same
        optimizer = new_optimizer(recipe, len(data.train))
        metrics = metrics_of(data.task)
        fresh.compile(optimizer, LOSSES[recipe.loss_name].new(name="loss"), metrics=metrics)
    key = _key(fresh, recipe)
    compiled = _compiled.pop(key, None)
    if compiled is None or _was_changed(compiled, key, recipe):
        make_rates_variable(fresh)
        fresh.optimizer.build(fresh.trainable_variables)
        optimizer_start = [keras.ops.convert_to_numpy(variable) for variable in fresh.optimizer.variables]
        compiled = _Compiled(
            fresh, compilation(fresh), variables, optimizer, metrics, optimizer_start, _rates(optimizer)
        )
    else:
        for variable, first in zip(compiled.variables, variables, strict=True):
            variable.assign(first)
        for variable, first in zip(compiled.model.optimizer.variables, compiled.optimizer_start, strict=True):
            variable.assign(first)
        _set_numbers(compiled.optimizer, optimizer)
        _set_rates(compiled.model, fresh)
    _compiled[key] = compiled  # the last used is the last to be dropped
    while len(_compiled) > PROGRAMS:
        del _compiled[next(iter(_compiled))]
    set_unit(compiled.metrics, unit)
    return compiled.model


def _was_changed(compiled: _Compiled, key: tuple[str, ...], recipe: Recipe) -> bool:
    """Whether a callback of the user's own changed more of the model than its variables, which are set for every run:
    froze a layer, say, or compiled it again.
    """
    replaced = any(new is not old for new, old in zip(_rates(compiled.optimizer), compiled.rates, strict=True))
    return replaced or compilation(compiled.model) is not compiled.compilation or _key(compiled.model, recipe) != key


def _rates(optimizer: keras.Optimizer) -> tuple[Any, ...]:
    return learning_rate(optimizer), optimizer.weight_decay


def build(recipe: Recipe, data: Dataset, seed: int) -> keras.Model:
    """The recipe's network with the first weights of `seed`.

    Raises:
        ValueError: it does not end in one output for each class or predicted value.
    """
    global _own_code
    set_random_seed(
        seed, forget=_own_code
    )  # for what `seed_weights` cannot name: weights and generators of custom layers
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(recipe.precision)
    try:
        with names_from_the_start():  # values are recorded by layer, whatever the process built before
            model = recipe.model(data.input_shape, data.outputs, **recipe.params)
    finally:
        keras.config.set_dtype_policy(policy)
    if (shape := getattr(model, "output_shape", None)) != (None, data.outputs):
        raise ValueError(
            f"{recipe.model.__name__} gave an output of shape {shape}, and {data.name} needs (None, {data.outputs}). "
            "Return a functional keras.Model that ends in as many units."
        )
    seed_weights(model, seed)
    _own_code |= bool(recipe.callbacks) or not has_only_keras_layers(model)
    return model


def new_optimizer(recipe: Recipe, rows: int) -> keras.Optimizer:
    """The recipe's optimizer; its schedule ends when `rows` were visited in every epoch.

    Learning rate and weight decay are variables.
    """
    optimizer = keras.optimizers.get({"class_name": recipe.optimizer_name, "config": recipe.optimizer_options})
    if recipe.schedule == "cosine":
        steps = recipe.epochs * -(-rows // recipe.batch_size)
        schedule = keras.optimizers.schedules.CosineDecay(float(optimizer.learning_rate), float(steps))
        _make_variable(schedule, ("initial_learning_rate", "decay_steps"))
        optimizer.learning_rate = schedule
    if optimizer.weight_decay is not None:
        _make_variable(optimizer, ("weight_decay",))
    return optimizer


def _make_variable(owner: Any, names: tuple[str, ...]) -> None:
    """Replace numbers of a schedule or an optimizer by variables; its configuration still gives them as numbers."""
    variables = {name: keras.Variable(getattr(owner, name), trainable=False, name=name) for name in names}
    config = owner.get_config
    owner.get_config = lambda: config() | {name: float(variable) for name, variable in variables.items()}
    for name, variable in variables.items():
        setattr(owner, name, variable)


def _set_numbers(optimizer: keras.Optimizer, wanted: keras.Optimizer) -> None:
    rate, new_rate = learning_rate(optimizer), learning_rate(wanted)
    if isinstance(rate, keras.Variable):
        rate.assign(new_rate)
    else:
        rate.initial_learning_rate.assign(new_rate.initial_learning_rate)
        rate.decay_steps.assign(new_rate.decay_steps)
    if optimizer.weight_decay is not None:
        optimizer.weight_decay.assign(wanted.weight_decay)


def make_rates_variable(model: keras.Model) -> None:
    """Make dropout layers' masks depend on a variable rate, see `dropout_masks.dropout`."""
    for layer in _with_rates(model):
        layer.seed_generator.rate = keras.Variable(layer.rate, trainable=False, name="rate")


def _set_rates(model: keras.Model, wanted: keras.Model) -> None:
    for layer, other in zip(_with_rates(model), _with_rates(wanted), strict=True):
        layer.rate = other.rate  # for its configuration
        layer.seed_generator.rate.assign(other.rate)


def _with_rates(model: keras.Model) -> list[keras.layers.Layer]:
    return [layer for layer in all_layers(model) if type(layer) in VARIABLE_RATE and layer.rate > 0]


def _key(model: keras.Model, recipe: Recipe) -> tuple[str, ...]:
    """Equal for models that can share a program, and whose values are recorded under the same names."""
    names = " ".join(layer.name for layer in all_layers(model))
    if is_transparent(model):
        return structure(model), names
    own = recipe.to_dict()  # a layer of the user's own may depend on anything that it was made with
    return structure(model), names, str(own["model"]), json.dumps(own["params"], sort_keys=True)
