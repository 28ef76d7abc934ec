"""The provenance of runs: the code that makes them."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import folklore
from folklore.declare.experiment import Experiment
from folklore.own_code import ROOT
from folklore.study.own_modules import TRAINS, functions_that_train, own_modules


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
    files = set(own_modules(functions_that_train(experiment)).values())
    if not files:
        return dict(common)
    digest = hashlib.sha256(common["code"]["sha256"].encode())
    for file in sorted(files):
        digest.update(file.read_bytes())
    return {**common, "code": {**common["code"], "sha256": digest.hexdigest()}}


def sources() -> str:
    """SHA-256 of all that trains: the Python files of models, callbacks, data, and of folklore's rooms that train."""
    digest = hashlib.sha256()
    for folder in TRAINS:
        for file in sorted((ROOT / folder).rglob("*.py")):
            digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
