"""The provenance of runs: the code that makes them."""

from __future__ import annotations

import ast
import hashlib
import inspect
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import folklore
from folklore.declare.experiment import Experiment

_ROOT = Path(folklore.__file__).resolve().parent.parent
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
    code = {"folklore": folklore.__version__, "commit": commit, "changed": changed, "sha256": _sources()}
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
    """Those of the files, and of the files that they import, that belong neither to this suite nor to a library."""
    found: set[Path] = set()
    left = list(files)
    while left:
        file = left.pop()
        if file not in found and not _is_ours(file) and not _is_library(file):
            found.add(file)
            left += _imported(file)
    return found


def _imported(file: Path) -> Iterator[Path]:
    """The files that a file imports anywhere in it. They are looked for, not imported, which would take seconds."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            places = [(_roots(), name.name) for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            roots = [file.parents[node.level - 1]] if node.level else _roots()
            module = [node.module] if node.module else []
            places = [(roots, ".".join([*module, *more])) for more in ([], *([name.name] for name in node.names))]
        else:
            continue
        for roots, name in places:
            paths = [root.joinpath(*name.split(".")) for root in roots]
            candidates = [where for path in paths for where in (path.with_suffix(".py"), path / "__init__.py")]
            yield from (candidate.resolve() for candidate in candidates if name and candidate.is_file())


def _roots() -> list[Path]:
    """The folders in which modules are looked for, but for those of libraries."""
    return [root for root in {*map(Path, sys.path), _ROOT} if not _is_library(root.resolve())]


def _is_library(path: Path) -> bool:
    return any(path.is_relative_to(folder) for folder in map(Path, sysconfig.get_paths().values()))


def _is_ours(file: Path) -> bool:
    return any(file.is_relative_to(_ROOT / folder) for folder in _TRAINS)


def _sources() -> str:
    """SHA-256 of all that trains: the Python files of models, callbacks, data, and of folklore's rooms that train."""
    digest = hashlib.sha256()
    for folder in _TRAINS:
        for file in sorted((_ROOT / folder).rglob("*.py")):
            digest.update(str(file.relative_to(_ROOT)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
