"""Settings by name, such as "optimizer.learning_rate": of recipes, and of the command line's `--set`."""

from __future__ import annotations

import ast
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from folklore.errors import DeclarationError, ProblemError, did_you_mean


def nested(settings: Mapping[str, Any], allowed: Collection[str]) -> dict[str, Any]:
    """Changes for `Recipe.but` from settings by name: {"optimizer.learning_rate": 0.01, "batch_size": 64}.

    Raises:
        DeclarationError: recipes have no such setting (names the nearest), or one is given both as a whole and in part.
    """
    changes: dict[str, Any] = {}
    for key, value in settings.items():
        name, dot, option = key.partition(".")
        if name not in allowed:
            raise DeclarationError(
                f"Recipes have no setting {key!r}. {did_you_mean(name, allowed)} Options of the model and of the "
                "optimizer are set as params.width and optimizer.learning_rate."
            )
        if dot and not isinstance(changes.get(name, {}), dict):
            raise DeclarationError(f"{name} is set to {changes[name]!r} and {key} to {value!r}. Give one of the two.")
        if dot:
            changes.setdefault(name, {})[option] = value
        elif name == "optimizer" and isinstance(value, str):
            changes.setdefault(name, {})["name"] = value
        else:
            changes[name] = value
    return changes


def flatten(recipe: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Settings by name, such as "params.width", with values that are not mappings."""
    for key, value in recipe.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def parse_settings(settings: Sequence[str], allowed: Collection[str]) -> dict[str, Any]:
    """`--set` arguments as changes for `Recipe.but`: `optimizer.learning_rate=0.01` or `batch_size=64`.

    Raises:
        ProblemError: an argument is not of the form key=value, or there is no such key; names the nearest.
    """
    given = dict(map(parse_value, settings))
    try:
        return nested(given, allowed)
    except DeclarationError as error:
        raise ProblemError(f"--set {' '.join(settings)}: {error}") from error


def parse_value(setting: str) -> tuple[str, Any]:
    """Key and value of "key=value"; the value is read as JSON or as a Python literal, otherwise as text."""
    key, equals, text = setting.partition("=")
    if not equals:
        raise ProblemError(f"--set {setting!r} has no value. Write --set key=value, such as batch_size=64.")
    for read in (json.loads, ast.literal_eval):
        try:
            return key, read(text)
        except (ValueError, SyntaxError):
            continue
    return key, text
