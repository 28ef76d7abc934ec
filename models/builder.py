"""What makes a function a model builder: shapes come first, and options are checked before anything is built.

A builder is any module-level function `(input_shape, outputs, **options)` that returns a functional `keras.Model`
ending in logits or a linear output. Its options are declared in its signature, see `models.options`. `checked` adds
`check`, and checks on every call; a builder without it is checked by a recipe only.

Four attributes are looked up on builders and layers. Each is optional:

| attribute | on | meaning |
| --- | --- | --- |
| `check(**options)` | builder | raises `ValueError` if the options contradict their types or each other; by `checked` |
| `scaler` | builder | the only `Recipe.scaler` allowed, as it preprocesses its inputs itself: `application` |
| `pretrained` | layer | True: its weights stand, and a seed draws no new ones for it: `application` |
| `pointwise` | layer | True: each output depends on one place of the image, for the receptive field: `models.layers` |
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, Protocol, cast

import keras

from models import checks
from models.options import check_options

P = ParamSpec("P")
LARGEST = 8_192  # pixels: the largest size that is tried when the smallest one is looked for


class Builder(Protocol[P]):
    """A function `(input_shape, outputs, **options)` that returns a functional `keras.Model`."""

    __name__: str
    # Called with options as keywords; raises ValueError if they are contradictory. Touches no Keras.
    check: Callable[..., None]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> keras.Model:
        """Check the shapes and the options, then build."""


def checked(
    shape: Callable[[Any], None] = checks.input_shape, together: Callable[..., Any] = lambda: None
) -> Callable[[Callable[P, keras.Model]], Builder[P]]:
    """A decorator that gives a builder its `check` and calls it before every build.

    If an image is too small, the message says which size is large enough.

    Args:
        shape: checks the input's shape, and raises `ValueError`.
        together: checks options against each other, and raises `ValueError`. It names the options that it needs, and
            gets the builder's defaults for those that are not given. Each has its type by then.
    """
    needed = [*inspect.signature(together).parameters]

    def decorate(build: Callable[P, keras.Model]) -> Builder[P]:
        signature = inspect.signature(build)
        defaults = {name: p.default for name, p in signature.parameters.items() if p.default is not p.empty}

        def check(**options: Any) -> None:
            check_options(build, options)
            complete = defaults | options
            together(**{name: complete[name] for name in needed})

        @functools.wraps(build)
        def builder(*args: P.args, **kwargs: P.kwargs) -> keras.Model:
            given = signature.bind(*args, **kwargs).arguments
            shape(given["input_shape"])
            checks.positive_integer("outputs", given["outputs"])
            check(**{name: given[name] for name in given if name in defaults})
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
        complete.check = check
        return complete

    return decorate


def _smallest_size(build: Callable[..., keras.Model], given: dict[str, Any]) -> int | None:
    """Height and width of the smallest square image that a network can be built for, found by building it.

    None if even `LARGEST` is too small.
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
