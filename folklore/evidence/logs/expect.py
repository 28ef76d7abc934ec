"""Questions about logs of other programs, as text: "width 32 better 0.01"."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

from folklore.declare import checks
from folklore.errors import ProblemError, did_you_mean

_QUESTION = re.compile(r"(.+) (better|worse|no difference|not worse)(?: by)? (\S+)")
_AFTER = " (exploratory, for it was asked after the runs)"
_FORM = (
    "Write ARM, then better, worse, no difference or not worse, then the smallest difference that would matter, such as"
)


def hypotheses(expect: Sequence[str], arms: Collection[str], baseline: str, metric: str) -> list[dict[str, Any]]:
    """The stored form of hypotheses about the difference of arms from the baseline.

    Args:
        expect: such as "width 32 better 0.01": an arm, a direction, and the smallest difference that would matter.
        arms: those that exist.
        baseline: what they are compared with.
        metric: in which they are compared.

    Raises:
        ProblemError: one is not understood, or names another arm; names the nearest.

    Example:
        >>> hypotheses(["b no difference 0.01"], ["a", "b"], "a", "validation/loss")[0]["claim"]
        "In validation/loss, 'b' and 'a' do not differ by 0.01 (exploratory, for it was asked after the runs)."
    """
    return [_hypothesis(text, arms, baseline, metric) for text in expect]


def _hypothesis(text: str, arms: Collection[str], baseline: str, metric: str) -> dict[str, Any]:
    example = f'"{next((arm for arm in arms if arm != baseline), "ARM")} better 0.01"'
    match = _QUESTION.fullmatch(text.strip())
    if match is None:
        raise ProblemError(f"--expect {text!r} is not understood. {_FORM} {example}.")
    arm, direction, delta = match.groups()
    if arm not in arms:
        raise ProblemError(f"--expect {text!r} is about the arm {arm!r}, which is unknown. {did_you_mean(arm, arms)}")
    if arm == baseline:
        raise ProblemError(f"--expect {text!r} is about the baseline. Name another arm, or another --baseline.")
    try:
        by = float(delta)
    except ValueError:
        by = 0.0
    if not checks.is_positive(by):
        raise ProblemError(f"--expect {text!r} ends with {delta!r}, which is not a number above 0. {_FORM} {example}.")
    said = {
        "better": f"{arm!r} is better than {baseline!r} by at least {delta}",
        "worse": f"{arm!r} is worse than {baseline!r} by at least {delta}",
        "no difference": f"{arm!r} and {baseline!r} do not differ by {delta}",
        "not worse": f"{arm!r} is not worse than {baseline!r} by {delta}",
    }
    return {"arm": arm, "direction": direction, "by": by, "claim": f"In {metric}, {said[direction]}{_AFTER}."}
