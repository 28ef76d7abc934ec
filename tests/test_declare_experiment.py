"""Declarations: errors, merging of options, records and identity."""

import dataclasses
import inspect
import json
import pickle
import re

import keras
import pytest

from data import california_housing, diabetes, digits
from folklore import Experiment, Hypothesis, Metric, Recipe
from folklore.declare.optimizers import OPTIMIZERS
from folklore.errors import DeclarationError, ProblemError, did_you_mean
from models import mlp

BASE = Recipe(model=mlp, data=diabetes)
IMAGES = Recipe(model=mlp, data=digits)
EXPERIMENT = dict(
    claim="It helps.",
    arms={"base": BASE, "arm": BASE.but(params=dict(dropout=0.5))},
    baseline="base",
    metric=Metric("test/rmse", goal="min"),
)
ABOUT_PROBE = Hypothesis("arm", "worse", by=0.5, metric=Metric("probe/dead_units", "max"))
ABOUT_ARM, ABOUT_BASE = Hypothesis("arm", "worse", by=0.5), Hypothesis("base", "worse", by=1)


def anything(input_shape, outputs, **options):
    """A builder that takes every option."""


def with_depth(input_shape, outputs, depth=1):
    """A builder without a check of its own."""


def refused(make, *messages):
    with pytest.raises(DeclarationError) as refusal:
        make()
    for message in messages:
        assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("fields", "messages"),
    [
        ({"params": {"drpout": 0.5}}, ["The model mlp was given 'drpout'", "Did you mean 'dropout'?"]),
        ({"params": {"input_shape": (8,)}}, ["The model mlp was given 'input_shape', which it does not take."]),
        ({"model": with_depth, "params": {"dept": 2}}, ["The model with_depth was given 'dept'", "'depth'?"]),
        ({"params": {"widths": (5,), "depth": 2}}, ["widths=(5,) was given together with depth=2"]),
        ({"params": {"dropout": 0.1, "alpha_dropout": 0.1}}, ["a layer takes one kind"]),
        ({"params": [("dropout", 0.5)]}, ["params is [('dropout', 0.5)]. Give a mapping", "params=dict(…)"]),
        ({"model": lambda input_shape, outputs: None}, ["<lambda>", "a function defined at the top level of a module"]),
        ({"model": "mlp"}, ["model is 'mlp'. Give a function"]),
        ({"model": None}, ["model is None. Give a function"]),
        ({"data": "diabetes"}, ["data is 'diabetes'. Give a source such as data.california_housing"]),
        ({"data_params": {"trainsize": 9}}, ["diabetes's data_params was given 'trainsize'", "'train_size'?"]),
        ({"data_params": None}, ["data_params is None. Give a mapping"]),
        ({"pictures": ("fliters",), "data": digits}, ["pictures was given 'fliters'", "Did you mean 'filters'?"]),
        ({"pictures": "filters", "data": digits}, ["pictures is 'filters'. Write a tuple of names", "confusion"]),
        ({"pictures": ("filters",)}, ["'filters'", "diabetes has no images. Leave pictures out"]),
        ({"pictures": ["mistakes"]}, ["'mistakes', which cannot be drawn: diabetes has no classes and no images."]),
        ({"pictures": ("confusion",)}, ["'confusion', which cannot be drawn: diabetes has no classes"]),
        ({"scaler": "standart"}, ["The scaler is 'standart'", "Did you mean 'standard'?", "quantile"]),
        ({"schedule": "cosin"}, ["The schedule is 'cosin'", "Did you mean 'cosine'?"]),
        ({"mode": "XLA"}, ["The mode is 'XLA'", "There are: auto, graph, step, xla."]),
        ({"optimizer": "adm"}, ["The optimizer is 'adm'", "Did you mean 'adam'?"]),
        ({"optimizer": "Adam"}, ["The optimizer is 'Adam'", "Did you mean 'adam'?"]),
        ({"optimizer": {"learning_rate": 0.1}}, ["The optimizer is None", "There are: adadelta"]),
        ({"optimizer": {"name": "adam", "momentum": 0.9}}, ["The optimizer adam was given 'momentum'", "amsgrad"]),
        ({"optimizer": {"name": "sgd", "learning_rat": 1}}, ["given 'learning_rat'", "Did you mean 'learning_rate'?"]),
        ({"optimizer": 0.01}, ["optimizer is 0.01. Give a mapping", "optimizer=dict(…)"]),
        ({"monitor": "val_loss"}, ["The monitor is 'val_loss'", "Did you mean 'validation/loss'?"]),
        ({"monitor": "validation/accuracy"}, ["The monitor is 'validation/accuracy'", "validation/rmse"]),
    ],
)
def test_invalid_recipe_is_refused(fields, messages):
    refused(lambda: Recipe(**({"model": mlp, "data": diabetes} | fields)), *messages)


