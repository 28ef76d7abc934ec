"""Which code a run is made by."""

from __future__ import annotations

import hashlib
import inspect
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import folklore
from folklore.declare.experiment import Experiment

_ROOT = Path(folklore.__file__).resolve().parent.parent


_TRAINS = ("models", "callbacks", "data", "folklore/declare", "folklore/epoch", "folklore/training")


def origin() -> dict[str, Any]:
    """Which code this is: folklore's version and, in a checkout, the commit and whether files differ from it."""

    def git(*arguments: str) -> str | None:
        command = ["git", "-C", str(Path(__file__).parent), *arguments]
        try:
            return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            return None

    commit = git("rev-parse", "HEAD")
    changed = None if commit is None else bool(git("status", "--porcelain", "--untracked-files=no"))
    code = {"folklore": folklore.__version__, "commit": commit, "changed": changed, "sha256": _sources()}
    return {"code": code}


def origin_of(experiment: Experiment, origin: Mapping[str, Any]) -> dict[str, Any]:
    """The origin of one experiment's runs: its code is also the files of models and data that are not this suite's."""
    functions = {f for recipe in experiment.arms.values() for f in (recipe.model, inspect.unwrap(recipe.data.load))}
    files = {file for function in functions if (file := _file_of(function)) and not _is_ours(file)}
    if not files:
        return dict(origin)
    digest = hashlib.sha256(origin["code"]["sha256"].encode())
    for file in sorted(files):
        digest.update(file.read_bytes())
    return {**origin, "code": {**origin["code"], "sha256": digest.hexdigest()}}


def _file_of(function: Callable[..., Any]) -> Path | None:
    try:
        file = inspect.getsourcefile(function)
    except TypeError:  # a partial or another callable object
        return None
    return Path(file).resolve() if file and Path(file).is_file() else None


def _is_ours(file: Path) -> bool:
    return any(file.is_relative_to(_ROOT / folder) for folder in _TRAINS)


def _sources() -> str:
    """SHA-256 of what trains: the Python files of models, callbacks, data, and of folklore's rooms that train."""
    digest = hashlib.sha256()
    for folder in _TRAINS:
        for file in sorted((_ROOT / folder).rglob("*.py")):
            digest.update(str(file.relative_to(_ROOT)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
