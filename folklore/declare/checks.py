"""Checks of declarations, without Keras. Each raises `DeclarationError`: what was given, what is wrong, what to do."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
import reprlib
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from types import UnionType
from typing import Any, TypeVar

from callbacks.names import PICTURES
from data import DataError, Source, changes, preprocessing
from folklore.declare.optimizers import OPTIMIZERS
from folklore.errors import DeclarationError, did_you_mean

T = TypeVar("T")
LONGEST_NAME = 255  # bytes of a directory's name, on the usual file systems


def kind(name: str, given: Any, wanted: type | UnionType, advice: str) -> None:
    """An object of a type; the advice says what to write."""
    if not isinstance(given, wanted):
        raise DeclarationError(f"{name} is {reprlib.repr(given)}. {advice}")


def one_of(what: str, given: Any, allowed: Iterable[str]) -> None:
    """One of the allowed names."""
    if not isinstance(given, str) or given not in allowed:  # other objects may not even be hashable
        raise DeclarationError(f"{what} is {given!r}, which is unknown. {did_you_mean(given, allowed)}")


def allowed_names(owner: str, given: Iterable[Any], allowed: Iterable[str]) -> None:
    """Allowed names only."""
    for name in given:
        if name not in allowed:
            raise DeclarationError(f"{owner} was given {name!r}, which it does not take. {did_you_mean(name, allowed)}")


def names_nearest(declaration: type[T]) -> type[T]:
    """A dataclass that answers a misspelt argument with the nearest right one; for use as a decorator."""
    init = declaration.__init__
    names = [f.name for f in dataclasses.fields(declaration)]  # type: ignore[arg-type]

    @functools.wraps(init)
    def checked(self: Any, *given: Any, **named: Any) -> None:
        allowed_names(declaration.__name__, named, names)
        init(self, *given, **named)

    declaration.__init__ = checked  # type: ignore[method-assign]
    return declaration


def transfer(given: Mapping[str, Any]) -> None:
    """How a recipe starts from a trained network.

    `start` is an experiment and an arm, "topic.experiment/arm"; `frozen` is "nothing", "all but the head" or the name
    of the last layer that does not learn; `head_epochs` are epochs in which only the head learns, with a constant
    `head_learning_rate`, before the recipe's own begin. `copied` is the name of the last layer whose weights come from
    the other network, with all before it; without it, all but the head do. `scaler="own"` fits the preprocessing to
    the run's own training part; without it, it is that of the other run.
    """
    allowed_names("transfer", given, ("start", "frozen", "copied", "scaler", "head_epochs", "head_learning_rate"))
    for name in {"start", "frozen", "copied"} & set(given):
        kind(f"transfer's {name}", given[name], str, "Give a name as text.")
    for name in {"copied", "scaler"} & set(given):
        if "start" not in given:
            raise DeclarationError(f"transfer has {name}={given[name]!r} and no start. Give the start, too.")
    if "scaler" in given:
        one_of("transfer's scaler", given["scaler"], ("own",))
    if given.get("frozen") in ("", "everything"):
        raise DeclarationError(
            f"transfer's frozen is {given['frozen']!r}, so nothing would learn. Give 'nothing', 'all but the "
            "head', or the name of a layer: that one and all before it."
        )
    if "start" in given:
        experiment, slash, arm = given["start"].partition("/")
        if not (slash and "." in experiment):
            raise DeclarationError(
                f"transfer's start is {given['start']!r}. Give an experiment and one of its arms, such as "
                "'quickstart.fashion_mnist/relu'."
            )
        directory_name("transfer's start", experiment)
        directory_name("transfer's start", arm)
    if ("head_epochs" in given) != ("head_learning_rate" in given):
        raise DeclarationError(f"transfer is {dict(given)!r}. Give head_epochs and head_learning_rate together.")
    if "head_epochs" in given:
        whole_number("transfer's head_epochs", given["head_epochs"])
        if not is_positive(rate := given["head_learning_rate"]):
            raise DeclarationError(f"transfer's head_learning_rate is {rate!r}. Give one above 0.")


def whole_number(name: str, given: Any, least: int = 1) -> None:
    """An int of at least `least`, which is 0 or 1; a bool is not one."""
    if type(given) is not int or given < least:
        raise DeclarationError(f"{name} is {given!r}. Give a {'positive' if least else 'non-negative'} integer.")


def is_positive(given: Any) -> bool:
    """Whether this is a finite number above 0."""
    return isinstance(given, int | float) and not isinstance(given, bool) and 0 < given < float("inf")


def rising_or_falling(given: Iterable[Any]) -> bool:
    """Whether these are finite numbers, each above the one before or each below it."""
    numbers = list(given)
    if not all(isinstance(n, int | float) and not isinstance(n, bool) and math.isfinite(n) for n in numbers):
        return False
    return all(a < b for a, b in pairwise(numbers)) or all(a > b for a, b in pairwise(numbers))


def directory_name(what: str, given: Any) -> None:
    """Text that can name a directory on every system."""
    kind(what, given, str, "Give a name as text, such as 'dropout 0.5'.")
    if not given or given != given.strip(". ") or not given.isprintable() or set(given) & set('/\\:*?"<>|'):
        raise DeclarationError(f"{what} {given!r} cannot be a directory's name: use letters, digits, spaces, .-_")
    if len(given.encode()) > LONGEST_NAME:
        raise DeclarationError(
            f"{what} {reprlib.repr(given)} cannot be a directory's name: it has more than {LONGEST_NAME} bytes. "
            "Give a shorter one."
        )


def options(name: str, given: Any) -> dict[str, Any]:
    """A copy of a mapping from options to values; an optimizer may be just a name."""
    if name == "optimizer" and isinstance(given, str):
        return {"name": given}
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        raise DeclarationError(f"{name} is {given!r}. Give a mapping, such as {name}=dict(…).")
    return dict(given)


def pictures(given: Iterable[Any], data: Source) -> None:
    """Names of pictures, each of which can be drawn of such data."""
    given = list(given)
    allowed_names("pictures", given, PICTURES)
    lacking = {"images": not data.images, "classes": data.task != "classification"}
    fitting = [name for name, needs in PICTURES.items() if not any(lacking[need] for need in needs)]
    for name in given:
        if missing := [need for need in sorted(PICTURES[name]) if lacking[need]]:
            there = f"Of {data.name}, these can be: {', '.join(fitting)}." if fitting else "Leave pictures out."
            raise DeclarationError(
                f"pictures was given {name!r}, which cannot be drawn: {data.name} has no {' and no '.join(missing)}. "
                f"{there}"
            )


def data(source: Source, params: Mapping[str, Any]) -> None:
    """Options of a source of data: its changes, each of which makes sense for it."""
    try:
        changes.check(source, params)
    except DataError as error:
        raise DeclarationError(str(error)) from error


def scalers(source: Source, scaler: Any, target_scaler: Any) -> None:
    """How inputs and targets are scaled, where such data can be scaled so."""
    one_of("The scaler", scaler, preprocessing.KINDS)
    one_of("The target_scaler", target_scaler, ("", *preprocessing.TARGET_KINDS))
    fitting = preprocessing.kinds_for(images=source.images)
    if scaler not in fitting:
        what = "images" if source.images else "a table"
        raise DeclarationError(
            f"The scaler is {scaler!r}, and {source.name} is {what}, which cannot be scaled so. Give one of: "
            f"{', '.join(fitting)}."
        )
    if target_scaler and source.task != "regression":
        raise DeclarationError(
            f"The target_scaler is {target_scaler!r}, and the targets of {source.name} are classes. Leave it out."
        )


def model(build: Callable[..., Any], params: Mapping[str, Any]) -> None:
    """A module-level function that takes these params beside the shapes, each of the type in its signature."""
    if not callable(build) or "<" in getattr(build, "__qualname__", "<"):
        raise DeclarationError(f"model is {build!r}. Give a function defined at the top level of a module.")
    # The first two parameters are the input's shape and the number of outputs, which come from the data.
    accepted = _signature(build)[2:]
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in accepted):
        allowed_names(f"The model {build.__name__}", params, [parameter.name for parameter in accepted])
    try:
        if (check := getattr(build, "check", None)) is not None:
            check(**params)
        else:
            from models.options import check_options  # `models` imports Keras: only where a function of one's own does

            check_options(build, params)
    except ValueError as error:
        raise DeclarationError(str(error)) from error


@functools.cache
def _signature(build: Callable[..., Any]) -> list[inspect.Parameter]:
    return list(inspect.signature(build).parameters.values())


def optimizer(given: Mapping[str, Any]) -> None:
    """An optimizer's name and options that it takes."""
    name = given.get("name")
    one_of("The optimizer", name, OPTIMIZERS)
    allowed_names(f"The optimizer {name}", [key for key in given if key != "name"], OPTIMIZERS[str(name)])
    rate = given.get("learning_rate", 1.0)
    if not is_positive(rate):
        raise DeclarationError(f"The optimizer's learning_rate is {rate!r}. Give a number above 0.")
