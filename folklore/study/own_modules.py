"""The modules of the user's own that a study needs: those of its models, data and callbacks, with all they import."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable
from functools import partial
from importlib.machinery import PathFinder
from modulefinder import ModuleFinder
from pathlib import Path
from typing import Any

from folklore.declare.experiment import Experiment
from folklore.own_code import ROOT, is_library

TRAINS = ("models", "callbacks", "data", "folklore/declare", "folklore/epoch", "folklore/training")
_PACKAGES = [folder.partition("/")[0] for folder in TRAINS]


def functions_that_train(experiment: Experiment) -> set[Callable[..., Any]]:
    """The functions and classes that make the models, data sets and callbacks of an experiment's arms."""
    recipes = experiment.arms.values()
    given = (function for recipe in recipes for function in (recipe.model, recipe.data.load, *recipe.callbacks))
    return {_called(function) for function in given}


def functions_in_workers(experiment: Experiment) -> set[Callable[..., Any]]:
    """Those, and what else workers call: the check, and what loads stand-ins for data."""
    stand_ins = (recipe.data.stand_in for recipe in experiment.arms.values())
    others = (experiment.check, *(source.load for source in stand_ins if source))
    return functions_that_train(experiment) | {_called(function) for function in others if function}


def own_modules(functions: Iterable[Callable[..., Any]]) -> dict[str, Path]:
    """The files of the modules of these functions, and of all that they import, by the modules' names.

    Left out are this suite's code that trains, and libraries. What is imported is looked for, not imported, which would
    take seconds; so an import whose name is computed is not found.
    """
    folders = [str(path) for path in (*map(Path, sys.path), ROOT) if not is_library(path.resolve())]
    found: dict[str, Path] = {}
    for function in functions:
        name, file = function.__module__, _file_of(function)
        if file is None or name in found or any(file.is_relative_to(ROOT / folder) for folder in TRAINS):
            continue
        for imported, path in _with_imports(name, file, folders).items():
            found.setdefault(imported, path)
    return found


def _with_imports(name: str, file: Path, folders: list[str]) -> dict[str, Path]:
    finder = _Finder(folders, excludes=_PACKAGES)
    found = _look(lambda: finder.import_hook(name), finder)
    if found.get(name) != file:  # a script, or a module that was loaded by its path
        finder = _Finder(folders, excludes=_PACKAGES)
        found = _look(lambda: finder.run_script(str(file)), finder)
        found[name] = found.pop("__main__")
    return found


def _look(search: Callable[[], Any], finder: ModuleFinder) -> dict[str, Path]:
    try:
        search()
    except ImportError:
        return {}
    paths = {name: getattr(module, "__file__", None) for name, module in finder.modules.items()}
    return {name: Path(path).resolve() for name, path in paths.items() if path}


class _Finder(ModuleFinder):
    """Finds packages without an __init__.py too, at which Python's own stops with a TypeError."""

    def import_module(self, partname: str, fqname: str, parent: Any) -> Any:
        places = parent.__path__ if parent else self.path
        if fqname in self.modules or fqname in self.excludes or not places:
            return super().import_module(partname, fqname, parent)
        spec = PathFinder.find_spec(partname, places)
        if spec is None or spec.origin is not None or spec.submodule_search_locations is None:
            return super().import_module(partname, fqname, parent)
        module: Any = self.add_module(fqname)
        module.__path__ = [str(folder) for place in places if (folder := Path(place, partname)).is_dir()]
        if parent:
            setattr(parent, partname, module)
        return module


def _called(factory: Callable[..., Any]) -> Callable[..., Any]:
    """The function or class that a factory calls."""
    return _called(factory.func) if isinstance(factory, partial) else inspect.unwrap(factory)


def _file_of(function: Callable[..., Any]) -> Path | None:
    try:
        file = inspect.getsourcefile(function)
    except TypeError:  # another callable object
        return None
    return Path(file).resolve() if file and Path(file).is_file() else None
