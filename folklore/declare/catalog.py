"""Finding experiments: the modules of `experiments/` and the `Experiment`s that they declare."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import os
import pkgutil
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from folklore.declare.experiment import Experiment
from folklore.errors import ProblemError, did_you_mean
from folklore.lazy_import import import_lazily

PACKAGE = "experiments"


def topics() -> list[str]:
    """The names of the modules in `experiments/`."""
    package = importlib.import_module(PACKAGE)
    return sorted(name for _, name, _ in pkgutil.iter_modules(package.__path__) if not name.startswith("_"))


def folder() -> Path:
    """The folder of the experiments' files."""
    return Path(importlib.import_module(PACKAGE).__path__[0])


def load(topic: str) -> dict[str, Experiment]:
    """The experiments declared in one topic, by their full names, in the order of the file.

    Raises:
        ProblemError: the file cannot be imported; names the file, the line and what is wrong.
    """
    return _declared(f"{PACKAGE}.{topic}", topic, f"{PACKAGE}/{topic}.py")


def load_file(path: Path) -> dict[str, Experiment]:
    """The experiments declared in a file of one's own, by their full names; the topic is the file's name.

    The file's folder is put where this process, and the workers that it will start, look for modules: so the file may
    hold models, data sets and callbacks too.

    Raises:
        ProblemError: there is no such file, its name is taken, or it cannot be imported; says what to do.
    """
    path = path.absolute()
    if not path.is_file():
        raise ProblemError(f"There is no file {path}. Give the path of a file that declares experiments.")
    taken = importlib.util.find_spec(path.stem) if path.stem.isidentifier() else None
    if not path.stem.isidentifier() or path.stem in topics() or (taken and taken.origin != str(path)):
        raise ProblemError(
            f"{path.name} cannot be imported under its name: it is taken, or it is not a Python name. Rename the file, "
            "such as my_study.py."
        )
    for folders in (sys.path, search := os.environ.get("PYTHONPATH", "").split(os.pathsep)):
        if str(path.parent) not in folders:
            folders.insert(0, str(path.parent))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, search))
    found = _declared(path.stem, path.stem, str(path))
    return {name: dataclasses.replace(experiment, file=path.name) for name, experiment in found.items()}


def _declared(module_name: str, topic: str, file: str) -> dict[str, Experiment]:
    import_lazily("keras")
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        raise ProblemError(_where(error, file)) from error
    about = _about(module.__doc__ or "")
    return {
        f"{topic}.{name}": dataclasses.replace(value, about=value.about or about)
        for name, value in vars(module).items()
        if isinstance(value, Experiment)
    }


def _about(docstring: str) -> str:
    """A file's docstring without its paragraph of commands: a report gives the command that was run."""
    paragraphs = (" ".join(paragraph.split()) for paragraph in docstring.split("\n\n"))
    return "\n\n".join(paragraph for paragraph in paragraphs if not paragraph.startswith("Command:"))


def find_all() -> tuple[dict[str, Experiment], list[str]]:
    """All experiments, and what is wrong with the files that cannot be imported."""
    found: dict[str, Experiment] = {}
    problems = []
    for topic in topics():
        try:
            found |= load(topic)
        except ProblemError as problem:
            problems.append(str(problem))
    return found, problems


def find(names: Sequence[str]) -> dict[str, Experiment]:
    """The experiments with these names, of the form `topic` or `topic.experiment`, or in these files, `my_study.py`.

    Raises:
        ProblemError: a name is unknown (names the nearest), or a file cannot be imported.
    """
    all_topics = topics()
    found: dict[str, Experiment] = {}
    for name in names:
        if name.endswith(".py"):
            if not (of_file := load_file(Path(name))):
                raise ProblemError(f"{name} declares no experiment. Write one = Experiment(…) at its top level.")
            found |= of_file
            continue
        topic, dot, _ = name.partition(".")
        if topic not in all_topics:
            raise ProblemError(f"There is no experiment {name!r}. {did_you_mean(topic, all_topics)}")
        declared = load(topic)
        if not declared:
            raise ProblemError(
                f"{PACKAGE}/{topic}.py declares no experiment. Write {topic} = Experiment(…) at the top level of the "
                f"file; `python -m {PACKAGE} new` writes a complete one as a start."
            )
        if dot and name not in declared:
            raise ProblemError(f"There is no experiment {name!r}. {did_you_mean(name, declared)}")
        found |= {name: declared[name]} if dot else declared
    return found


def _where(error: BaseException, file: str) -> str:
    """The error, with the line of the experiment's file that led to it."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename.endswith(file)]
    if isinstance(error, SyntaxError) and error.lineno and str(error.filename).endswith(file):
        lines = [error.lineno]
    place = file + (f", line {lines[-1]}" if lines else "")
    if isinstance(error, SystemExit):
        return (
            f"{place}: this ends Python (SystemExit: {error}), so nothing can be listed or run. Remove it, or "
            "put it under `if __name__ == '__main__':`."
        )
    kind = "" if isinstance(error, ProblemError) else f"{type(error).__name__}: "
    return f"{place}: {kind}{error}"
