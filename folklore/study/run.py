"""The run command, step by step: settle data, preflight, tune, declare, train by looks, compare."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from folklore.declare.experiment import Experiment
from folklore.declare.recipe import Recipe
from folklore.errors import ProblemError
from folklore.evidence import ledger, statistics
from folklore.evidence.asked import asked
from folklore.evidence.compare import compare
from folklore.evidence.comparison import Comparison
from folklore.evidence.tuning_choice import point_of
from folklore.report import tables
from folklore.storage import files, run_directory
from folklore.storage.locks import exclusive, locked
from folklore.storage.run_directory import Read, Snapshot
from folklore.storage.schema import StoredExperiment, Tuned
from folklore.study import plan, tuning
from folklore.study.engines.choice import engine_of
from folklore.study.pool import Pool
from folklore.study.provenance import provenance, provenance_of
from folklore.study.request import Request
from folklore.study.resources import deterministic_ops, exported
from folklore.study.trainer import Trainer
from folklore.study.worker import checkpoint_seconds
from folklore.task import Task
from folklore.wording import count


def run_studies(experiments: Mapping[str, Experiment], console: Console, request: Request) -> int:
    """Train the runs that are not stored yet, show progress and the comparison; return the number of failed runs.

    Raises:
        ProblemError: the request is contradictory, or an experiment cannot be trained; nothing has been written then.
    """
    checkpoint_seconds()
    studies = [_Study.of(name, experiment, request) for name, experiment in experiments.items()]
    run_directory.check_logdir(request.logdir)
    say = partial(console.print, highlight=False, markup=False, soft_wrap=True)
    engine = engine_of(request.engine, request.address, request.per_worker, say, experiments.values(), request.logdir)
    settle = partial(engine.settle, request.jobs, sum(study.most_runs() for study in studies))
    operations = deterministic_ops() if request.deterministic else {}  # workers inherit them
    with exported(operations), locked(request.logdir, experiments, say), Pool(settle(), say, engine) as pool:
        statistics.import_libraries()  # on a core that is idle until the workers have imported theirs
        steps = _Steps(studies, request, console, Trainer(pool, settle, console, request.verbose))
        steps.settle_data()
        steps.preflight()
        steps.move_aside()  # from here on things are written
        steps.tune()
        steps.declare()
        steps.train_by_looks()
    steps.compare()
    return steps.failures


@dataclass
class _Study:
    """One experiment on its way through the steps.

    Attributes:
        name: of the experiment.
        declared: the experiment as its file declares it.
        experiment: as it is trained: changed by the request, later on the settled data.
        looks: the numbers of seeds after which its runs are compared.
        unit: of the data that it declares, which the stand-in's may differ from.
        request: the options of the command.
        provenance: of its runs.
        searches: the tuning runs that remain.
        facts: of its check.
        tuned: how each arm with a grid was tuned.
    """

    name: str
    declared: Experiment
    experiment: Experiment
    looks: list[int]
    unit: str | None
    request: Request
    provenance: dict[str, Any] = field(default_factory=dict)
    searches: list[Task] = field(default_factory=list)
    facts: list[dict[str, Any]] | None = None
    tuned: dict[str, Tuned] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, experiment: Experiment, request: Request) -> _Study:
        unit = experiment.data.unit if experiment.arms else None
        return cls(name, experiment, request.apply(experiment), request.looks(experiment), unit, request)

    def most_runs(self) -> int:
        """How many runs there are at most: those of tuning, and each arm's with every seed."""
        points = sum(len(list(recipe.points())) for recipe in self.experiment.arms.values())
        return points * len(tuning.SEEDS) + len(self.experiment.arms) * self.looks[-1]

    @property
    def path(self) -> Path:
        """Its directory."""
        return self.request.logdir / self.name

    def runs(self, seeds: int, arms: Iterable[str]) -> list[Task]:
        """The runs of the comparison, stored or not: these arms with so many seeds."""
        recipes = {arm: self.experiment.arms[arm] for arm in arms}
        # A run carries the ledger's last entry: what was asked, and every look, before it was trained.
        provenance = self.provenance | {"asked": ledger.head(self.path)}
        tasks = plan.tasks_of(self.name, recipes, seeds, self.request.logdir, provenance)
        return [dataclasses.replace(task, recipe=self.recipe(task.arm, task.seed)) for task in tasks]

    def recipe(self, arm: str, seed: int) -> Recipe:
        """The recipe of an arm, at the point of its grid that is best for this seed."""
        recipe = self.experiment.arms[arm]
        return recipe.at(point_of(self.tuned[arm], seed)) if arm in self.tuned else recipe

    def lost(self, read: Read) -> list[Task]:
        """The runs that were there once, or have later seeds beside them: without them there is no verdict."""
        declared = run_directory.read_experiment(self.path)
        if not isinstance(declared, StoredExperiment):
            return []
        seen = dict.fromkeys(self.experiment.arms, 0)
        for run in run_directory.runs(self.path, read):
            if run.arm in seen and run.done:
                seen[run.arm] = max(seen[run.arm], run.seed + 1)
        for place, hypothesis in enumerate(asked(declared)):
            for arm in hypothesis.needed:
                seen[arm] = max(seen[arm], ledger.most_seen(declared, place))
        return [task for arm, most in seen.items() for task in self.runs(most, [arm])]

    def declaration(self) -> dict[str, Any]:
        """What experiment.json holds, without its ledger; tuned arms at the best point over all tuning seeds."""
        tuned = {arm: self.experiment.arms[arm].at(tuned.best or {}) for arm, tuned in self.tuned.items()}
        arms = {**self.experiment.arms, **tuned}
        return dataclasses.replace(self.experiment, arms=arms).to_dict() | {
            "unit": self.unit,
            "options": self.request.changing_options(),
            "tuning": {arm: tuned.to_dict() for arm, tuned in self.tuned.items()} or None,
            "facts": self.facts,
        }

    def look(self) -> Comparison:
        """Compare its runs as they are, and record that verdicts were read.

        Raises:
            ProblemError: there is nothing to compare.
        """
        return ledger.record_look(self.path, compare(self.path))

    def open_arms(self) -> list[str]:
        """The arms that hypotheses are about whose verdict or size is open."""
        try:
            hypotheses = self.look().hypotheses
        except ProblemError:  # no run came to an end: more will not help
            return []
        found = [h for h in hypotheses if h.size != "settled" and not h.withheld]
        arms = [[*(h.arm if isinstance(h.arm, list) else [h.arm]), h.against, *(h.more_than or ())] for h in found]
        return [arm for arm in dict.fromkeys(chain(*arms)) if isinstance(arm, str)]


