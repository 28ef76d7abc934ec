"""What must be equal on the driver and on every node, and what is recorded of a node."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from folklore import machine
from folklore.study.provenance import sources

PACKAGES = ("tensorflow", "keras", "numpy", "scikit-learn")


@cache
def facts() -> dict[str, Any]:
    """Of this machine: its name and processor, versions, and the SHA-256 of the code that trains."""
    return {
        "host": machine.host(),
        "pid": os.getpid(),
        "processor": machine.processor(),
        "python": platform.python_version(),
        **{package: _version(package) for package in PACKAGES},
        "code": sources()[:12],
    }


def differences(here: Mapping[str, Any], there: Mapping[str, Any]) -> list[str]:
    """In what a node differs from the driver, where both must be equal."""
    return [
        f"{name} {there.get(name)} instead of {here.get(name)}"
        for name in ("python", *PACKAGES, "code")
        if there.get(name) != here.get(name)
    ]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
