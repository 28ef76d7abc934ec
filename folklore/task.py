"""What is handed to a worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from folklore.declare.recipe import Recipe
from folklore.storage.run_directory import run_path


@dataclass(frozen=True)
class Task:
    """One arm to be trained with one seed into `path`.

    Attributes:
        origin: goes into run.json: code version, workers, threads, …
        choice: the mode that was measured to be fastest for the arm, with the figures, as `epoch.Choice.to_dict`; None
            leaves it to the run itself. All seeds have the same, since modes round differently.
    """

    experiment: str
    arm: str
    seed: int
    recipe: Recipe
    path: Path
    origin: Mapping[str, Any]
    choice: Mapping[str, Any] | None = None

    @property
    def start(self) -> Path | None:
        """The run whose network this one goes on from: of the same seed, in the same logdir."""
        if (start := self.recipe.transfer.get("start")) is None:
            return None
        experiment, _, arm = start.partition("/")
        return run_path(self.path.parents[2], experiment, arm, self.seed)

    def record(self) -> dict[str, Any]:
        """What run.json tells of the run before it has begun."""
        return {
            "experiment": self.experiment,
            "arm": self.arm,
            "seed": self.seed,
            "recipe": self.recipe.to_dict(),
            "identity": self.recipe.identity(),
            **self.origin,
        }
