"""Types of builders' options, and the check that reads them in a builder's signature. No Keras is touched.

An option is declared once, in the signature, with one of the types below or any other `Annotated` type:

    def tower(input_shape, outputs, *, depth: Count = 2, dropout: Share = 0.0, order: Literal["pre", "post"] = "post"):

The check reads bool, int, float, str, `Literal`, sequences, mappings, unions of these, the limits of
`annotated_types` (`Ge`, `Gt`, `Le`, `Lt`, `Interval`, `MinLen`) and functions `(name, value)` that raise `ValueError`.
`doc` says what to give instead, and becomes the end of the error. Options of any other type are not checked.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import DocInfo, Ge, Gt, Interval, Le, Lt, MinLen, doc

from models import checks

Count = Annotated[int, Ge(1), doc("one, such as 10")]
Counts = Annotated[Sequence[Count], MinLen(1), doc("positive integers, such as (100, 100)")]
AnyCounts = Annotated[Sequence[Count], doc("positive integers, such as (256,), or ()")]
AnyCount = Annotated[int, Ge(0), doc("how many, such as 1")]
Share = Annotated[float, Interval(ge=0, lt=1), doc("the share to drop, such as 0.2")]
Penalty = Annotated[float, Ge(0), doc("the penalty's factor, such as 1e-4")]
Factor = Annotated[float, Gt(0), doc("a factor, such as 0.5")]
Kept = Annotated[float, Interval(gt=0, le=1), doc("the share of maps that is kept, such as 0.5")]
Momentum = Annotated[float, Interval(ge=0, lt=1), doc("the share of the average that each step keeps, such as 0.9")]
Noise = Annotated[float, Interval(ge=0, le=1), doc("the largest part of a value that is added or taken, such as 0.1")]
KerasName = Annotated[str, checks.keras_name]
Named = Annotated[str | Mapping[str, Any], checks.keras_name_with_options]
Normalization = Literal["none", "before", "after"]


def check_options(build: Callable[..., Any], given: Mapping[str, Any]) -> None:
    """Check options against their types in the signature of a builder, which need not be one of this package.

    Raises:
        ValueError: an option is not of its type; says what is allowed.
    """
    types = option_types(build)
    for name, value in given.items():
        if name in types:
            check_option(name, value, types[name])


@functools.cache
def option_types(build: Callable[..., Any]) -> dict[str, Any]:
    """The types of a builder's options by name. Those that cannot be resolved without further imports are left out."""
    function = inspect.unwrap(build)
    written = getattr(function, "__annotations__", {})
    types: dict[str, Any] = {}
    # The first two parameters are the input's shape and the number of outputs. The type of what is returned is not
    # looked at: it would import Keras.
    for name in [*inspect.signature(build).parameters][2:]:
        if name in written:
            holder = type("Option", (), {"__annotations__": {name: written[name]}})
            try:
                types |= get_type_hints(holder, getattr(function, "__globals__", None), include_extras=True)
            except (NameError, AttributeError, TypeError):  # a name that is imported for type checkers only
                continue
    return types


def check_option(name: str, value: Any, wanted: Any) -> None:
    """Check one option against its type.

    Raises:
        ValueError: it is not of this type; says what is allowed.
    """
    try:
        kind, family, markers, functions = _parts(wanted)
    except TypeError:  # something in it has no hash
        kind, family, markers, functions = _parts.__wrapped__(wanted)
    for function in functions:
        function(name, value)
    if family is Union:
        _check_union(name, value, get_args(kind), markers)
    elif family is Literal:
        checks.one_of(name, value, get_args(kind))
    elif family is Sequence:
        _check_sequence(name, value, kind, markers)
    elif wrong := _wrong(value, get_origin(kind) or kind, markers):
        raise ValueError(
            f"{name}={value!r} is {wrong}: give {_advice(markers, 'one of them' if kind is bool else 'one')}."
        )


@functools.cache  # a topic checks hundreds of values against a few types
def _parts(wanted: Any) -> tuple[Any, Any, tuple[Any, ...], tuple[Callable[[str, Any], None], ...]]:
    """Of an option's type: the type without its metadata; Union, Literal, Sequence or None for what it is; the limits
    and advice in the metadata; and the functions in it.
    """
    kind, *metadata = get_args(wanted) if _is(wanted, Annotated) else (wanted,)
    families = {Union: (Union, UnionType), Literal: (Literal,), Sequence: (Sequence, tuple, list)}
    family = next((name for name, origins in families.items() if any(_is(kind, each) for each in origins)), None)
    markers = [*_flat(metadata)]
    functions = tuple(marker for marker in markers if inspect.isfunction(marker))
    return kind, family, tuple(marker for marker in markers if marker not in functions), functions


