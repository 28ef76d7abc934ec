"""Budgets of an experiment on the bundled stand-in of its data."""

import dataclasses

import pytest

import data
from folklore import Experiment, Metric, Recipe
from folklore.declare import catalog
from folklore.errors import DeclarationError
from folklore.study import plan
from folklore.study.request import Request
from models import mlp

BASE = Recipe(
    model=mlp, params=dict(widths=(4,)), data=data.fashion_mnist, data_params=dict(train_size=20_000), epochs=9
)
EXPERIMENT = Experiment(
    claim="It learns.",
    arms={"base": BASE, "wide": BASE.but(params=dict(widths=(8,)))},
    baseline="base",
    metric=Metric("test/accuracy", goal="max"),
    quick=dict(epochs=2),
    bundled=dict(epochs=80, batch_size=16),
)


def settled(choice="bundled", **options):
    experiments, _ = plan.settle_data({"a.b": EXPERIMENT}, choice, None, Request(**options).apply)
    return experiments["a.b"].arms["wide"]


def test_stand_in_has_budget_of_its_own():
    recipe = settled()
    assert (recipe.data, recipe.epochs, recipe.batch_size) == (data.digits, 80, 16)
    assert (recipe.params, recipe.data_params) == ({"widths": (8,)}, {})  # all of a small set is used


def test_real_data_keep_declared_budget():
    recipe = settled("real")
    assert (recipe.data, recipe.epochs, recipe.batch_size) == (data.fashion_mnist, 9, 32)
    assert recipe.data_params == {"train_size": 20_000}


@pytest.mark.parametrize(
    ("options", "epochs"), [(dict(epochs=5), 5), (dict(quick=True), 2), (dict(settings=("epochs=7",)), 7)]
)
def test_options_change_budget_of_stand_in(options, epochs):
    recipe = settled(**options)
    assert (recipe.epochs, recipe.batch_size) == (epochs, 16)


def test_misspelt_setting_for_stand_in_is_refused():
    with pytest.raises(DeclarationError, match=r"bundled was given 'epoch'.*Did you mean 'epochs'"):
        dataclasses.replace(EXPERIMENT, bundled=dict(epoch=3))


def test_quickstart_has_budgets_for_its_stand_ins():
    for name, experiment in catalog.find(["quickstart"]).items():
        assert experiment.bundled["epochs"] > 2 * next(iter(experiment.arms.values())).epochs, name
