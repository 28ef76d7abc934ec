"""The shapes of experiment.json and run.json, as far as readers rely on them."""

from __future__ import annotations

from typing import get_args

from folklore.declare.hypothesis import Direction
from folklore.storage.shapes import ANYTHING, NUMBER, Or, maybe

EXPERIMENT = {
    "claim": str,
    "arms": {str: dict},
    "unit": maybe(str),
    "options": maybe([str]),
    "end": maybe(int),
    "extended_from": maybe(int),
    "facts": maybe([{"statement": str, "expected": ANYTHING, "found": ANYTHING, "holds": (True, False)}]),
    "tuning": maybe(
        {
            str: {
                "edges": {str: list},
                "grid": maybe({str: list}),
                "monitor": maybe(str),
                "best": maybe(dict),
                "tried": maybe([{"point": dict, "mean": maybe(NUMBER)}]),
            }
        }
    ),
}
WITH_ARMS = EXPERIMENT | {
    "baseline": str,
    "metric": {"name": str, "goal": ("min", "max")},
    "hypotheses": [
        {
            "arm": Or(str, [str]),
            "direction": get_args(Direction),
            "by": NUMBER,
            "metric": maybe({"name": str, "goal": ("min", "max")}),
        }
    ],
}
RUN = {"status": ("running", "done", "diverged", "failed"), "identity": str, "recipe": dict, "error": maybe(str)}
DONE_RUN = RUN | {
    "status": ("done", "diverged"),
    "data": {"name": str, "source": str, "unit": str, "sha256": str},
    "metrics": {str: maybe(NUMBER)},
    "selected_epoch": maybe(int),
    "divergence": maybe({"epoch": NUMBER, "reason": str}),
    "seconds": maybe({str: maybe(NUMBER)}),
    "versions": maybe({str: str}),
    "code": maybe({str: ANYTHING}),
}
