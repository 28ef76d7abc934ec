"""Seconds that the driver needs for many runs: to plan them, to list them, and to compare them.

    python -m benchmarks.scale [--runs 10000]

A tenth of the runs and all of them are written without training, from one that is trained for each arm; then the steps
of `run` that come before training are taken, with nothing and with everything stored, and the commands `list` and
`compare` are given. The files have been read once before, so the disk is warm.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated, Any
from unittest import mock

import numpy as np
import typer
from rich.console import Console

import data
from folklore import Experiment, Hypothesis, Metric, Recipe
from folklore.report.tables import table
from folklore.storage import row_outcomes, run_directory
from folklore.storage.row_outcomes import RowOutcomes
from folklore.study import run as study_run
from folklore.study.request import Request
from models import mlp

ARMS = 20
_TINY = Recipe(model=mlp, params=dict(widths=(4,)), data=data.diabetes, epochs=20, mode="graph", patience=None)
NAME = "scale.widths"


def study(seeds: int) -> Experiment:
    """Twenty arms with so many seeds, and two hypotheses."""
    return Experiment(
        claim="Wider is better.",
        arms={f"width {4 + n}": _TINY.but(params=dict(widths=(4 + n,))) for n in range(ARMS)},
        baseline="width 4",
        metric=Metric("test/rmse", goal="min"),
        hypothesis=(Hypothesis("width 23", "better", by=1.0), Hypothesis("width 12", "no difference", by=1.0)),
        seeds=seeds,
    )


class Nothing:
    """In place of a trainer: takes the tasks, and trains none."""

    pool = None

    def examine(self, tasks: Sequence[Any]) -> None:
        """Build nothing."""

    def train(self, tasks: Sequence[Any], *_: Any) -> int:
        """Train nothing."""
        return 0


def write_store(logdir: Path, seeds: int) -> None:
    """A trained run of each arm, and copies of it with other seeds and other errors on the test part."""
    with redirect_stdout(io.StringIO()):
        study_run.run_studies({NAME: study(1)}, Console(file=io.StringIO()), Request(logdir=logdir, data="bundled"))
    rng = np.random.default_rng(0)
    with mock.patch("callbacks.files._sync"):  # what is written here, a crash may lose
        for run in list(run_directory.runs(logdir / NAME)):
            record = json.loads((run.path / "run.json").read_text())
            history = run_directory.read_history(run.path)
            rows = [dict(zip(history, values, strict=True)) for values in zip(*history.values(), strict=True)]
            for seed in range(1, seeds):
                path = run.path.with_name(f"seed-{seed}")
                error = rng.normal(size=89).astype(np.float32)
                drawn = np.random.default_rng(seed).choice(442, 89, replace=False)
                row_outcomes.write(path, RowOutcomes(drawn, error=error, unit=70.0))
                rmse = float(np.sqrt(np.mean(error.astype(np.float64) ** 2)))
                metrics = record["metrics"] | {"test/rmse": 70.0 * rmse, "test/loss": rmse**2}
                run_directory.write_history(path, rows)
                run_directory.finish(path, record | {"seed": seed, "metrics": metrics})


def plan(logdir: Path, seeds: int) -> None:
    """What `run` does before training."""
    request = Request(logdir=logdir, data="bundled", seeds=seeds)
    one = study_run._Study.of(NAME, study(seeds), request)
    steps = study_run._Steps([one], request, Console(file=io.StringIO()), Nothing())  # type: ignore[arg-type]
    steps.settle_data()
    steps.preflight()
    steps.declare()
    steps.train_by_looks()


def timed(call: Callable[[], object]) -> float:
    """Its seconds."""
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def command(*given: str) -> None:
    """Give a command of the suite."""
    subprocess.run([sys.executable, "-m", "experiments", *given], check=True, stdout=subprocess.DEVNULL)


def main(runs: Annotated[int, typer.Option(help="that are planned and compared")] = 10_000) -> None:
    """Print the seconds."""
    rows = []
    for number in (runs // 10, runs):
        seeds = number // ARMS
        with tempfile.TemporaryDirectory() as folder:
            logdir = Path(folder, "logs")
            empty = timed(lambda at=Path(folder, "empty"), n=seeds: plan(at, n))  # type: ignore[misc]
            write_store(logdir, seeds)
            timed(lambda at=logdir, n=seeds: plan(at, n))  # type: ignore[misc]
            rows.append(
                {
                    "runs": str(number),
                    "planned, none stored": f"{empty:.2f} s",
                    "planned, all stored": f"{timed(lambda at=logdir, n=seeds: plan(at, n)):.2f} s",  # type: ignore[misc]
                    "list": f"{timed(lambda at=logdir: command('list', '--logdir', str(at))):.2f} s",  # type: ignore[misc]
                    "compare": f"{timed(lambda at=logdir: command('compare', '--logdir', str(at))):.2f} s",  # type: ignore[misc]
                }
            )
    Console().print(table(rows))


if __name__ == "__main__":
    typer.run(main)
