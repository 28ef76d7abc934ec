"""Training tasks in a pool of workers, after their arms have been examined there."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console

from folklore.declare.experiment import Experiment
from folklore.storage import files, run_paths
from folklore.study import plan
from folklore.study.pool import Pool
from folklore.study.progress import Progress
from folklore.study.resources import Resources
from folklore.study.worker import Examined
from folklore.task import Task

_EXAMINING = "Building every arm's model, and measuring the fastest way to train what is new here …"


@dataclass
class Trainer:
    """A pool whose resources suit the networks that it trains.

    Attributes:
        pool: of workers.
        settle: returns the resources for networks of which the largest takes so many bytes in training.
        console: where progress is shown.
        verbose: whether every run has a line in a terminal too.
        examined: what was found of each recipe that was examined, by its identity.
    """

    pool: Pool
    settle: Callable[[int], Resources]
    console: Console
    verbose: bool = False
    examined: dict[str, Examined] = field(default_factory=dict)

    def examine(self, tasks: Sequence[Task]) -> None:
        """Examine the arms that are new among these, and give the pool the resources that the largest network needs.

        Raises:
            ProblemError: an arm cannot be trained.
        """
        while new := self._unexamined(tasks):
            if not self.console.is_terminal:  # which shows no status
                self.console.print(_EXAMINING, highlight=False, soft_wrap=True)
            with self.console.status(_EXAMINING):
                self.examined |= {arm[2]: answer for arm, answer in self.pool.examine_arms(new).items()}
            if self.pool.use(self.settle(max(found.size for found in self.examined.values()))):
                self.examined = {}  # modes are measured with the threads that they are used with

    def train(
        self,
        tasks: Sequence[Task],
        experiments: Mapping[str, Experiment],
        stored: Iterable[tuple[Task, Mapping[str, Any]]] = (),
    ) -> int:
        """Train these runs of experiments and show progress; return how many failed.

        Args:
            tasks: the runs.
            experiments: by name.
            stored: runs of their arms that ended before, with their records, which the display counts too.
        """
        if not tasks:
            return 0
        self.examine(tasks)
        used = {"workers": self.pool.resources.workers, "threads": self.pool.resources.threads}
        ready = [
            dataclasses.replace(
                task,
                choice=self.examined[task.recipe.identity()].choice,
                provenance={**task.provenance, **used},
            )
            for task in tasks
        ]
        self._keep_networks(tasks)
        failures = 0
        workers = self.pool.resources.workers
        with Progress(
            self.console, ready, experiments, workers=workers, stored=stored, verbose=self.verbose
        ) as progress:
            for task, record in self.pool.train_all(ready, progress.update):
                progress.end(task, record)
                failures += plan.is_failure(experiments[task.experiment], task, record)
        return failures

    def _keep_networks(self, tasks: Sequence[Task]) -> None:
        """Keep the diagram of each arm's network, that of its first run here, beside its runs."""
        for task in tasks:
            file = task.path.parent / run_paths.NETWORK
            drawn = self.examined[task.recipe.identity()].network
            if drawn and run_paths.tuning_point(task.path) is None and not file.exists():
                files.write_text(file, drawn)

    def _unexamined(self, tasks: Sequence[Task]) -> dict[tuple[str, ...], Task]:
        """One task for each new arm: its first seed's, by experiment, arm and the recipe's identity."""
        arms: dict[tuple[str, ...], Task] = {}
        for task in tasks:
            arms.setdefault((task.experiment, task.arm, task.recipe.identity()), task)
        return {arm: task for arm, task in arms.items() if arm[2] not in self.examined}
