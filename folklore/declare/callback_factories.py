"""Callbacks of the user's own, as a recipe declares them: factories that a worker process can import by name."""

from __future__ import annotations

import reprlib
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from folklore.errors import DeclarationError

_ADVICE = (
    "Give a tuple of classes or functions that are defined at the top level of a module and need no arguments, such as "
    "callbacks=(my_callbacks.Warmup,), or functools.partial(my_callbacks.Warmup, epochs=3)."
)
_PLAIN = (str, int, float, bool, type(None))


def checked(given: Any) -> tuple[Callable[[], Any], ...]:
    """The factories of a recipe as a tuple.

    Raises:
        DeclarationError: it is not a tuple or list of factories that a worker process can import by name.
    """
    if not isinstance(given, tuple | list):
        raise DeclarationError(f"callbacks is {reprlib.repr(given)}, which is not a tuple. {_ADVICE}")
    for factory in given:
        _check(factory)
    return tuple(given)


def factory_name(factory: Callable[[], Any]) -> str:
    """The factory's name for a record, such as "my_callbacks.Warmup" or "my_callbacks.Warmup(epochs=3)"."""
    if isinstance(factory, partial):
        arguments = [*map(repr, factory.args), *(f"{name}={value!r}" for name, value in factory.keywords.items())]
        return f"{factory_name(factory.func)}({', '.join(arguments)})"
    return f"{factory.__module__}.{factory.__qualname__}"


def _check(factory: Any) -> None:
    if isinstance(factory, partial):
        for value in (*factory.args, *factory.keywords.values()):
            if not _is_plain(value):
                raise DeclarationError(
                    f"callbacks was given a partial with the argument {reprlib.repr(value)}, which a record cannot "
                    "name. Give numbers, text, True, False, None, or tuples and lists of these."
                )
        _check(factory.func)
        return
    if not callable(factory):
        raise DeclarationError(
            f"callbacks was given {reprlib.repr(factory)}, which cannot be called: every run needs a callback of its "
            f"own, so an instance does not do. {_ADVICE}"
        )
    module, name = getattr(factory, "__module__", None), getattr(factory, "__qualname__", None)
    if name is None or _found(module, name) is not factory:
        raise DeclarationError(
            f"callbacks was given {reprlib.repr(factory)}, which a worker process cannot import by name: it is a "
            f"lambda, a local function, or an object without a name of its own. {_ADVICE}"
        )


def _found(module: str | None, name: str) -> Any:
    """The object that an import finds under this name."""
    found: Any = sys.modules.get(module or "")
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def _is_plain(value: Any) -> bool:
    return all(map(_is_plain, value)) if isinstance(value, tuple | list) else isinstance(value, _PLAIN)
