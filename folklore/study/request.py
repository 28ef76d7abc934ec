"""A request to run experiments, and how it changes their declarations."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from folklore.declare.experiment import Experiment
from folklore.declare.recipe import SETTINGS, Recipe
from folklore.declare.settings import flatten, parse_settings
from folklore.evidence import sequential

DataChoice = Literal["auto", "real", "bundled"]
EngineName = Literal["local", "ray"]


@dataclass(frozen=True)
class Request:
    """The options of the run command.

    Attributes:
        seeds: of each arm; None takes the experiment's own number.
        epochs: at most; None takes the recipes' own.
        quick: whether each experiment's short form is run.
        data: "real", "bundled", or "auto" for bundled data only where the real data is unavailable.
        jobs: worker processes; None chooses.
        settings: changes to every recipe, such as "optimizer.learning_rate=0.01".
        logdir: where the runs are stored.
        fresh: whether earlier runs are moved aside first.
        until_decided: whether seeds are added, look by look, until every hypothesis has a verdict.
        max_seeds: where that ends.
        verbose: whether every run has a line in a terminal too.
        deterministic: whether only operations are used that give equal bits for equal inputs.
        engine: where workers run.
        address: of the Ray cluster, HOST:PORT or "auto".
        per_worker: what Ray reserves for a worker, such as "CPU=2,GPU=0.5".
    """

    seeds: int | None = None
    epochs: int | None = None
    quick: bool = False
    data: DataChoice = "auto"
    jobs: int | None = None
    settings: tuple[str, ...] = ()
    logdir: Path = Path("logs")
    fresh: bool = False
    until_decided: bool = False
    max_seeds: int = sequential.LOOKS[-1]
    verbose: bool = False
    deterministic: bool = False
    engine: EngineName = "local"
    address: str = "auto"
    per_worker: str = "CPU=1"

    def apply(self, experiment: Experiment) -> Experiment:
        """The experiment with every recipe changed by its short form, by `epochs` and by `settings`, in this order.

        Raises:
            ProblemError: a setting is not one of a recipe's, or its value is not allowed.
        """
        short = experiment.quick if self.quick else {}
        epochs = {} if self.epochs is None else {"epochs": self.epochs}
        for changes in (short, epochs, parse_settings(self.settings, SETTINGS)):
            arms = {arm: _untuned(recipe, changes).but(**changes) for arm, recipe in experiment.arms.items()}
            experiment = dataclasses.replace(experiment, arms=arms)
        return experiment

    def looks(self, experiment: Experiment) -> list[int]:
        """The numbers of seeds after which the runs of an experiment are compared."""
        if self.until_decided and experiment.hypotheses:
            return sequential.planned(self.max_seeds)
        return [self.seeds or experiment.seeds]

    def changing_options(self) -> list[str]:
        """The command's options that change the declared recipes, as they are typed."""
        short = ["--budget quick"] if self.quick else []
        epochs = [] if self.epochs is None else [f"--epochs {self.epochs}"]
        return [*short, *epochs, *(f"--set {shlex.quote(setting)}" for setting in self.settings)]


def _untuned(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """The recipe with a grid only for settings that the changes leave open."""
    given = {name for name, _ in flatten(changes)}
    return recipe.but(grid={name: values for name, values in recipe.grid.items() if name not in given})