@pytest.mark.parametrize("field", ["batch_size", "epochs", "patience"])
@pytest.mark.parametrize("value", [0, -1, 1.0, "5", True, False, float("nan")])
def test_counts_are_positive_integers(field, value):
    refused(lambda: BASE.but(**{field: value}), f"{field} is {value!r}. Give a positive integer.")


@pytest.mark.parametrize("field", ["batch_size", "epochs"])
def test_only_patience_may_be_none(field):
    refused(lambda: BASE.but(**{field: None}), f"{field} is None")
    assert BASE.but(patience=3).but(patience=None).patience is None


@pytest.mark.parametrize("rate", [0, -0.1, float("inf"), float("nan"), "0.1", None, True, [0.1]])
def test_learning_rate_is_positive_number(rate):
    refused(
        lambda: BASE.but(optimizer=dict(learning_rate=rate)),
        f"The optimizer's learning_rate is {rate!r}. Give a number above 0.",
    )


def test_declaration_error_is_problem_and_value_error():
    assert issubclass(DeclarationError, ProblemError)
    assert issubclass(DeclarationError, ValueError)


@pytest.mark.parametrize(
    ("name", "goal", "messages"),
    [
        ("test/rmse", "minimum", ["Metric's goal is 'minimum'", "Did you mean 'min'?"]),
        ("test/accuracy", "min", ["would count worse as better", "Metric('test/accuracy', goal='max')"]),
        ("test/rmse", "max", ["would count worse as better", "Metric('test/rmse', goal='min')"]),
        ("rmse", "min", ["The metric 'rmse' is not understood. Write one like: test/accuracy, best", "There are: "]),
        ("tset/rmse", "min", ["'tset/rmse' is not understood", "Did you mean 'test/rmse'?"]),
        ("test/", "min", ["'test/' is not understood"]),
    ],
)
def test_invalid_metric_is_refused(name, goal, messages):
    refused(lambda: Metric(name, goal), *messages)


@pytest.mark.parametrize("by", [0, -1, float("inf"), float("nan"), "1", None, True])
def test_hypothesis_has_allowed_direction_and_positive_effect(by):
    refused(lambda: Hypothesis("arm", "better", by=by), f"Hypothesis('arm') has by={by!r}", "in units of the metric")
    refused(lambda: Hypothesis("arm", "beter", by=1), "Hypothesis' direction is 'beter'", "Did you mean 'better'?")


