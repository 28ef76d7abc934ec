"""Shapes of records: the first place that does not fit is named."""

import pytest

from folklore.storage.shapes import Or, maybe, misfit


@pytest.mark.parametrize(
    ("value", "shape", "place"),
    [
        ({"a": 1}, {"a": int, "b": maybe(str)}, ""),
        ({"a": 1, "b": 2}, {"a": int, "b": maybe(str)}, "b"),
        ({"a": [{"x": "y"}]}, {"a": [{"x": int}]}, "a/0/x"),
        ({"a": True}, {"a": int}, "a"),
        ({"a": True}, {"a": (True, False)}, ""),
        ({"a": ["b", 1]}, {"a": Or(str, [str])}, "a/1"),
        ({"k": 5}, {str: object}, ""),
        (5, {"a": int}, "all of it"),
        ({"a": [[]]}, {"a": ("x", "y")}, "a"),
    ],
)
def test_the_first_misfit_is_named(value, shape, place):
    assert misfit(value, shape) == place