@dataclass
class _Steps:
    """The steps, in the order in which they are taken."""

    studies: Sequence[_Study]
    request: Request
    console: Console
    trainer: Trainer
    failures: int = 0
    moved: bool = False  # whether earlier runs are out of the way
    read: Read = field(
        default_factory=Snapshot
    )  # of the runs to compare, none of which is trained before the first look

    def settle_data(self) -> None:
        """Give every experiment the data that the request and this machine allow."""
        declared = {study.name: study.declared for study in self.studies}
        settled, notes = plan.settle_data(declared, self.request.data, self.trainer.pool, self.request.apply)
        for note in notes:
            self.console.print(Panel(Text(note), title="bundled data", border_style="yellow"))
        common = provenance() | {"deterministic": self.request.deterministic}
        for study in self.studies:
            study.experiment = settled[study.name]
            study.provenance = provenance_of(study.experiment, common)

    def preflight(self) -> None:
        """Find what cannot be done, before anything is written: look at stored runs, facts, data and models."""
        first: list[Task] = []
        for study in self.studies:
            study.searches = tuning.tasks(
                study.name, study.experiment, self.request.logdir, study.provenance, fresh=self.request.fresh
            )
            plan.refuse_missing_starts(study.searches, self.request.logdir)
            untuned = [arm for arm, recipe in study.experiment.arms.items() if not recipe.grid]
            first += [*study.searches, *self._remaining(study.runs(study.looks[0], untuned))]
        for study in self.studies:
            if study.experiment.check:
                study.facts = self.trainer.pool.compute_facts(study.name, study.experiment.check)
        self.trainer.examine(first)

    def move_aside(self) -> None:
        """Move earlier runs out of the way, if the request says so."""
        for study in self.studies if self.request.fresh else ():
            if aside := run_directory.move_aside(self.request.logdir / study.name):
                self.console.print(Text(f"Earlier runs of {study.name} are now in {aside}."))
        self.moved, self.read = True, Snapshot()

    def tune(self) -> None:
        """Search every arm's grid, and give the arm its best point."""
        # A grid reaches to where training diverges: that is not a failure here.
        experiments = {study.name: study.experiment for study in self.studies}
        tolerant = {name: dataclasses.replace(e, may_diverge=tuple(e.arms)) for name, e in experiments.items()}
        self.failures += self.trainer.train([*chain(*(study.searches for study in self.studies))], tolerant)
        for study in self.studies:
            study.tuned = tuning.tuned(study.name, study.experiment, self.request.logdir)
        for study in self.studies:  # refuses other recipes before anything is written over
            self._remaining(study.runs(study.looks[0], study.experiment.arms))

    def declare(self) -> None:
        """Write every experiment down, with its arms tuned."""
        for study in self.studies:
            study.path.mkdir(parents=True, exist_ok=True)
            with exclusive(study.path):
                record, before = study.declaration(), run_directory.read_experiment(study.path)
                if study.experiment.arms:
                    before = before if isinstance(before, StoredExperiment) else None
                    ended = sum(run.done for run in run_directory.runs(study.path, self.read))
                    commit = study.provenance.get("code", {}).get("commit")
                    end = ledger.planned_end(before, study.looks[-1])
                    record |= {"end": end, "ledger": ledger.asked(before, record, ended, commit, end)}
                files.write_json(study.path / "experiment.json", record)

    def train_by_looks(self) -> None:
        """Train the runs up to each look; after the first, only those of arms whose hypotheses are undecided."""
        experiments = {study.name: study.experiment for study in self.studies}
        for look in range(max((len(study.looks) for study in self.studies), default=0)):
            wanted = [
                task
                for study in self.studies
                if look < len(study.looks)
                for task in study.runs(study.looks[look], study.experiment.arms if look == 0 else study.open_arms())
            ]
            lost = [task for study in self.studies for task in study.lost(self.read)] if look == 0 else []
            left = self._remaining(list({task.path: task for task in (*wanted, *lost)}.values()))
            if look == 0 and (done := len(wanted) - len(self._remaining(wanted))):
                other = plan.made_by_other_code(wanted, self.read)
                how = f", {len(other)} of them by other code than that of now; --fresh trains all anew" if other else ""
                self.console.print(f"{count(done, 'run')} already done{how}.", highlight=False, soft_wrap=True)
            if look == 0 and left:
                self._print_command("Watch", "board")
            stored = [(task, record) for task in wanted if left and (record := self.read(task.path).ended)]
            self.read = Snapshot()
            self.failures += self.trainer.train(left, experiments, [(task, one.to_dict()) for task, one in stored])

    def compare(self) -> None:
        """Show how the arms compare, then what was found, and the commands to look further."""
        looked = []
        for study in self.studies:
            try:
                looked.append(study.look())
                self.console.print(tables.arms(looked[-1]))
            except ProblemError as problem:  # nothing to compare, for example because every run failed
                self.console.print(Text(str(problem)), style="yellow")
        for compared in looked:
            self.console.print(tables.findings(compared, run_directory.logdir_option(self.request.logdir)))
        self._print_command("Evidence", "compare")
        self._print_command("Pages", "report")

    def _print_command(self, use: str, command: str) -> None:
        names = " ".join(study.name for study in self.studies)
        where = run_directory.logdir_option(self.request.logdir)
        self.console.print(Text(f"{use}: python -m experiments {command} {names}{where}"), soft_wrap=True)

    def _remaining(self, runs: Sequence[Task]) -> list[Task]:
        """The runs that are to be trained. Earlier runs that --fresh will move aside do not count.

        Raises:
            ProblemError: one has another recipe than the run that is stored in its place, or starts from a missing run.
        """
        left = list(runs)
        if self.moved or not self.request.fresh:
            plan.refuse_other_recipes(runs, self.read)
            left = plan.remaining(runs, self.read)
        plan.refuse_missing_starts(left, self.request.logdir)
        return left
