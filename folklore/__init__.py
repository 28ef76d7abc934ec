"""Deep-learning advice on trial: declare, train, store, compare, show."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

import lazy_loader

from folklore.declare.experiment import Experiment
from folklore.declare.hypothesis import Fact, Hypothesis, Metric
from folklore.declare.recipe import Recipe
from folklore.errors import ProblemError
from folklore.lazy_import import import_lazily

if TYPE_CHECKING:
    from folklore.epoch import evaluate as evaluate
    from folklore.epoch import fit as fit
    from folklore.epoch import place as place
    from folklore.evidence.logs.question import declare as declare
    from folklore.report.frames import compare as compare
    from folklore.report.frames import curves as curves
    from folklore.report.frames import runs as runs
    from folklore.study.notebook import run as run
    from folklore.training.transfer import freeze as freeze
    from folklore.training.transfer import from_run as from_run
    from folklore.training.transfer import new_head as new_head

__version__ = "0.1.0"
# These are imported on first use: what trains imports TensorFlow, which takes seconds, and declarations need none.
__getattr__, __dir__, _on_first_use = lazy_loader.attach(
    __name__,
    submod_attrs={
        "epoch": ["evaluate", "fit", "place"],
        "report.frames": ["compare", "curves", "runs"],
        "study.notebook": ["run"],
        "training.transfer": ["freeze", "from_run", "new_head"],
    },
)
__all__ = ["Experiment", "Fact", "Hypothesis", "Metric", "Recipe", "run_file", *_on_first_use]


class _Declare(ModuleType):
    """The room `folklore.declare`, which can also be called: `folklore.declare("logs/my.topic", claim=…)`.

    A function of this name in place of the module would hide the room from `import folklore.declare.recipe`.
    """

    def __call__(self, *arguments: Any, **options: Any) -> None:
        """See `folklore.evidence.logs.question.declare`."""
        importlib.import_module("folklore.evidence.logs.question").declare(*arguments, **options)


sys.modules["folklore.declare"].__class__ = _Declare


def run_file(file: str) -> NoReturn:
    """Replace this process, started as `python my_study.py …`, by `python -m experiments run my_study.py …`."""
    path = Path(file).resolve()
    ours = path.parent.name == "experiments" and path.with_name("__main__.py").exists()
    # -P and the path: this file's own package, whatever the working directory holds.
    command = [sys.executable, "-P", "-m", "experiments", "run", path.stem if ours else str(path), *sys.argv[1:]]
    root = path.parent.parent if ours else Path(__file__).parent.parent
    paths = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.execve(sys.executable, command, os.environ | {"PYTHONPATH": os.pathsep.join(paths)})


def _say_where(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A file with a wrong declaration: the command names the line and says what is wrong, in one paragraph."""
    if isinstance(error, ProblemError):
        run_file(str(_script))
    sys.__excepthook__(kind, error, trace)


_script = Path(getattr(sys.modules["__main__"], "__file__", None) or "")
if _script.absolute().parent.name == "experiments" and _script.name != "__main__.py":
    import_lazily("keras")  # a file that is run directly is only read: `run_file` starts the command
    if (_beside := _script.absolute().parent.parent / "folklore" / "__init__.py").exists():
        sys.excepthook = _say_where
        if not _beside.samefile(__file__):  # this environment belongs to another checkout than the file
            run_file(str(_script))
