"""Checks of shapes and of names, in plain Python. Each raises `ValueError`: what was given, what is wrong, what to do.

The types of options are in `models.options`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any


class TooSmallError(ValueError):
    """An image is too small for an operation."""


def positive_integer(name: str, value: Any) -> None:
    """A positive int; a bool is not one."""
    if type(value) is not int or value < 1:
        raise ValueError(f"{name}={value!r} is not a positive integer: give one, such as {name}=10.")


def input_shape(shape: Any) -> None:
    """The shape of one example, without the batch axis."""
    if not isinstance(shape, tuple | list):
        raise ValueError(f"input_shape={shape!r} is not a sequence: give positive integers, such as (28, 28).")
    if not shape:
        raise ValueError(f"input_shape={shape!r} is empty: give at least one positive integer, such as (8,).")
    for size in shape:
        if type(size) is not int or size < 1:
            raise ValueError(f"input_shape={shape!r} contains {size!r}: give positive integers, such as (28, 28).")


def image_shape(shape: Any) -> None:
    """The shape of one image, (height, width) or (height, width, channels); None for a height and width of any size."""
    if not isinstance(shape, tuple | list) or len(shape) not in (2, 3):
        raise ValueError(f"input_shape={shape!r} is not that of an image: give (height, width, channels).")
    sizes, channels = tuple(shape[:2]), tuple(shape[2:])
    if None in channels:
        raise ValueError(f"input_shape={shape!r} has no number of channels: give one, such as (None, None, 3).")
    if None in sizes and (sizes != (None, None) or not channels):
        raise ValueError(
            f"input_shape={shape!r} leaves a part of the size open: give all of it, such as (28, 28, 1), or neither "
            "height nor width, such as (None, None, 1)."
        )
    if sizes != (None, None) or channels:
        input_shape([size for size in shape if size is not None])


def one_of(name: str, value: Any, allowed: Iterable[Any]) -> None:
    """One of the allowed values."""
    allowed = list(allowed)
    if value not in allowed:
        raise ValueError(unknown_name(name, value, map(str, allowed)))


def keras_name(name: str, value: Any) -> None:
    """A string that may be a name in Keras; whether it is one shows when the model is built, as this needs no Keras."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name}={value!r} is not a name: give one of Keras' as a string.")


def keras_name_with_options(name: str, value: Any) -> None:
    """A name, or a mapping with a `name` and options beside it."""
    if not isinstance(value, Mapping):
        keras_name(name, value)
    elif "name" not in value:
        raise ValueError(f"{name}={value!r} has no 'name': add one, such as 'random_normal', beside its options.")
    else:
        keras_name(f"{name}'s name", value["name"])


def at_most_one(given: Mapping[str, float], whole: str) -> None:
    """Options of which only one may be above 0."""
    (first, *others) = [f"{name}={value!r}" for name, value in given.items() if value] or [""]
    if others:
        raise ValueError(
            f"{first} was given together with {' and '.join(others)}, and a {whole} takes one kind: give only one of "
            "them."
        )


def normalised(normalization: str, bn_momentum: float, bn_scale: bool, bn_center: bool) -> None:
    """Options of batch normalisation only where there is some."""
    given = {"bn_momentum": (bn_momentum, 0.99), "bn_scale": (bn_scale, True), "bn_center": (bn_center, True)}
    for name, (value, default) in given.items():
        if normalization == "none" and value != default:
            raise ValueError(
                f"{name}={value!r} was given together with normalization='none', so it would change nothing: give "
                "normalization='before' or 'after'."
            )


def unknown_name(name: str, value: Any, allowed: Iterable[str]) -> str:
    """A sentence with the nearest allowed name or, where none is near, all of them."""
    allowed = sorted(allowed)
    nearest = difflib.get_close_matches(str(value), allowed, n=1, cutoff=0.5)
    advice = f"did you mean {nearest[0]!r}?" if nearest else f"give one of {', '.join(allowed)}."
    return f"{name}={value!r} is unknown: {advice}"
