"""Deep-learning advice on trial: declare, train, store, compare, show."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from folklore.declare.experiment import Experiment
from folklore.declare.hypothesis import Fact, Hypothesis, Metric
from folklore.declare.recipe import Recipe
from folklore.lazy_import import import_lazily

if TYPE_CHECKING:
    from folklore.epoch import evaluate, fit, place
    from folklore.training.transfer import freeze, from_run, new_head

__version__ = "0.1.0"
__all__ = [
    "Experiment",
    "Fact",
    "Hypothesis",
    "Metric",
    "Recipe",
    "evaluate",
    "fit",
    "freeze",
    "from_run",
    "new_head",
    "place",
    "run_file",
]
_MODULES = {"epoch": ("evaluate", "fit", "place"), "training.transfer": ("freeze", "from_run", "new_head")}


def __getattr__(name: str) -> Any:
    """What trains, on first use: it imports TensorFlow, which takes seconds; declarations do not."""
    for module, names in _MODULES.items():
        if name in names:
            return getattr(importlib.import_module(f"folklore.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def run_file(file: str) -> NoReturn:
    """What `python experiments/topic.py …` does: `python -m experiments run topic …`, in this process's place.

    A file that is not in an `experiments/` package is refused, with exit status 2: the command looks for names there.
    """
    path = Path(file).resolve()
    if not (path.parent.name == "experiments" and path.with_name("__main__.py").exists()):
        problem = f"{path} is not in Folklore's experiments/, where experiments are looked for. Move it there, and"
        print(f"{problem} run it again.", file=sys.stderr)
        sys.exit(2)
    # -P and the path: this file's own package, whatever the working directory holds.
    command = [sys.executable, "-P", "-m", "experiments", "run", path.stem, *sys.argv[1:]]
    paths = [str(path.parent.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.execve(sys.executable, command, os.environ | {"PYTHONPATH": os.pathsep.join(paths)})


_script = Path(getattr(sys.modules["__main__"], "__file__", None) or "")
if _script.absolute().parent.name == "experiments" and _script.name != "__main__.py":
    import_lazily("keras")  # an experiment's file that is run directly is only read, and handed over by `run_file`
