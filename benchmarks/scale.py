"""Seconds that the driver needs for many runs: to plan them, to hand them out, to list them, and to compare them.

    python -m benchmarks.scale [--runs 10000]

A tenth of the runs and all of them, as one experiment with many seeds and as fifty experiments, are written without
training, from one that is trained for each arm; then the steps of `run` that come before training are taken, with
nothing and with everything stored, and the commands `list` and `compare` are given. The runs are also handed out to
simulated workers that have done each at once, with the real pool and display. The files have been read once before, so
the disk is warm.
"""

from __future__ import annotations

import dataclasses
import io
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from unittest import mock

import numpy as np
import typer
from rich.console import Console

import data
from folklore import Experiment, Hypothesis, Metric, Recipe
from folklore.report.tables import table
from folklore.storage import row_outcomes, run_directory, run_paths
from folklore.storage.row_outcomes import RowOutcomes
from folklore.study import plan
from folklore.study import run as study_run
from folklore.study.engines.local import Local
from folklore.study.engines.near_end import NearEnd
from folklore.study.pool import Pool
from folklore.study.progress import Progress
from folklore.study.request import Request
from folklore.study.resources import Resources
from models import mlp

WORKERS = 500
_TINY = Recipe(model=mlp, params=dict(widths=(4,)), data=data.diabetes, epochs=20, mode="graph", patience=None)


@dataclass(frozen=True)
class Shape:
    """So many experiments, each of so many arms."""

    experiments: int
    arms: int

    def studies(self, runs: int) -> dict[str, Experiment]:
        """Experiments about widths by name, with so many runs in all, and two hypotheses each."""
        seeds = max(1, runs // (self.experiments * self.arms))
        widths = [4 + n for n in range(self.arms)]
        study = Experiment(
            claim="Wider is better.",
            arms={f"width {width}": _TINY.but(params=dict(widths=(width,))) for width in widths},
            baseline="width 4",
            metric=Metric("test/rmse", goal="min"),
            hypothesis=(
                Hypothesis(f"width {widths[-1]}", "better", by=1.0),
                Hypothesis(f"width {widths[1]}", "no difference", by=1.0),
            ),
            seeds=seeds,
        )
        return {f"scale.widths_{n}": study for n in range(self.experiments)}


SHAPES = (Shape(1, 20), Shape(50, 10))


class Nothing:
    """In place of a trainer: takes the tasks, and trains none."""

    pool = None

    def examine(self, tasks: Sequence[Any]) -> None:
        """Build nothing."""

    def train(self, tasks: Sequence[Any], *_: Any) -> int:
        """Train nothing."""
        return 0


class AtOnce(NearEnd):
    """A worker that has done each run when it is asked."""

    def is_alive(self) -> bool:
        """Always."""
        return True

    def ask_to_stop(self) -> None:
        """Nothing is under way."""

    def end(self, *, kill: bool = False) -> None:
        """Nothing to end."""

    def _send(self, message: bytes) -> None:
        """The job is done."""

    def _receive(self) -> tuple[str, Any, int]:
        seconds = {"build": 0.0, "total": 1.0}
        value = self.job.tag.seed % 7 + 0.1
        return "done", {"status": "done", "metrics": {"test/rmse": value}, "seconds": seconds}, 0


class Waits(Local):
    """An engine of such workers, of which one ends at a time: the pool looks at all of them for each run."""

    def prepare(self, resources: Resources) -> None:
        """Import nothing."""

    def start(self, number: int, resources: Resources) -> Any:
        """A simulated worker."""
        return AtOnce(number)

    def wait(self, workers: Sequence[Any]) -> list[Any]:
        """The first of them."""
        return list(workers[:1])


def hand_out(studies: dict[str, Experiment], logdir: Path) -> None:
    """Give every run to a worker, and show its end."""
    tasks = [task for name, one in studies.items() for task in plan.tasks_of(name, one.arms, one.seeds, logdir, {})]
    console = Console(file=io.StringIO(), force_terminal=True, width=120, height=50)
    with (
        Pool(Resources(WORKERS, 1), engine=Waits()) as pool,
        Progress(console, tasks, studies, workers=WORKERS) as shown,
    ):
        for task, record in pool.train_all(tasks, shown.update):
            shown.end(task, record)


def write_store(logdir: Path, studies: dict[str, Experiment]) -> None:
    """A trained run of each arm, and copies of it with other seeds and other errors on the test part."""
    first = next(iter(studies))
    once = {first: dataclasses.replace(studies[first], seeds=1)}
    with redirect_stdout(io.StringIO()):
        study_run.run_studies(once, Console(file=io.StringIO()), Request(logdir=logdir, data="bundled"))
    rng = np.random.default_rng(0)
    with mock.patch("callbacks.files._sync"):  # what is written here, a crash may lose
        for run in list(run_directory.runs(logdir / first)):
            record = json.loads((run.path / "run.json").read_text())
            history = run_directory.read_history(run.path)
            rows = [dict(zip(history, values, strict=True)) for values in zip(*history.values(), strict=True)]
            for name in studies:
                for seed in range(name == first, studies[name].seeds):
                    path = run_paths.run_path(logdir, name, run.arm, seed)
                    error = rng.normal(size=89).astype(np.float32)
                    drawn = np.random.default_rng(seed).choice(442, 89, replace=False)
                    row_outcomes.write(path, RowOutcomes(drawn, error=error, unit=70.0))
                    rmse = float(np.sqrt(np.mean(error.astype(np.float64) ** 2)))
                    metrics = record["metrics"] | {"test/rmse": 70.0 * rmse, "test/loss": rmse**2}
                    run_directory.write_history(path, rows)
                    run_directory.finish(path, record | {"experiment": name, "seed": seed, "metrics": metrics})


def plan_all(logdir: Path, studies: dict[str, Experiment]) -> None:
    """What `run` does before training."""
    request = Request(logdir=logdir, data="bundled")
    each = [study_run._Study.of(name, study, request) for name, study in studies.items()]
    steps = study_run._Steps(each, request, Console(file=io.StringIO()), Nothing())  # type: ignore[arg-type]
    steps.settle_data()
    steps.preflight()
    steps.declare()
    steps.train_by_looks()


def timed(call: Callable[[], object]) -> str:
    """Its seconds."""
    begun = time.perf_counter()
    call()
    return f"{time.perf_counter() - begun:.2f} s"


def command(*given: str) -> None:
    """Give a command of the suite."""
    subprocess.run([sys.executable, "-m", "experiments", *given], check=True, stdout=subprocess.DEVNULL)


def main(runs: Annotated[int, typer.Option(help="that are planned and compared")] = 10_000) -> None:
    """Print the seconds."""
    rows = []
    for shape, number in itertools.product(SHAPES, (runs // 10, runs)):
        with tempfile.TemporaryDirectory() as folder:
            logdir, empty = Path(folder, "logs"), Path(folder, "empty")
            studies = shape.studies(number)
            seeds = max(study.seeds for study in studies.values())
            row = {
                "experiments × arms × seeds": f"{shape.experiments} × {shape.arms} × {seeds}",
                "planned, none stored": timed(partial(plan_all, empty, studies)),
                "handed out": timed(partial(hand_out, studies, empty)),
            }
            write_store(logdir, studies)
            plan_all(logdir, studies)
            row["planned, all stored"] = timed(partial(plan_all, logdir, studies))
            for name in ("list", "compare"):
                row[name] = timed(partial(command, name, "--logdir", str(logdir)))
            rows.append(row)
    Console().print(table(rows))


if __name__ == "__main__":
    typer.run(main)
