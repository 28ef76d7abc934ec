"""From tags, as other programs write them, to the names of metrics here: `Loss/val` is "validation/Loss"."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from folklore.declare import metrics
from folklore.errors import DeclarationError, ProblemError, did_you_mean

PARTS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "eval", "evaluation", "dev"),
    "test": ("test", "testing"),
}
SPLITS = ("train", "validation", "val", "test", "eval")  # sub-runs, which writers put in separate directories
_PART_OF = {word: part for part, words in PARTS.items() for word in words}
_WORDS = "|".join(_PART_OF)
_FIRST = re.compile(rf"({_WORDS})[/_\-. ]+(.+)", re.I)
_LAST = re.compile(rf"(.+?)[/_\-. ]+({_WORDS})", re.I)
_EXPRESSION = re.compile(r"(?:(best|last) )?(.+)")


def recorded(tag: str) -> str:
    """The name of a metric here for one tag.

    A tag that begins or ends with the name of a part of the data is of that part; another is "logged/…".

    Example:
        >>> recorded("Loss/val"), recorded("val_loss"), recorded("episode reward")
        ('validation/Loss', 'validation/loss', 'logged/episode_reward')
    """
    if match := _FIRST.fullmatch(tag):
        word, metric = match.groups()
    elif match := _LAST.fullmatch(tag):
        metric, word = match.groups()
    else:
        return f"logged/{_without_spaces(tag)}"
    return f"{_PART_OF[word.lower()]}/{_without_spaces(metric)}"


def _without_spaces(text: str) -> str:
    return re.sub(r"\s+", "_", text.strip("/ ")) or "_"


def names(tags: Iterable[str]) -> dict[str, str]:
    """Tag to name of a metric. Tags that would share a name keep their own, as "logged/…"."""
    found = {tag: recorded(tag) for tag in sorted(tags)}
    often = Counter(found.values())
    return {
        tag: name if often[name] == 1 or name == tag else f"logged/{_without_spaces(tag)}"
        for tag, name in found.items()
    }


def default(names: Collection[str]) -> str:
    """The metric if none is asked for: the only loss in validation, otherwise the only one; "" where there are more."""
    losses = [name for name in names if name.startswith("validation/") and name.lower().endswith("loss")]
    candidates = losses or list(names)
    return candidates[0] if len(candidates) == 1 else ""


def expression(asked: str | None, named: Mapping[str, str], where: str) -> str:
    """The metric to compare by, in the names used here.

    Args:
        asked: a tag, a name, or either after "best " or "last "; None takes the default.
        named: tags to names.
        where: the logs, for the error.

    Raises:
        ProblemError: no run has it; names the nearest.
    """
    if not named:
        raise ProblemError(f"The runs in {where} logged no scalars, so there is nothing to compare.")
    given = default(named.values()) if asked is None else asked
    if not given and asked is None:
        raise ProblemError(
            f"The runs in {where} logged several metrics. Name one with --metric. There are: {', '.join(named)}."
        )
    match = _EXPRESSION.fullmatch(given)
    when, tag = match.groups() if match else (None, "")
    name = named.get(tag, tag)
    if when == "best" and name.startswith("test/"):
        raise ProblemError(
            f"The metric {given!r} takes the best of many test values, which is a choice made on the test part. Take "
            f"the last, {tag!r}, or the best of the validation part."
        )
    if name in named.values():
        return f"{when} {name}" if when else name
    with contextlib.suppress(DeclarationError):  # any other expression of names
        if set(metrics.parse(given).names) <= set(named.values()):
            return given
    raise ProblemError(
        f"The runs in {where} have no metric {tag!r}. {did_you_mean(tag, named)} Name one with --metric."
    )
