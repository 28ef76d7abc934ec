"""Words that messages of all rooms share."""

from __future__ import annotations


def count(number: int, thing: str) -> str:
    """A number with its noun, such as "1 run" or "2,000 runs"."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