@pytest.mark.parametrize(
    ("fields", "messages"),
    [
        ({"claim": " \n"}, ["The claim is empty"]),
        ({"arms": {}}, ["There are no arms and no check. Give at least the baseline's recipe."]),
        ({"baseline": "bse"}, ["The baseline is 'bse'", "Did you mean 'base'?"]),
        ({"hypothesis": Hypothesis("am", "better", by=1)}, ["The hypothesis' arm is 'am'", "Did you mean 'arm'?"]),
        ({"hypothesis": ABOUT_BASE}, ["A hypothesis is about 'base', the baseline"]),
        ({"hypothesis": (ABOUT_ARM, ABOUT_BASE)}, ["A hypothesis is about 'base', the baseline"]),
        ({"may_diverge": ("arn",)}, ["The arm in may_diverge is 'arn'", "Did you mean 'arm'?"]),
        ({"arms": {"base": BASE, "arm": BASE.but(data=california_housing)}}, ["(california_housing, diabetes)"]),
        ({"arms": {"base": BASE, "arm": IMAGES}}, ["The arms use different data (diabetes, digits)"]),
        ({"quick": {"data": diabetes}}, ["quick was given 'data', which it does not take"]),
        ({"metric": Metric("test/accuracy", "max")}, ["The metric for regression is 'test/accuracy'", "test/rmse"]),
        ({"metric": Metric("test/rsme", "min")}, ["is 'test/rsme'", "Did you mean 'test/rmse'?"]),
        ({"seeds": 0}, ["seeds is 0. Give a positive integer."]),
        ({"seeds": True}, ["seeds is True. Give a positive integer."]),
        ({"hypothesis": ABOUT_PROBE}, ["about 'probe/dead_units'", "recipe of the arm 'arm' names no probes"]),
        ({"quick": dict(epoch=2)}, ["quick was given 'epoch'", "Did you mean 'epochs'?"]),
        ({"quick": dict(params=dict(drpout=0.1))}, ["The model mlp was given 'drpout'"]),
        ({"quick": dict(data_params=5)}, ["data_params is 5. Give a mapping, such as data_params=dict(…)."]),
    ],
)
def test_invalid_experiment_is_refused(fields, messages):
    refused(lambda: Experiment(**(EXPERIMENT | fields)), *messages)


def test_hypotheses_become_tuple():
    one, other = ABOUT_ARM, Hypothesis("arm", "better", by=2)
    given = [Experiment(**EXPERIMENT, hypothesis=h).hypotheses for h in [(), one, (one, other), [one, other]]]
    assert given == [(), (one,), (one, other), (one, other)]


def test_but_merges_options_and_replaces_other_fields():
    recipe = BASE.but(params=dict(depth=2, dropout=0.1), data_params=dict(train_size=50), epochs=3)
    changed = recipe.but(params=dict(dropout=0.2), data_params=dict(split_seed=7), batch_size=8)
    assert changed.params == {"depth": 2, "dropout": 0.2}
    assert changed.data_params == {"train_size": 50, "split_seed": 7}
    assert (changed.epochs, changed.batch_size) == (3, 8)
    assert recipe.params == {"depth": 2, "dropout": 0.1}


@pytest.mark.parametrize(
    ("change", "optimizer"),
    [
        ({"beta_1": 0.5}, {"name": "adam", "learning_rate": 0.1, "beta_1": 0.5}),
        ({"learning_rate": 0.2}, {"name": "adam", "learning_rate": 0.2}),
        ({"name": "adam", "beta_1": 0.5}, {"name": "adam", "learning_rate": 0.1, "beta_1": 0.5}),
        ({"name": "sgd", "momentum": 0.9}, {"name": "sgd", "momentum": 0.9}),
        ("sgd", {"name": "sgd"}),
        ("adam", {"name": "adam", "learning_rate": 0.1}),
    ],
)
def test_but_keeps_options_only_of_same_optimizer(change, optimizer):
    recipe = BASE.but(optimizer=dict(name="adam", learning_rate=0.1))
    changed = recipe.but(optimizer=change)
    assert changed.optimizer == {"name": changed.optimizer_name, **changed.optimizer_options} == optimizer


def test_but_refuses_option_unknown_to_new_optimizer():
    refused(lambda: BASE.but(optimizer=dict(name="sgd", beta_1=0.5)), "The optimizer sgd was given 'beta_1'")


def test_but_of_experiment_changes_every_arm():
    changed = Experiment(**EXPERIMENT).but(epochs=2, params=dict(depth=3))
    assert {recipe.epochs for recipe in changed.values()} == {2}
    assert [changed[name].params for name in ("base", "arm")] == [{"depth": 3}, {"dropout": 0.5, "depth": 3}]


@pytest.mark.parametrize(
    ("declared", "field"),
    [(BASE, "epochs"), (Metric("test/rmse", "min"), "goal"), (ABOUT_ARM, "by")],
)
def test_declarations_are_frozen(declared, field):
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(declared, field, 5)


