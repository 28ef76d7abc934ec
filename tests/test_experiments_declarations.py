"""Declarations of wrong types and invalid names of arms: each error is one paragraph with a remedy."""

import hashlib
import json

import pytest

from data import diabetes
from folklore import Experiment, Hypothesis, Metric, Recipe
from folklore.errors import DeclarationError
from models import mlp

BASE = Recipe(model=mlp, data=diabetes)
EXPERIMENT = dict(
    claim="It helps.",
    arms={"base": BASE, "arm": BASE.but(params=dict(dropout=0.5))},
    baseline="base",
    metric=Metric("test/rmse", goal="min"),
)


def refused(make, *messages):
    with pytest.raises(DeclarationError) as refusal:
        make()
    assert len(str(refusal.value).splitlines()) == 1
    for message in messages:
        assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("fields", "messages"),
    [
        ({"claim": None}, ["claim is None. Write the advice on trial as one sentence."]),
        ({"arms": [BASE]}, ["arms is [", "Write a mapping, such as arms={"]),
        ({"arms": {"base": "x"}}, ["The arm 'base' is 'x'. Give a recipe: Recipe("]),
        ({"arms": {"base": BASE, 1: BASE}}, ["The arm is 1. Give a name as text"]),
        ({"baseline": ["base"]}, ["The baseline is ['base'], which is unknown. There are: arm, base."]),
        ({"metric": "test/rmse"}, ['metric is \'test/rmse\'. Write, say, metric=Metric("test/rmse", goal="min").']),
        ({"hypothesis": "b"}, ["hypothesis is 'b'. Write hypothesis=Hypothesis(", "or a tuple of several"]),
        ({"hypothesis": 5}, ["hypothesis is 5. Write hypothesis=Hypothesis("]),
        ({"hypothesis": ("arm",)}, ["A hypothesis is 'arm'. Write hypothesis=Hypothesis("]),
        ({"hypothesis": Hypothesis(None, "better", by=1)}, ["The hypothesis' arm is None", "There are: arm, base."]),
        ({"quick": 3}, ["quick is 3. Give a mapping, such as quick=dict("]),
        ({"quick": {3: 4}}, ["quick is {3: 4}. Give a mapping"]),
        ({"may_diverge": "arm"}, ["may_diverge is 'arm'. Write a tuple, such as may_diverge=(\"arm\",)."]),
        ({"may_diverge": None}, ["may_diverge is None. Write a tuple"]),
        ({"check": 3}, ["check is 3. Give a function that returns facts."]),
    ],
)
def test_experiment_with_wrong_types_is_refused(fields, messages):
    refused(lambda: Experiment(**(EXPERIMENT | fields)), *messages)


@pytest.mark.parametrize("given", [[1], {"a": 1}, 3, None])
@pytest.mark.parametrize("field", ["scaler", "mode", "schedule", "monitor"])
def test_name_that_is_not_text_is_refused(field, given):
    refused(lambda: BASE.but(**{field: given}), f"The {field} is {given!r}, which is unknown. There are: ")


def test_optimizer_whose_name_is_not_text_is_refused():
    refused(lambda: BASE.but(optimizer=dict(name=[1])), "The optimizer is [1], which is unknown. There are: adadelta")


@pytest.mark.parametrize("field", ["params", "data_params", "optimizer"])
def test_options_without_names_are_refused(field):
    refused(lambda: BASE.but(**{field: {1: 2}}), f"{field} is {{1: 2}}. Give a mapping, such as {field}=dict(")


@pytest.mark.parametrize("name", [None, 5, ["test/rmse"]])
def test_metric_that_is_not_text_is_refused(name):
    refused(lambda: Metric(name, "min"), f"Metric's name is {name!r}. Write, say, Metric('test/accuracy', goal='max').")


def test_goal_that_is_not_text_is_refused():
    refused(lambda: Metric("test/rmse", ["min"]), "Metric's goal is ['min']", "There are: max, min.")


@pytest.mark.parametrize("name", ["a" * 256, "é" * 128])
def test_arm_name_too_long_for_directory_is_refused(name):
    refused(lambda: Experiment(**(EXPERIMENT | {"arms": {"base": BASE, name: BASE}})), "more than 255 bytes. Give a sh")
    assert Experiment(**(EXPERIMENT | {"arms": {"base": BASE, name[1:]: BASE}})).seeds == 10


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "a\\b", " a", "a ", "a.", ".a", "a\nb", "a:b", "a*"])
def test_arm_name_unfit_for_directory_is_refused(name):
    arms = {"base": BASE, name: BASE}
    refused(lambda: Experiment(**(EXPERIMENT | {"arms": arms})), f"The arm {name!r} cannot be a directory's name")


@pytest.mark.parametrize("name", ["selu + alpha dropout", "dropout 0.5", "3×256", "bn_before", "lr=0.1"])
def test_arms_may_have_readable_names(name):
    assert Experiment(**(EXPERIMENT | {"arms": {"base": BASE, name: BASE}})).to_dict()["arms"].keys() == {"base", name}


def test_identity_ignores_newer_fields_left_at_default():
    newer = ("pictures", "transfer", "callbacks", "loss", "order", "target_scaler")
    record = {name: value for name, value in BASE.to_dict().items() if name not in newer}
    assert BASE.identity() == hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
