"""The `run` command: plan, check, train, compare."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from folklore import store, study, tables
from folklore.compare import compare
from folklore.errors import ProblemError
from folklore.layout import layout
from folklore.live import Progress
from folklore.pool import Pool
from folklore.spec import Experiment
from folklore.task import Task


def run_studies(
    found: Mapping[str, Experiment],
    console: Console,
    *,
    seeds: int | None = None,
    epochs: int | None = None,
    quick: bool = False,
    data: study.DataChoice = "auto",
    jobs: int | None = None,
    settings: Sequence[str] = (),
    logdir: Path = Path("logs"),
    fresh: bool = False,
) -> int:
    """Train what is not done yet, show how it goes and how the arms compare; return the number of failed runs.

    Raises:
        ProblemError: something that was asked for cannot be meant; nothing has been trained or written then.
    """
    changes = study.parse_settings(settings)
    studies = {name: study.prepare(e, quick=quick, epochs=epochs, changes=changes) for name, e in found.items()}
    store.check_logdir(logdir)
    runs = sum(len(experiment.arms) * (seeds or experiment.seeds) for experiment in studies.values())
    with Pool(layout(jobs, runs)) as pool:
        studies, notes = study.settle_data(studies, data, pool)
        for note in notes:
            console.print(Panel(Text(note), title="bundled data", border_style="yellow"))
        origin = study.origin()
        plans = [
            study.plan(name, experiment, seeds or experiment.seeds, logdir, origin, fresh=fresh)
            for name, experiment in studies.items()
        ]
        failures = _train(plans, pool, jobs, console, logdir, fresh)
    for plan in plans:
        try:
            console.print(tables.comparison(compare(logdir / plan.name)))
        except ProblemError as problem:  # nothing to compare, say because every run failed
            console.print(Text(str(problem)), style="yellow")
    console.print(
        Text(f"Watch: python -m experiments board {' '.join(studies)}{_option(logdir)}\n"
             f"Compare: python -m experiments compare {' '.join(studies)}{_option(logdir)}"),
        soft_wrap=True,
    )  # fmt: skip
    return failures


def _train(
    plans: Sequence[study.Plan], pool: Pool, jobs: int | None, console: Console, logdir: Path, fresh: bool
) -> int:
    experiments = {plan.name: plan.experiment for plan in plans}
    if done := sum(plan.done for plan in plans):
        console.print(f"{done} runs are done already.")
    tasks = [task for plan in plans for task in plan.tasks]
    with console.status("Building every arm's model, and measuring the fastest way to train what is new here …"):
        tasks = _checked(tasks, pool, jobs)
    for name, experiment in experiments.items():
        if fresh and (aside := store.move_aside(logdir / name)):
            console.print(Text(f"Earlier runs of {name} are now in {aside}."))
        store.write_json(logdir / name / "experiment.json", experiment.to_dict())
    failures = 0
    with Progress(console, len(tasks), {name: e.metric for name, e in experiments.items()}) as progress:
        for task, record in pool.train(tasks, progress.update):
            progress.end(task, record)
            failures += study.is_failure(experiments[task.experiment], task, record)
    return failures


def _checked(tasks: Sequence[Task], pool: Pool, jobs: int | None) -> list[Task]:
    """The tasks with the modes that were measured, by such workers as the networks' size asks for."""
    arms = {(task.experiment, task.arm): task.recipe for task in tasks}
    checked = pool.check(arms)
    if pool.change(layout(jobs, len(tasks), max((size for _, size in checked.values()), default=0))):
        checked = pool.check(arms)
    used = {"workers": pool.layout.workers, "threads": pool.layout.threads}
    return [
        dataclasses.replace(task, choice=checked[task.experiment, task.arm][0], origin={**task.origin, **used})
        for task in tasks
    ]


def _option(logdir: Path) -> str:
    return "" if logdir == Path("logs") else f" --logdir {logdir}"
