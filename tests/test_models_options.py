"""Types of builders' options, which the check reads from signatures."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Gt, Interval, Le, Lt, MinLen, doc

from data import diabetes
from folklore import Recipe
from folklore.errors import DeclarationError
from models import alexnet, application, cnn, densenet, googlenet, lenet, mlp, resnet, vgg
from models.options import Count, Counts, Named, check_option, check_options, option_types

BUILDERS = (alexnet, application, cnn, densenet, googlenet, lenet, mlp, resnet, vgg)


def even(name, value):
    if value % 2:
        raise ValueError(f"{name}={value!r} is odd: give an even number.")


@pytest.mark.parametrize(
    ("wanted", "value", "message"),
    [
        (bool, 1, "x=1 is neither True nor False: give one of them."),
        (int, 1.0, "x=1.0 is not an integer: give one."),
        (int, True, "x=True is not an integer: give one."),
        (Count, 0, "x=0 is not a positive integer: give one, such as 10."),
        (Annotated[int, Ge(3)], 2, "x=2 is not an integer of at least 3: give one."),
        (float, "1", "x='1' is not a number: give one."),
        (float, float("nan"), "x=nan is not a number: give one."),
        (Annotated[float, Gt(0)], 0, "x=0 is not a number above 0: give one."),
        (Annotated[float, Le(2)], 3, "x=3 is not a number of at most 2: give one."),
        (Annotated[float, Lt(2)], 2, "x=2 is not a number below 2: give one."),
        (Annotated[float, Interval(gt=0, le=1), doc("a share")], 0, "x=0 is not a number in (0, 1]: give a share."),
        (Annotated[int, even], 3, "x=3 is odd: give an even number."),
        (str, 1, "x=1 is not a text: give one."),
        (Annotated[str, MinLen(1)], "", "x='' is not a name: give one."),
        (Literal["max", "average"], "maks", "x='maks' is unknown: did you mean 'max'?"),
        (Literal["max"] | None, 3, "x=3 is unknown: give one of max."),
        (Counts, 3, "x=3 is not a sequence: give positive integers, such as (100, 100)."),
        (Counts, (), "x=() is empty: give positive integers, such as (100, 100)."),
        (Counts, [1, 0], "x=[1, 0] contains 0: give positive integers, such as (100, 100)."),
        (Annotated[Sequence[int], MinLen(2)], [1], "x=[1] is too short: give a tuple or a list."),
        (tuple[str, ...], ("a", 1), "x=('a', 1) contains 1: give a tuple or a list."),
        (Mapping[str, Any], [], "x=[] is not a mapping: give one."),
        (Annotated[int | None, Ge(1)], -5, "x=-5 is not a positive integer: give one."),
        (tuple[int, int], (1, 2, 3), "x=(1, 2, 3) has 3 items: give 2."),
        (tuple[int, str], (1, 2), "x=(1, 2) contains 2: give a tuple or a list."),
        (float, 10**400, f"x={10**400!r} is not a number: give one."),
        (Named, {}, "x={} has no 'name': add one, such as 'random_normal', beside its options."),
    ],
)
def test_value_of_wrong_type_is_refused(wanted, value, message):
    with pytest.raises(ValueError) as refusal:
        check_option("x", value, wanted)
    assert str(refusal.value) == message


@pytest.mark.parametrize(
    ("wanted", "value"),
    [
        (float, 1),
        (Count | None, None),
        (Annotated[int | None, Ge(1)], None),
        (Count | None, 3),
        (Counts, [3]),
        (list[int], ()),
        (tuple[int, str], (1, "a")),
        (int | str, "a"),
        (Named, "relu"),
        (Named, {"name": "elu", "alpha": 1.0}),
        (Any, object()),
        (complex, "unsupported types are not checked"),
    ],
)
def test_value_of_declared_type_is_allowed(wanted, value):
    check_option("x", value, wanted)


def test_unresolvable_types_are_not_checked():
    def build(input_shape, outputs, width: Count = 1, later: "NotImported" = None, free=None): ...  # noqa: F821

    assert list(option_types(build)) == ["width"]
    check_options(build, {"later": 3, "free": 3, "width": 3})
    with pytest.raises(ValueError, match="width=0 is not a positive integer"):
        check_options(build, {"width": 0})


@pytest.mark.parametrize("build", BUILDERS, ids=lambda build: build.__name__)
def test_every_option_has_type_that_its_default_fits(build):
    assert all(name in option_types(build) for name in list(build.__annotations__)[2:-1])
    build.check()
    for name in option_types(build):
        with pytest.raises(ValueError, match=rf"^{name}="):
            build.check(**{name: object()})


def model_of_my_own(input_shape, outputs, depth: Count = 2, order: Literal["pre", "post"] = "post"):
    """Declared in a recipe below, never built."""


def test_model_without_check_is_checked_by_signature():
    assert Recipe(model=model_of_my_own, data=diabetes, params=dict(depth=3)).params == {"depth": 3}
    for params, message in (
        (dict(depth="3"), "depth='3' is not a positive integer: give one, such as 10."),
        (dict(order="prae"), "order='prae' is unknown: did you mean 'pre'?"),
        (dict(dept=3), "The model model_of_my_own was given 'dept', which it does not take. Did you mean 'depth'?"),
    ):
        with pytest.raises(DeclarationError) as refusal:
            Recipe(model=model_of_my_own, data=diabetes, params=params)
        assert message in str(refusal.value)
