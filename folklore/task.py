"""A task for a worker: one run to be trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from folklore.declare.recipe import Recipe
from folklore.storage.run_paths import FIRST_TUNING_SEED, run_beside, tuning_point


@dataclass(frozen=True)
class Task:
    """One arm to be trained with one seed into `path`.

    Attributes:
        provenance: the code version, workers, threads and so on, for run.json.
        choice: the mode that was measured to be fastest for the arm, with the measurements, as `epoch.Choice.to_dict`.
            With None the run measures for itself. All seeds of an arm share one choice, since modes round differently.
    """

    experiment: str
    arm: str
    seed: int
    recipe: Recipe
    path: Path
    provenance: Mapping[str, Any]
    choice: Mapping[str, Any] | None = None

    @property
    def start(self) -> Path | None:
        """The run whose network this one starts from, in the same log directory: that of `start_seed`."""
        if (start := self.recipe.transfer.get("start")) is None:
            return None
        experiment, _, arm = start.partition("/")
        return run_beside(self.path, experiment, arm, self.start_seed)

    @property
    def start_seed(self) -> int:
        """The seed of the run that this one starts from: its own; that of the k-th tuning run is k.

        The other experiment has no run with a tuning seed.
        """
        return self.seed - FIRST_TUNING_SEED if tuning_point(self.path) is not None else self.seed

    def record(self) -> dict[str, Any]:
        """The part of run.json that is settled before the run begins."""
        return {
            "experiment": self.experiment,
            "arm": self.arm,
            "seed": self.seed,
            "recipe": self.recipe.to_dict(),
            "identity": self.recipe.identity(),
            **self.provenance,
        }
