"""Deep-learning advice on trial: declare, train, store, compare, show."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from folklore.spec import Experiment, Hypothesis, Metric, Recipe

if TYPE_CHECKING:
    from folklore.epoch import evaluate, fit

__version__ = "0.1.0"
__all__ = ["Experiment", "Hypothesis", "Metric", "Recipe", "evaluate", "fit", "run_file"]


def __getattr__(name: str) -> Any:
    """`fit` and `evaluate` on first use: they import TensorFlow, which takes seconds; declarations do not."""
    if name in ("fit", "evaluate"):
        from folklore import epoch

        return getattr(epoch, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def run_file(file: str) -> NoReturn:
    """What `python experiments/topic.py …` does: `python -m experiments run topic …`, in this process's place."""
    os.execv(sys.executable, [sys.executable, "-m", "experiments", "run", Path(file).stem, *sys.argv[1:]])
