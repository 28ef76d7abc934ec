"""The shapes of what is read from files, and where something does not fit them.

A shape is a type, a tuple of values, [the shape of every item], `Or` of several shapes, or a mapping from keys to
shapes, in which the key `str` stands for every key. A key that is missing counts as None.
"""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Any

ANYTHING = object
NUMBER = int | float


class Or:
    """One of several shapes."""

    def __init__(self, *shapes: Any) -> None:
        self.shapes = shapes


def maybe(shape: Any) -> Or:
    """A shape, or nothing."""
    return Or(NoneType, shape)


def misfit(value: Any, shape: Any, place: str = "") -> str:
    """The first place, such as "metric/goal", at which a value is not of its shape; "" where all of it is."""
    if isinstance(shape, Or):
        found = [misfit(value, each, place) for each in shape.shapes]
        return max(found, key=len) if all(found) else ""  # the one that got furthest
    if isinstance(shape, list) and isinstance(value, list):
        parts = [(index, item, shape[0]) for index, item in enumerate(value)]
    elif isinstance(shape, dict) and isinstance(value, dict):
        keys = value if str in shape else shape
        parts = [(key, value.get(key), shape[str if str in shape else key]) for key in keys]
    else:
        return "" if _fits(value, shape) else place or "all of it"
    places = (misfit(item, inner, f"{place}/{key}".lstrip("/")) for key, item, inner in parts)
    return next(filter(None, places), "")


def _fits(value: Any, shape: Any) -> bool:
    if isinstance(shape, tuple):
        return isinstance(value, str | bool | NoneType) and value in shape
    if shape is ANYTHING:
        return True
    return isinstance(shape, type | UnionType) and isinstance(value, shape) and not isinstance(value, bool)
