"""Errors that a user can fix: one paragraph that says what was given, what is wrong and what to do."""

from __future__ import annotations

import difflib
import sysconfig
import traceback
from collections.abc import Iterable
from pathlib import Path


class ProblemError(Exception):
    """A problem that the user can fix. The command line shows its message as a paragraph and exits with status 2."""


class DeclarationError(ProblemError, ValueError):
    """An experiment or a recipe that is contradictory or not understood."""


class WorkerDiedError(Exception):
    """A worker process was killed. What it had finished is stored."""


def place(error: BaseException) -> str:
    """The line of the user's own code that led to an error, " (experiments/mine.py, line 7)"; "" where there is none.

    Code of folklore/ and of libraries is not the user's.
    """
    root, libraries = Path(__file__).parent.parent, [Path(path) for path in sysconfig.get_paths().values()]
    own = [
        (path, frame.lineno)
        for frame in traceback.extract_tb(error.__traceback__)
        if (path := Path(frame.filename)).is_file()
        and not any(path.is_relative_to(folder) for folder in (root / "folklore", *libraries))
    ]
    if not own:
        return ""
    path, line = own[-1]
    return f" ({path.relative_to(root) if path.is_relative_to(root) else path}, line {line})"


def did_you_mean(given: object, allowed: Iterable[str]) -> str:
    """A hint with the nearest allowed name, and all of them: "Did you mean 'x'? There are: x, y."."""
    allowed = sorted(allowed)
    if not allowed:
        return "There are none."
    nearest = difflib.get_close_matches(given, allowed, n=1, cutoff=0.5) if isinstance(given, str) else []
    hint = f"Did you mean {nearest[0]!r}? " if nearest else ""
    return f"{hint}There are: {', '.join(allowed)}."
