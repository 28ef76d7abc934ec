"""The provenance of runs: the code that makes them."""

from __future__ import annotations

import hashlib
import inspect
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from modulefinder import ModuleFinder
from pathlib import Path
from typing import Any

import folklore
from folklore.declare.experiment import Experiment
from folklore.own_code import ROOT, is_library

_TRAINS = ("models", "callbacks", "data", "folklore/declare", "folklore/epoch", "folklore/training")


def provenance() -> dict[str, Any]:
    """The code here: folklore's version and, in a checkout, the commit and whether Python files differ from it."""

    def git(*arguments: str) -> str | None:
        command = ["git", "-C", str(Path(__file__).parent), *arguments]
        try:
            return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            return None

    commit = git("rev-parse", "HEAD")
    changed = None if commit is None else bool(git("status", "--porcelain", "--", ":/*.py"))
    code = {"folklore": folklore.__version__, "commit": commit, "changed": changed, "sha256": sources()}
    return {"code": code}


def provenance_of(experiment: Experiment, common: Mapping[str, Any]) -> dict[str, Any]:
    """The provenance of one experiment's runs, from that of all.

    Their code includes the files of models, data and callbacks that are not this suite's, with all that they import.
    """
    functions: set[Callable[..., Any]] = set()
    for recipe in experiment.arms.values():
        functions |= {recipe.model, inspect.unwrap(recipe.data.load), *map(_function_of, recipe.callbacks)}
    files = _with_imports(file for function in functions if (file := _file_of(function)))
    if not files:
        return dict(common)
    digest = hashlib.sha256(common["code"]["sha256"].encode())
    for file in sorted(files):
        digest.update(file.read_bytes())
    return {**common, "code": {**common["code"], "sha256": digest.hexdigest()}}


def _function_of(factory: Callable[..., Any]) -> Callable[..., Any]:
    """The function or class that a factory calls."""
    return _function_of(factory.func) if isinstance(factory, partial) else inspect.unwrap(factory)


def _file_of(function: Callable[..., Any]) -> Path | None:
    try:
        file = inspect.getsourcefile(function)
    except TypeError:  # a partial or another callable object
        return None
    return Path(file).resolve() if file and Path(file).is_file() else None


def _with_imports(files: Iterable[Path]) -> set[Path]:
    """Those of the files, and of the files that they import, that belong neither to this suite nor to a library.

    What is imported is looked for, not imported, which would take seconds.
    """
    folders = [str(path) for path in (*map(Path, sys.path), ROOT) if not is_library(path.resolve())]
    found: set[Path] = set()
    for file in {file for file in files if not _is_ours(file)}:
        finder = ModuleFinder(folders, excludes=[folder.partition("/")[0] for folder in _TRAINS])
        finder.run_script(str(file))
        paths = [getattr(module, "__file__", None) for module in finder.modules.values()]
        found |= {Path(path).resolve() for path in paths if path}
    return found


def _is_ours(file: Path) -> bool:
    return any(file.is_relative_to(ROOT / folder) for folder in _TRAINS)


def sources() -> str:
    """SHA-256 of all that trains: the Python files of models, callbacks, data, and of folklore's rooms that train."""
    digest = hashlib.sha256()
    for folder in _TRAINS:
        for file in sorted((ROOT / folder).rglob("*.py")):
            digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