def test_recipe_copies_its_arguments():
    params, optimizer = {"dropout": 0.1}, {"name": "sgd"}
    recipe = Recipe(model=mlp, data=diabetes, params=params, optimizer=optimizer)
    params["drpout"] = optimizer["momentun"] = 1
    assert (recipe.params, recipe.optimizer) == ({"dropout": 0.1}, {"name": "sgd"})


def test_recipe_is_recorded_as_json():
    recipe = BASE.but(params=dict(widths=(4, 5)), optimizer=dict(learning_rate=0.1), patience=2)
    record = recipe.to_dict()
    assert json.loads(json.dumps(record, allow_nan=False)) == record == recipe.to_dict()
    assert record["model"] == "models.mlp.mlp"
    assert record["data"] == "diabetes"
    assert record["params"] == {"widths": [4, 5]}
    assert record["optimizer"] == {"name": "adam", "learning_rate": 0.1}
    assert record.keys() == {field.name for field in dataclasses.fields(Recipe)}


def test_experiment_is_recorded_as_json():
    experiment = Experiment(**EXPERIMENT, hypothesis=ABOUT_ARM, may_diverge=("arm",))
    record = experiment.to_dict()
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert record == {
        "claim": "It helps.",
        "kind": "stat",
        "baseline": "base",
        "metric": {"name": "test/rmse", "goal": "min"},
        "hypotheses": [ABOUT_ARM.to_dict()],
        "may_diverge": ["arm"],
        "arms": {name: recipe.to_dict() for name, recipe in experiment.arms.items()},
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"optimizer": "adam"}, {"optimizer": {"name": "adam"}}),
        ({"params": {"widths": (4, 5)}}, {"params": {"widths": [4, 5]}}),
        ({"params": {"depth": 2, "width": 3}}, {"params": {"width": 3, "depth": 2}}),
    ],
)
def test_equal_recipes_have_equal_identities(one, other):
    identities = {BASE.but(**fields).identity() for fields in (one, other)}
    assert len(identities) == 1
    assert re.fullmatch("[0-9a-f]{64}", *identities)


def test_every_field_changes_identity():
    changes = [
        {},
        {"model": anything},
        {"data": california_housing},
        {"params": {"dropout": 0.1}},
        {"params": {"dropout": 0.2}},
        {"data_params": {"train_size": 9}},
        {"scaler": "minmax"},
        {"optimizer": "sgd"},
        {"optimizer": {"learning_rate": 0.1}},
        {"schedule": "cosine"},
        {"batch_size": 33},
        {"epochs": 21},
        {"patience": 20},
        {"monitor": "validation/rmse"},
        {"mode": "graph"},
        {"data": digits},
        {"data": digits, "pictures": ("filters",)},
    ]
    assert len({BASE.but(**change).identity() for change in changes}) == len(changes)


def test_declarations_survive_pickling():
    copy = pickle.loads(pickle.dumps(experiment := Experiment(**EXPERIMENT, hypothesis=ABOUT_ARM)))
    assert copy == experiment
    assert copy.arms["arm"].identity() == experiment.arms["arm"].identity()
    assert copy.arms["arm"].model is mlp


def test_builder_with_keyword_options_takes_any():
    assert Recipe(model=anything, data=diabetes, params=dict(whatever=1)).params == {"whatever": 1}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_table_of_optimizers_matches_installed_keras(name):
    kind = type(keras.optimizers.get(name))
    parameters = set(inspect.signature(kind).parameters) - {"name", "kwargs", "loss_scale_factor"}
    assert kind.__name__.lower() == name
    assert sorted(OPTIMIZERS[name]) == sorted(parameters)


def test_nearest_name_is_offered_only_if_close():
    assert did_you_mean("adm", ["sgd", "adam"]) == "Did you mean 'adam'? There are: adam, sgd."
    assert did_you_mean("zzz", ["sgd", "adam"]) == "There are: adam, sgd."
    assert did_you_mean("zzz", []) == "There are none."
