"""A user's own callbacks in a recipe: which declarations are refused, and how callbacks are recorded."""

import json
from functools import partial

import keras
import pytest

import data
from folklore import Recipe
from folklore.declare.recipe import SETTINGS
from folklore.errors import DeclarationError, ProblemError
from folklore.study.request import Request
from models import mlp
from tests.conftest import NARROW_OR_WIDE

BASE = Recipe(model=mlp, data=data.diabetes)


class Own(keras.callbacks.Callback):
    """A callback as users write them."""

    def __init__(self, factor=2.0, names=()):
        super().__init__()


def make():
    return Own()


def test_callbacks_are_recorded_by_name():
    recipe = BASE.but(callbacks=[Own, make, partial(Own, 0.5, names=("a", "b"))])
    assert recipe.to_dict()["callbacks"] == [
        f"{__name__}.Own", f"{__name__}.make", f"{__name__}.Own(0.5, names=('a', 'b'))",
    ]  # fmt: skip
    assert isinstance(recipe.callbacks, tuple)
    assert json.loads(json.dumps(recipe.to_dict())) == recipe.to_dict()


def local():
    class Local(keras.callbacks.Callback):
        pass

    return Local


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (Own, "which is not a tuple"),
        ("early stopping", "which is not a tuple"),
        (("early stopping",), "'early stopping', which cannot be called"),
        ((Own(),), "an instance does not do"),
        ((lambda: Own(),), "cannot import by name"),
        ((local(),), "cannot import by name"),
        ((Own().on_epoch_end,), "cannot import by name"),
        ((partial(lambda factor: Own(factor), 2.0),), "cannot import by name"),
        ((partial(Own, names=[object()]),), "which a record cannot name"),
    ],
)
def test_callbacks_not_importable_by_worker_are_refused(given, message):
    with pytest.raises(DeclarationError) as refusal:
        BASE.but(callbacks=given)
    assert message in str(refusal.value) and "\n" not in str(refusal.value)
    assert "Give" in str(refusal.value)


def test_identity_includes_callbacks_only_if_given():
    named = {BASE.but(callbacks=given).identity() for given in ((Own,), (make,), (partial(Own, 3.0),))}
    assert len(named) == 3 and BASE.identity() not in named
    assert BASE.but(callbacks=()).identity() == BASE.identity()


def test_identity_of_older_recipes_is_unchanged():
    # From a run.json that was written before recipes had callbacks.
    recipe = Recipe(
        model=mlp, params=dict(widths=(30, 30)), data=data.diabetes, epochs=2, patience=None, monitor="validation/loss"
    )
    assert recipe.identity() == "c4007447ca308084fb19716d894e96d911349e275d5605ba339982514f0a822f"


def test_command_line_cannot_set_callbacks():
    assert "callbacks" not in SETTINGS
    with pytest.raises(ProblemError, match="Recipes have no setting 'callbacks'"):
        Request(settings=("callbacks=[1]",)).apply(NARROW_OR_WIDE)
