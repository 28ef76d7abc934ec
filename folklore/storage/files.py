"""Files: text and JSON that are written whole or not at all, and read with checks."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from callbacks.files import write_bytes
from folklore.errors import ProblemError


def write_json(path: Path, record: Mapping[str, Any]) -> None:
    """Write JSON whole or not at all; NaN and infinities, which JSON lacks, become null."""
    write_text(path, json.dumps(_finite(record), indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all, see `callbacks.files.replacing`."""
    write_bytes(path, text.encode())


def read_json(path: Path) -> dict[str, Any] | None:
    """A JSON object, or None where the file does not exist.

    Raises:
        ProblemError: the file is damaged; names it.
    """
    try:
        record = json.loads(read_text(path), parse_constant=_no_number, parse_int=_number)
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
    """What a file holds. One that is none, a pipe say, could be waited on for ever."""
    if path.exists() and not path.is_file():
        raise ValueError("it is no file")
    return path.read_text(encoding="utf-8")


def _number(digits: str) -> int | float:
    return int(digits) if len(digits) < 20 else float(digits)  # longer ones may exceed what a float can hold


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def damaged(path: Path, what: str) -> ProblemError:
    """The error to raise for a file that is not what it should be."""
    return ProblemError(f"{path} {what}. Delete it, and `run` makes again what it stood for.")


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
