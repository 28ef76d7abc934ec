"""Checks of builders' options, in plain Python. Each raises `ValueError`: what was given, what is wrong, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any


class TooSmallError(ValueError):
    """An image is too small for what shall be done with it."""


def whole_number(name: str, value: Any) -> None:
    """An int from 1; a bool is none."""
    if type(value) is not int or value < 1:
        raise ValueError(f"{name}={value!r} is not a whole number from 1: give one, such as {name}=10.")


def whole_numbers(name: str, values: Any) -> None:
    """A tuple or a list (as read from JSON) of at least one int from 1."""
    if not isinstance(values, tuple | list):
        raise ValueError(f"{name}={values!r} is not a sequence: give whole numbers, such as {name}=(100, 100).")
    if not values:
        raise ValueError(f"{name}={values!r} is empty: give at least one whole number, such as {name}=(100,).")
    for value in values:
        if type(value) is not int or value < 1:
            raise ValueError(f"{name}={values!r} contains {value!r}: give whole numbers from 1 alone.")


def input_shape(shape: Any) -> None:
    """The shape of one example, without the batch axis."""
    whole_numbers("input_shape", shape)


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
        whole_numbers("input_shape", [size for size in shape if size is not None])


def share(name: str, value: Any) -> None:
    """A number in [0, 1)."""
    if not _is_number(value) or not 0 <= value < 1:
        raise ValueError(f"{name}={value!r} is not in [0, 1): give the share to drop, such as {name}=0.2.")


def strength(name: str, value: Any) -> None:
    """A finite number from 0."""
    if not _is_number(value) or not 0 <= value < float("inf"):
        raise ValueError(f"{name}={value!r} is not a number from 0: give the penalty's factor, such as {name}=1e-4.")


def factor(name: str, value: Any) -> None:
    """A finite number above 0."""
    if not _is_number(value) or not 0 < value < float("inf"):
        raise ValueError(f"{name}={value!r} is not a number above 0: give a factor, such as {name}=0.5.")


def switch(name: str, value: Any) -> None:
    """True or False, and nothing that merely counts as one of them."""
    if not isinstance(value, bool):
        raise ValueError(f"{name}={value!r} is neither True nor False: give one of them.")


def one_of(name: str, value: Any, known: Iterable[str]) -> None:
    """One of the known names."""
    known = list(known)
    if value not in known:
        raise ValueError(unknown_name(name, value, known))


def layers(
    *, activation: Any = "relu", initializer: Any = "he_normal", normalization: Any = "none", l2: Any = 0.0
) -> None:
    """What all layers of a network have in common."""
    keras_name_with_options("activation", activation)
    keras_name_with_options("initializer", initializer)
    one_of("normalization", normalization, ("none", "before", "after"))
    strength("l2", l2)


def ending(*, head: Any, hidden: Any = (), dropout: Any = 0.0) -> None:
    """What stands at the end of a network for images."""
    one_of("head", head, ("dense", "average", "convolution"))
    if hidden != () and hidden != []:
        whole_numbers("hidden", hidden)
    share("dropout", dropout)


def keras_name(name: str, value: Any) -> None:
    """A string that Keras may know; whether it does is seen at the build, so that a check needs no Keras."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name}={value!r} is no name: give one of Keras' as a string.")


def keras_name_with_options(name: str, value: Any) -> None:
    """A name, or a mapping with a `name` and options beside it."""
    if not isinstance(value, Mapping):
        keras_name(name, value)
    elif "name" not in value:
        raise ValueError(f"{name}={value!r} has no 'name': add one, such as 'random_normal', beside its options.")
    else:
        keras_name(f"{name}'s name", value["name"])


def unknown_name(name: str, value: Any, known: Iterable[str]) -> str:
    """A sentence that names the nearest known name or, where none is near, all of them."""
    known = sorted(known)
    nearest = difflib.get_close_matches(str(value), known, n=1, cutoff=0.5)
    advice = f"did you mean {nearest[0]!r}?" if nearest else f"give one of {', '.join(known)}."
    return f"{name}={value!r} is unknown: {advice}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
