"""Deep-learning advice on trial: declare, train, store, compare, show."""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder
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
    """What `python experiments/topic.py …` does: `python -m experiments run topic …`, in this process's place.

    A file from elsewhere is refused, with exit status 2: the command would look for its name in `experiments/`.
    """
    path = Path(file).absolute()
    found = PathFinder.find_spec("experiments", ["", *sys.path])  # as `python -m` does: the working directory first
    folder = Path(found.origin).resolve().parent if found and found.origin else Path("experiments").resolve()
    if path.parent.resolve() != folder:
        problem = f"{path} is not in {folder}, where experiments are looked for. Move it there, and run it again."
        print(problem, file=sys.stderr)
        sys.exit(2)
    os.execv(sys.executable, [sys.executable, "-m", "experiments", "run", path.stem, *sys.argv[1:]])
