"""The code that travels to the nodes: this suite's packages, and the user's own modules beside them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from folklore.own_code import ROOT

OWN = "own"  # the folder of the user's own modules, where nodes look for modules too
_PACKAGES = ("callbacks", "data", "experiments", "folklore", "models")


def stage(folder: Path, own: Mapping[str, Path]) -> None:
    """Copy what workers import into a folder: Python files, stubs, which name what is
    imported late, and the templates of diagrams.

    Args:
        folder: exists, and is empty.
        own: files of the user's own modules by the modules' names.
    """
    for package in _PACKAGES:
        for file in (ROOT / package).rglob("*"):
            if file.suffix in (".py", ".pyi") or file.parent.name == "templates":
                _copy(file, folder / file.relative_to(ROOT))
    for name, file in own.items():
        if not any(file.is_relative_to(ROOT / package) for package in _PACKAGES):
            place = name if file.stem == "__init__" else name.rpartition(".")[0]
            _copy(file, Path(folder, OWN, *place.split("."), file.name))


def _copy(file: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, to)
