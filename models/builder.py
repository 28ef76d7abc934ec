"""What makes a function a model builder: shapes come first, and options can be checked before anything is built."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, Protocol, cast

import keras

from models import checks

P = ParamSpec("P")
LARGEST = 8_192  # pixels: beyond these no smallest size is looked for


class Builder(Protocol[P]):
    """A function `(input_shape, outputs, **options)` that returns a functional `keras.Model`."""

    __name__: str
    # Called with options as keywords; raises ValueError if they cannot be meant as given. Touches no Keras.
    check: Callable[..., None]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> keras.Model:
        """Check the shapes and the options, then build."""


def checked(
    check: Callable[..., None], shape: Callable[[Any], None] = checks.input_shape
) -> Callable[[Callable[P, keras.Model]], Builder[P]]:
    """A decorator that gives a builder its `check` and calls it before every build.

    Where an image is too small, the message says which size is large enough.

    Args:
        check: takes all options of the builder as keywords and raises `ValueError`. It needs no defaults: where an
            option is not given, it gets the builder's.
        shape: checks the input's shape, and raises `ValueError`.
    """

    def decorate(build: Callable[P, keras.Model]) -> Builder[P]:
        signature = inspect.signature(build)
        defaults = {name: p.default for name, p in signature.parameters.items() if p.default is not p.empty}

        def check_options(**options: Any) -> None:
            check(**defaults | options)

        @functools.wraps(build)
        def builder(*args: P.args, **kwargs: P.kwargs) -> keras.Model:
            given = signature.bind(*args, **kwargs).arguments
            shape(given["input_shape"])
            checks.whole_number("outputs", given["outputs"])
            check_options(**{name: given[name] for name in given if name in defaults})
            try:
                return build(*args, **kwargs)
            except checks.TooSmallError:
                size = _smallest_size(build, given)
                advice = f"give images of {size}×{size} pixels or more" if size else "give others: no image fits them"
                raise ValueError(
                    f"input_shape={given['input_shape']!r} is too small for {build.__name__} with these options: "
                    f"{advice}."
                ) from None

        complete = cast(Builder[P], builder)
        complete.check = check_options
        return complete

    return decorate


def _smallest_size(build: Callable[..., keras.Model], given: dict[str, Any]) -> int | None:
    """Height and width of the smallest square image that a network can be built for, found by building it.

    None if `LARGEST` is not large enough.
    """

    def fits(size: int) -> bool:
        try:
            build(**given | {"input_shape": (size, size, *given["input_shape"][2:])})
        except checks.TooSmallError:
            return False
        return True

    enough = 1
    while not fits(enough):
        if enough >= LARGEST:
            return None
        enough *= 2
    too_small = enough // 2
    while enough - too_small > 1:
        middle = (enough + too_small) // 2
        too_small, enough = (too_small, middle) if fits(middle) else (middle, enough)
    return enough
