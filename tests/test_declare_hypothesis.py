"""Hypotheses: trends and where their arms stand, differences of differences, and what is refused."""

import pytest

from data import diabetes
from folklore import Experiment, Hypothesis, Metric, Recipe
from folklore.errors import DeclarationError
from models import mlp

BASE = Recipe(model=mlp, params=dict(widths=(4,), dropout=0.0), data=diabetes)
RATES = {"none": BASE, "some": BASE.but(params=dict(dropout=0.1)), "much": BASE.but(params=dict(dropout=0.5))}
RATE, RMSE = Metric("failure", "min"), Metric("test/rmse", "min")


def experiment(hypothesis, arms=RATES, metric=RMSE):
    return Experiment(claim="It hurts.", arms=arms, baseline="none", metric=metric, hypothesis=hypothesis)


def test_arms_of_trend_stand_where_their_recipes_differ():
    declared = experiment(Hypothesis(tuple(RATES), "worse", 0.5))
    assert declared.values_of(declared.hypotheses[0]) == (0.0, 0.1, 0.5)
    assert declared.to_dict()["hypotheses"][0]["values"] == [0.0, 0.1, 0.5]


def test_trend_may_give_numbers_itself():
    declared = experiment(Hypothesis({"none": 1, "some": 2, "much": 4}, "slope", 0.5))
    (stored,) = declared.to_dict()["hypotheses"]
    assert (stored["arm"], stored["values"], stored["direction"]) == (["none", "some", "much"], [1, 2, 4], "slope")


@pytest.mark.parametrize(
    ("arms", "message"),
    [
        (RATES | {"much": BASE}, "and they differ in params.dropout. Give each arm its number"),
        (RATES | {"much": BASE.but(params=dict(dropout=0.5), epochs=3)}, "they differ in params.dropout, epochs"),
        (RATES | {"some": RATES["much"], "much": RATES["some"]}, "one number that rises or falls"),
        (dict.fromkeys(RATES, BASE), "and they do not differ. Give each arm its number: Hypothesis({'none': 1, "),
        (
            {name: BASE.but(params=dict(activation=name)) for name in ("relu", "elu", "tanh")} | {"none": BASE},
            "they differ in params.activation",
        ),
    ],
)
def test_trend_without_one_number_is_refused(arms, message):
    with pytest.raises(DeclarationError) as refusal:
        experiment(Hypothesis(tuple(arms)[:3], "worse", 0.5), arms)
    assert message in str(refusal.value)


@pytest.mark.parametrize("values", [(1, 1, 2), (1, 3, 2), (1, 2, float("nan")), (1, 2, "3"), (1, 2, True)])
def test_numbers_of_trend_must_rise_or_fall(values):
    with pytest.raises(DeclarationError, match="Give each arm a number, in rising or falling order"):
        Hypothesis(dict(zip(RATES, values, strict=True)), "worse", 0.5)


def test_difference_of_differences_is_stored():
    declared = experiment(Hypothesis("much", "worse", 0.5, against="some", more_than=["some", "none"]))
    (stored,) = declared.to_dict()["hypotheses"]
    assert (stored["arm"], stored["against"], stored["more_than"]) == ("much", "some", ["some", "none"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(arm="a", direction="slope"), "'slope', which is one of a trend"),
        (dict(arm="a", direction="at least as good"), "which is unknown"),
        (dict(arm="a", more_than=("b",)), "Give two arms: (arm, against)"),
        (dict(arm="a", more_than="bc"), "Give two arms: (arm, against)"),
        (dict(arm="a", more_than=("b", "b")), "is one of four arms"),
        (dict(arm="a", more_than=("b", "c"), against=0.5), "is one of four arms"),
        (dict(arm=("a", "b", "c"), more_than=("d", "e")), "is one of four arms"),
        (dict(arm="a", more_than=("b", "c"), metric=RATE), "of rates has no interval"),
        (dict(arm=("a", "b", "c"), metric=RATE), "a trend of rates has no interval"),
    ],
)
def test_contradictory_hypothesis_is_refused(changes, message):
    with pytest.raises(DeclarationError) as refusal:
        Hypothesis(**{"direction": "better", "by": 0.5} | changes)
    assert message in str(refusal.value)


def test_misspelt_arm_of_difference_of_differences_is_named():
    with pytest.raises(DeclarationError, match="Did you mean 'none'"):
        experiment(Hypothesis("much", "worse", 0.5, against="some", more_than=("some", "nona")))


def test_difference_of_differences_of_rates_is_refused():
    with pytest.raises(DeclarationError, match="There cannot be a trend, or a difference of differences, of a rate"):
        experiment(Hypothesis("much", "worse", 0.5, more_than=("some", "none")), metric=RATE)


@pytest.mark.parametrize("direction", ["better", "worse", "no difference", "not worse"])
def test_every_direction_of_two_arms_is_declared(direction):
    assert experiment(Hypothesis("much", direction, 0.5)).to_dict()["hypotheses"][0]["direction"] == direction