def _check_union(name: str, value: Any, kinds: Iterable[Any], markers: Sequence[Any]) -> None:
    """Check that one of the types fits, within the limits of all; the error is that of the first."""
    errors = []
    for kind in kinds:
        try:
            return check_option(name, value, Annotated[(kind, *markers)] if markers else kind)
        except ValueError as error:
            errors.append(error)
    raise errors[0]


def _check_sequence(name: str, values: Any, kind: Any, markers: Sequence[Any]) -> None:
    """Check a tuple, or a list as read from JSON, and each of its items."""
    advice = _advice(markers, "a tuple or a list")
    if not isinstance(values, tuple | list):
        raise ValueError(f"{name}={values!r} is not a sequence: give {advice}.")
    if len(values) < max((marker.min_length for marker in markers if isinstance(marker, MinLen)), default=0):
        raise ValueError(f"{name}={values!r} is {'too short' if values else 'empty'}: give {advice}.")
    items = get_args(kind) or (Any,)
    if _is(kind, tuple) and items[1:] != (...,) and get_args(kind):
        if len(values) != len(items):
            raise ValueError(f"{name}={values!r} has {len(values)} items: give {_advice(markers, f'{len(items)}')}.")
    else:
        items = (items[0],) * len(values)
    for value, item in zip(values, items, strict=True):
        try:
            check_option(name, value, item)
        except ValueError:
            raise ValueError(f"{name}={values!r} contains {value!r}: give {advice}.") from None


def _wrong(value: Any, kind: Any, markers: Sequence[Any]) -> str:
    """How a value fails a plain type, as in "not a positive integer"; empty if it does not."""
    if kind is bool:
        return "" if isinstance(value, bool) else "neither True nor False"
    if kind in (int, float):
        fits = _is_number(value, kind) and all(_within(value, marker) for marker in markers)
        return "" if fits else f"not {_numbers('an integer' if kind is int else 'a number', markers)}"
    if kind is str:
        least = max((marker.min_length for marker in markers if isinstance(marker, MinLen)), default=0)
        return "" if isinstance(value, str) and len(value) >= least else "not a text" if least == 0 else "not a name"
    if kind is NoneType:
        return "" if value is None else "not None"
    if kind in (Mapping, dict):
        return "" if isinstance(value, Mapping) else "not a mapping"
    return ""


def _is_number(value: Any, kind: type) -> bool:
    """Whether a value is an int, or a finite number; bools are neither."""
    if isinstance(value, bool):
        return False
    largest = sys.float_info.max
    return isinstance(value, int if kind is int else int | float) and -largest <= value <= largest  # NaN is not


def _within(value: float, marker: Any) -> bool:
    if isinstance(marker, Ge):
        return bool(value >= marker.ge)  # type: ignore[operator]  # any type that has the operator
    if isinstance(marker, Gt):
        return bool(value > marker.gt)  # type: ignore[operator]
    if isinstance(marker, Le):
        return bool(value <= marker.le)  # type: ignore[operator]
    return not isinstance(marker, Lt) or bool(value < marker.lt)  # type: ignore[operator]


def _numbers(noun: str, markers: Sequence[Any]) -> str:
    """What numbers are allowed: "a positive integer", "a number in [0, 1)"."""
    low = next(((type(m), getattr(m, "ge", getattr(m, "gt", None))) for m in markers if isinstance(m, Ge | Gt)), None)
    high = next(((type(m), getattr(m, "le", getattr(m, "lt", None))) for m in markers if isinstance(m, Le | Lt)), None)
    if noun == "an integer" and not high and low in ((Ge, 1), (Gt, 0)):
        return "a positive integer"
    if low and high:
        return f"{noun} in {'[' if low[0] is Ge else '('}{low[1]}, {high[1]}{']' if high[0] is Le else ')'}"
    if low:
        return f"{noun} {'of at least' if low[0] is Ge else 'above'} {low[1]}"
    return f"{noun} {'of at most' if high[0] is Le else 'below'} {high[1]}" if high else noun


def _advice(markers: Sequence[Any], otherwise: str) -> str:
    return next((marker.documentation for marker in markers if isinstance(marker, DocInfo)), otherwise)


def _flat(markers: Iterable[Any]) -> Iterator[Any]:
    for marker in markers:
        if isinstance(marker, Interval):
            yield from marker
        else:
            yield marker


def _is(wanted: Any, origin: Any) -> bool:
    return get_origin(wanted) is origin or wanted is origin
