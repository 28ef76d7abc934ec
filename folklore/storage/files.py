"""Text and JSON files, written completely or not at all, and checked when they are read."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from callbacks.files import write_bytes
from folklore.errors import ProblemError


def write_json(path: Path, record: Mapping[str, Any]) -> None:
    """Write JSON completely or not at all; NaN and infinities, which JSON lacks, become null."""
    write_text(path, json.dumps(_finite(record), indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file completely or not at all, see `callbacks.files.replacing`."""
    write_bytes(path, text.encode())


def read_json(path: Path) -> dict[str, Any] | None:
    """A JSON object, or None where the file does not exist.

    Raises:
        ProblemError: the file is damaged; names it.
    """
    try:
        text = read_text(path)
        record = json.loads(text, parse_constant=_no_number, parse_int=_number)
        if "\\ud" in text.lower():  # half of a character, which could be shown nowhere, is not UTF-8 either
            json.dumps(record, ensure_ascii=False).encode()
    except FileNotFoundError:
        return None
    except PermissionError:
        raise
    except (ValueError, OSError, RecursionError) as error:
        raise damaged(path, f"cannot be read: {error}") from None
    if not isinstance(record, dict):
        raise damaged(path, "does not hold a JSON object")
    return record


def read_text(path: Path) -> str:
    """The content of a regular file. Reading anything else, such as a pipe, could wait for ever."""
    if path.exists() and not path.is_file():
        raise ValueError("it is not a regular file")
    return path.read_text(encoding="utf-8")


def _number(digits: str) -> int | float:
    return (
        int(digits) if len(digits) < 20 else float(digits)
    )  # as an integer, a longer one may exceed the largest float


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not valid JSON")


def damaged(path: Path, what: str) -> ProblemError:
    """The error for a damaged file; `what` says what is wrong with it."""
    return ProblemError(f"{path} {what}. Delete it, and `run` makes it again.")


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
