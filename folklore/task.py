"""What is handed to a worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from folklore.spec import Recipe


@dataclass(frozen=True)
class Task:
    """One arm to be trained with one seed into `path`; `origin` (code version, threads, …) goes into run.json."""

    experiment: str
    arm: str
    seed: int
    recipe: Recipe
    path: Path
    origin: Mapping[str, Any]
