"""Errors that a user can fix: one paragraph that says what was given, what is wrong and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ProblemError(Exception):
    """A problem that the user can fix. The command line shows its message as a paragraph and exits with status 2."""


class DeclarationError(ProblemError, ValueError):
    """An experiment or a recipe that is contradictory or not understood."""


class WorkerDiedError(Exception):
    """A worker process was killed. What it had finished is stored."""


def did_you_mean(given: object, allowed: Iterable[str]) -> str:
    """A hint with the nearest allowed name, and all of them: "Did you mean 'x'? There are: x, y."."""
    allowed = sorted(allowed)
    if not allowed:
        return "There are none."
    nearest = difflib.get_close_matches(given, allowed, n=1, cutoff=0.5) if isinstance(given, str) else []
    hint = f"Did you mean {nearest[0]!r}? " if nearest else ""
    return f"{hint}There are: {', '.join(allowed)}."
