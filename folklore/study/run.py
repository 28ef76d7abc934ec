"""The `run` command: plan, check, tune, train, compare."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from folklore.declare.experiment import Experiment
from folklore.declare.recipe import SETTINGS
from folklore.declare.settings import parse_settings
from folklore.errors import ProblemError
from folklore.evidence import sequential
from folklore.evidence.compare import compare
from folklore.report import formatting, tables
from folklore.storage import files, run_directory
from folklore.storage.locks import locked
from folklore.study import plan, provenance, tuning
from folklore.study.pool import Pool
from folklore.study.progress import Progress
from folklore.study.resources import deterministic_ops, exported, layout
from folklore.study.worker import checkpoint_seconds
from folklore.task import Task


def run_studies(
    found: Mapping[str, Experiment],
    console: Console,
    *,
    seeds: int | None = None,
    epochs: int | None = None,
    quick: bool = False,
    data: plan.DataChoice = "auto",
    jobs: int | None = None,
    settings: Sequence[str] = (),
    logdir: Path = Path("logs"),
    fresh: bool = False,
    until_decided: bool = False,
    max_seeds: int = sequential.LOOKS[-1],
    deterministic: bool = False,
) -> int:
    """Train what is not done yet, show how it goes and how the arms compare; return the number of failed runs.

    Raises:
        ProblemError: something that was asked for cannot be meant; nothing has been trained or written then.
    """
    checkpoint_seconds()
    changes = parse_settings(settings, SETTINGS)
    studies = {name: plan.prepare(e, quick=quick, epochs=epochs, changes=changes) for name, e in found.items()}
    units = {name: experiment.data.unit for name, experiment in studies.items() if experiment.arms}
    stages = {
        name: sequential.planned(max_seeds) if until_decided and experiment.hypotheses else [seeds or experiment.seeds]
        for name, experiment in studies.items()
    }
    run_directory.check_logdir(logdir)
    runs = sum(len(experiment.arms) * stages[name][0] for name, experiment in studies.items())
    say = partial(console.print, highlight=False, markup=False, soft_wrap=True)
    ops = deterministic_ops() if deterministic else {}  # workers inherit them
    with exported(ops), locked(logdir, studies, say), Pool(layout(jobs, runs), say) as pool:
        studies, notes = plan.settle_data(studies, data, pool)
        for note in notes:
            console.print(Panel(Text(note), title="bundled data", border_style="yellow"))
        options = plan.options(quick, epochs, settings)
        common = provenance.origin() | {"deterministic": deterministic}
        origins = {name: provenance.origin_of(experiment, common) for name, experiment in studies.items()}
        failures = _Runner(pool, jobs, console, logdir, units, options, origins).run(studies, stages, fresh=fresh)
    for name in studies:
        try:
            console.print(tables.comparison(compare(logdir / name)))
        except ProblemError as problem:  # nothing to compare, say because every run failed
            console.print(Text(str(problem)), style="yellow")
    console.print(
        Text(f"Watch: python -m experiments board {' '.join(studies)}{run_directory.logdir_option(logdir)}\n"
             f"Compare: python -m experiments compare {' '.join(studies)}{run_directory.logdir_option(logdir)}"),
        soft_wrap=True,
    )  # fmt: skip
    return failures


@dataclass
class _Runner:
    """What all stages of a run share."""

    pool: Pool
    jobs: int | None
    console: Console
    logdir: Path
    units: Mapping[str, str]  # of the data that each experiment declares
    options: Sequence[str]
    origins: Mapping[str, dict[str, Any]]  # of each experiment's runs
    checked: dict[str, tuple[dict[str, Any], int]] = field(default_factory=dict)  # by a recipe's identity
    most: int = 0  # runs, at most
    ends: dict[str, int] = field(default_factory=dict)  # seeds at the last look

    def run(self, studies: Mapping[str, Experiment], stages: Mapping[str, Sequence[int]], *, fresh: bool) -> int:
        """Tune, then train stage by stage, while hypotheses are open; return how many runs failed."""
        searches = [
            task for n, e in studies.items() for task in tuning.tasks(n, e, self.logdir, self.origins[n], fresh=fresh)
        ]
        known = {name: [arm for arm, recipe in e.arms.items() if not recipe.grid] for name, e in studies.items()}
        plans = [self._plan(name, e, stages[name][0], known[name], fresh=fresh) for name, e in studies.items()]
        facts = {name: self.pool.facts(name, e.check) for name, e in studies.items() if e.check}
        first = [*searches, *(task for plan in plans for task in plan.tasks)]
        self.most = max(len(first), *(len(e.arms) * stages[n][-1] for n, e in studies.items() if len(stages[n]) > 1), 0)
        self._ready(first)
        # From here on things are written.
        for name in studies if fresh else ():
            if aside := run_directory.move_aside(self.logdir / name):
                self.console.print(Text(f"Earlier runs of {name} are now in {aside}."))
        self.ends = {name: planned[-1] for name, planned in stages.items()}
        bold = {name: dataclasses.replace(e, may_diverge=tuple(e.arms)) for name, e in studies.items()}
        failures = self._train(searches, bold)  # a grid goes to where training diverges
        settled = {name: tuning.tuned(name, e, self.logdir) for name, e in studies.items()}
        studies = {name: experiment for name, (experiment, _) in settled.items()}
        for name, e in studies.items():
            self._plan(name, e, stages[name][0], list(e.arms))  # refuses other recipes before anything is written over
        for name, (experiment, searched) in settled.items():
            self._declare(name, experiment, searched, facts.get(name))
        for stage in range(max(map(len, stages.values()), default=0)):
            plans = [
                self._plan(name, e, stages[name][stage], list(e.arms) if stage == 0 else self._open(name))
                for name, e in studies.items()
                if stage < len(stages[name])
            ]
            if stage == 0 and (done := sum(plan.done for plan in plans)):
                self.console.print(f"{formatting.count(done, 'run')} already done.")
            failures += self._train([task for plan in plans for task in plan.tasks], studies)
        return failures

    def _plan(self, name: str, e: Experiment, seeds: int, arms: Sequence[str], *, fresh: bool = False) -> plan.Plan:
        return plan.plan(name, {arm: e.arms[arm] for arm in arms}, seeds, self.logdir, self.origins[name], fresh=fresh)

    def _declare(
        self, name: str, experiment: Experiment, searched: dict[str, Any], facts: list[dict[str, Any]] | None
    ) -> None:
        """Write the experiment down, with its arms tuned."""
        record = {"unit": self.units.get(name), "options": self.options, "tuning": searched or None, "facts": facts}
        files.write_json(self.logdir / name / "experiment.json", experiment.to_dict() | record | self._plan_end(name))

    def _plan_end(self, name: str) -> dict[str, int | None]:
        """How many seeds the plan ends with, and with how many it did when looks were first taken."""
        before = run_directory.read_experiment(self.logdir / name) or {}
        end, was = max(self.ends[name], sequential.LOOKS[-1]), before.get("end")
        if was is None or was >= end:
            return {"end": max(end, was or 0), "extended_from": before.get("extended_from")}
        return {"end": end, "extended_from": before.get("extended_from") or was}

    def _open(self, name: str) -> list[str]:
        """The arms that hypotheses without a verdict are about."""
        try:
            hypotheses = compare(self.logdir / name)["hypotheses"]
        except ProblemError:  # no run came to an end: more will not help
            return []
        found = [h for h in hypotheses if h["verdict"] == "undecided" and not h["withheld"]]
        arms = [h["arm"] if isinstance(h["arm"], list) else [h["arm"], h["against"]] for h in found]
        return [arm for arm in dict.fromkeys(chain(*arms)) if isinstance(arm, str)]

    def _train(self, tasks: Sequence[Task], experiments: Mapping[str, Experiment]) -> int:
        failures = 0
        metrics = {name: e.metric for name, e in experiments.items() if e.arms}
        with Progress(self.console, len(tasks), metrics) as progress:
            for task, record in self.pool.train(self._ready(tasks), progress.update):
                progress.end(task, record)
                failures += plan.is_failure(experiments[task.experiment], task, record)
        return failures

    def _ready(self, tasks: Sequence[Task]) -> list[Task]:
        """The tasks with the modes that were measured, and the pool with workers as the networks' size asks for."""
        if self._check(tasks):
            sizes = [size for _, size in self.checked.values()]
            if self.pool.change(layout(self.jobs, self.most, max(sizes))):
                self.checked = {}  # modes are measured with the threads that they are used with
                self._check(tasks)
        used = {"workers": self.pool.layout.workers, "threads": self.pool.layout.threads}
        return [
            dataclasses.replace(task, choice=self.checked[task.recipe.identity()][0], origin={**task.origin, **used})
            for task in tasks
        ]

    def _check(self, tasks: Sequence[Task]) -> bool:
        """Look at the recipes that are new; whether there were any."""
        arms: dict[tuple[str, ...], Task] = {}
        for task in tasks:  # the first seed's stands for an arm
            arms.setdefault((task.experiment, task.arm, task.recipe.identity()), task)
        new = {arm: task for arm, task in arms.items() if arm[2] not in self.checked}
        if new:
            text = "Building every arm's model, and measuring the fastest way to train what is new here …"
            if not self.console.is_terminal:  # which shows no status
                self.console.print(text, highlight=False, soft_wrap=True)
            with self.console.status(text):
                self.checked |= {arm[2]: answer for arm, answer in self.pool.check(new).items()}
        return bool(new)
