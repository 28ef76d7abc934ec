"""What makes a function a model builder: shapes come first, and options can be checked before anything is built."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, Protocol, cast

import keras

from models import checks

P = ParamSpec("P")


class Builder(Protocol[P]):
    """A function `(input_shape, outputs, **options)` that returns a functional `keras.Model`."""

    __name__: str
    # Called with options as keywords; raises ValueError if they cannot be meant as given. Touches no Keras.
    check: Callable[..., None]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> keras.Model:
        """Check the shapes and the options, then build."""


def checked(check: Callable[..., None]) -> Callable[[Callable[P, keras.Model]], Builder[P]]:
    """A decorator that gives a builder its `check` and calls it before every build.

    Args:
        check: takes all options of the builder as keywords and raises `ValueError`. It needs no defaults: where an
            option is not given, it gets the builder's.
    """

    def decorate(build: Callable[P, keras.Model]) -> Builder[P]:
        signature = inspect.signature(build)
        defaults = {name: p.default for name, p in signature.parameters.items() if p.default is not p.empty}

        def check_options(**options: Any) -> None:
            check(**defaults | options)

        @functools.wraps(build)
        def builder(*args: P.args, **kwargs: P.kwargs) -> keras.Model:
            given = signature.bind(*args, **kwargs).arguments
            checks.input_shape(given["input_shape"])
            checks.whole_number("outputs", given["outputs"])
            check_options(**{name: given[name] for name in given if name in defaults})
            return build(*args, **kwargs)

        complete = cast(Builder[P], builder)
        complete.check = check_options
        return complete

    return decorate
