"""Errors that a user can mend: one paragraph that says what was given, what is wrong and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ProblemError(Exception):
    """Something the user can mend. The command line shows its message as a paragraph and exits with status 2."""


class DeclarationError(ProblemError, ValueError):
    """An experiment or a recipe that cannot be meant as written."""


class WorkerDiedError(Exception):
    """A worker process was killed. What it had finished is stored."""


def did_you_mean(given: object, known: Iterable[str]) -> str:
    """A half-sentence that names the nearest known name, and all of them: "Did you mean x? There are: x, y."."""
    known = sorted(known)
    if not known:
        return "There are none."
    nearest = difflib.get_close_matches(given, known, n=1, cutoff=0.5) if isinstance(given, str) else []
    hint = f"Did you mean {nearest[0]!r}? " if nearest else ""
    return f"{hint}There are: {', '.join(known)}."
