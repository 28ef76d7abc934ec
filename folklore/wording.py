"""Words that messages of all rooms share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_MOST = 5  # names in a row


def count(number: int, thing: str) -> str:
    """A number with its noun, such as "1 run" or "2,000 runs"."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Names by what is said of them, as in "a, b and 7 others".

    Args:
        pairs: of what is said and the name of which it is.

    Example:
        >>> grouped([("is old", "a"), ("is new", "b"), ("is old", "c")])
        {'is old': 'a and c', 'is new': 'b'}
    """
    names: dict[str, list[str]] = {}
    for said, name in pairs:
        names.setdefault(said, []).append(name)
    return {said: listed(of) for said, of in names.items()}


def listed(names: Sequence[str]) -> str:
    """Names in a sentence, at most five."""
    if len(names) > _MOST:
        names = [*names[: _MOST - 1], count(len(names) - _MOST + 1, "other")]
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
