"""Recipes name the loss that is minimised and the order of rows; those that name none are what they were before."""

import pytest

from data import california_housing, diabetes, digits
from folklore import Experiment, Hypothesis, Metric, Recipe
from folklore.declare.recipe import without_later_defaults
from folklore.errors import DeclarationError
from models import mlp

TABLE, IMAGES = Recipe(model=mlp, data=diabetes), Recipe(model=mlp, data=digits)
SIGMOID = IMAGES.but(loss="sigmoid")


@pytest.mark.parametrize(
    ("recipe", "fields", "messages"),
    [
        (IMAGES, {"loss": "sigmoids"}, ["The loss for classification is 'sigmoids'", "Did you mean 'sigmoid'?"]),
        (IMAGES, {"loss": "squared error"}, ["The loss for classification is 'squared error', which is unknown"]),
        (TABLE, {"loss": "sigmoid"}, ["The loss for regression is 'sigmoid'", "There are: squared error."]),
        (SIGMOID, {"data": diabetes}, ["The loss for regression is 'sigmoid'"]),
        (IMAGES, {"loss": 3}, ["The loss for classification is 3"]),
        (IMAGES, {"order": "replay"}, ["The order is 'replay'", "Did you mean 'replayed'?"]),
        (IMAGES, {"order": None}, ["The order is None"]),
    ],
)
def test_unknown_loss_or_order_is_refused(recipe, fields, messages):
    with pytest.raises(DeclarationError) as refusal:
        recipe.but(**fields)
    for message in messages:
        assert message in str(refusal.value)


def test_loss_and_order_are_recorded():
    assert (TABLE.to_dict()["loss"], TABLE.to_dict()["order"]) == ("squared error", "fresh")
    assert IMAGES.to_dict()["loss"] == IMAGES.but(loss="softmax").to_dict()["loss"] == "softmax"
    assert SIGMOID.but(order="replayed").to_dict().items() >= {"loss": "sigmoid", "order": "replayed"}.items()


def test_default_loss_follows_data():
    assert IMAGES.but(data=california_housing).loss_name == "squared error"


def test_recipes_stored_before_keep_their_identity():
    # As computed by the code that had neither field.
    assert TABLE.identity() == "6f8f7956f75102c649aace6f98973947a81fbeb29b490197cdb08e016d1c5543"
    assert (
        IMAGES.identity()
        == IMAGES.but(loss="softmax", order="fresh").identity()
        == "0d5b1a67bc2bbcf43da4626ae4b7c94f9a61f21762a15f15619b4876c3b02ccd"
    )


def test_other_loss_or_order_is_another_recipe():
    others = [IMAGES, SIGMOID, IMAGES.but(loss="softmax twice"), IMAGES.but(order="replayed")]
    assert len({recipe.identity() for recipe in others}) == 4


def test_stored_recipe_without_fields_equals_new_one_with_defaults():
    new = IMAGES.to_dict()
    old = {name: value for name, value in new.items() if name not in ("loss", "order", "pictures")}
    assert without_later_defaults(new) == without_later_defaults(old)
    assert without_later_defaults(SIGMOID.to_dict()) != without_later_defaults(old)


def experiment(metric, *hypotheses):
    arms = {"softmax": IMAGES, "sigmoid": SIGMOID, "wide": SIGMOID.but(params=dict(width=200))}
    return Experiment("It helps.", arms, "softmax", metric, hypotheses)


@pytest.mark.parametrize("name", ["test/loss", "best validation/loss", "train/loss - validation/loss"])
def test_different_losses_are_not_compared(name):
    with pytest.raises(DeclarationError) as refusal:
        experiment(Metric(name, "min"))
    assert "arms minimise different losses ('softmax': softmax, 'sigmoid': sigmoid, " in str(refusal.value)
    assert "Compare their accuracy." in str(refusal.value)


def test_equal_losses_are_compared():
    loss, accuracy = Metric("test/loss", "min"), Metric("test/accuracy", "max")
    of_one_loss = Hypothesis("wide", "better", by=0.01, against="sigmoid", metric=loss)
    assert experiment(accuracy, of_one_loss).hypotheses == (of_one_loss,)
    with pytest.raises(DeclarationError, match="different losses"):
        experiment(accuracy, Hypothesis("wide", "better", by=0.01, metric=loss))
