"""Seconds that `compare` takes, against reading the same runs' event files with TensorBoard's own reader.

    python -m benchmarks.compare [--runs 200] [--epochs 100] [--rounds 5]

Runs are written as a study writes them, without training; then both sides, each a whole process, give every arm's mean
of the validation loss at the last epoch, in turn. It is first checked that they give the same.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console

from callbacks.event_file import EventFile
from folklore import store
from folklore.tables import table

FIGURES = ("loss", "rmse", "mae")
READER = """
import json, statistics, sys
from pathlib import Path
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util
means = {}
for arm in sorted(path for path in Path(sys.argv[1]).glob("*/*") if path.is_dir()):
    last = []
    for run in sorted(arm.glob("seed-*")):
        events = EventAccumulator(str(run / "validation"), size_guidance={"tensors": 0})
        events.Reload()
        last.append(tensor_util.make_ndarray(events.Tensors("loss")[-1].tensor_proto).item())
    means[arm.name] = statistics.mean(last)
print(json.dumps(means))
"""


def write_runs(logdir: Path, runs: int, epochs: int) -> None:
    """Two arms with `runs / 2` seeds each, three figures for train and validation in every epoch."""
    name, rng = "benchmark.compare", np.random.default_rng(0)
    recipe = {"model": "models.mlp.mlp"}
    store.write_json(
        logdir / name / "experiment.json",
        {
            "claim": "Wider is better.", "kind": "stat", "baseline": "narrow", "hypotheses": [], "may_diverge": [],
            "metric": {"name": "validation/loss", "goal": "min"}, "arms": {"narrow": recipe, "wide": recipe},
        },
    )  # fmt: skip
    data = {"name": "california_housing", "source": "real", "unit": "100,000 $", "sha256": "0"}
    for number in range(runs):
        arm, seed = ("narrow", "wide")[number % 2], number // 2
        path = store.run_path(logdir, name, arm, seed)
        curves = rng.random((epochs, 2, len(FIGURES)), dtype=np.float32).astype(float)
        for part, split in enumerate(("train", "validation")):
            file = EventFile(path / split)
            for step, values in enumerate(curves[:, part], start=1):
                file.add_scalars(dict(zip(FIGURES, values, strict=True)), step)
            file.close()
        metrics = {f"validation/{figure}": value for figure, value in zip(FIGURES, curves[-1, 1], strict=True)}
        record = {"status": "done", "identity": arm, "recipe": recipe, "data": data, "metrics": metrics}
        store.finish(path, {"experiment": name, "arm": arm, "seed": seed, **record})


def by_compare(logdir: Path) -> dict[str, float]:
    """Each arm's mean, by the command."""
    (compared,) = json.loads(_printed(["-m", "experiments", "compare", str(logdir), "--format", "json"]))
    return {arm: figures["mean"] for arm, figures in compared["arms"].items()}


def by_event_files(logdir: Path) -> dict[str, float]:
    """Each arm's mean, by TensorBoard's reader."""
    means: dict[str, float] = json.loads(_printed(["-c", READER, str(logdir)]))
    return means


def report(console: Console, logdir: Path, *, runs: int, epochs: int, rounds: int) -> None:
    """Measure both sides in turn, and print a table."""
    pairs = [(_seconds(by_event_files, logdir), _seconds(by_compare, logdir)) for _ in range(rounds)]
    ratios = [theirs / ours for theirs, ours in pairs]
    row = {
        "logs": f"{runs} runs of {epochs} epochs",
        "TensorBoard's reader": f"{statistics.median(theirs for theirs, _ in pairs):.2f} s",
        "compare": f"{statistics.median(ours for _, ours in pairs):.2f} s",
        "ratio": f"{statistics.median(ratios):.1f}",
        "from-to": f"{min(ratios):.1f}-{max(ratios):.1f}",
    }
    console.print(table([row], title=f"Seconds a comparison, medians of {rounds} interleaved pairs"))


def main(
    runs: Annotated[int, typer.Option(min=2, help="how many")] = 200,
    epochs: Annotated[int, typer.Option(min=1, help="of each")] = 100,
    rounds: Annotated[int, typer.Option(min=1, help="pairs measured")] = 5,
) -> None:
    """Write the runs, check, measure, and print a table."""
    with tempfile.TemporaryDirectory() as folder:
        logdir = Path(folder)
        write_runs(logdir, runs, epochs)
        ours, theirs = by_compare(logdir), by_event_files(logdir)
        assert ours.keys() == theirs.keys() and np.allclose(list(ours.values()), [theirs[arm] for arm in ours])
        report(Console(width=130), logdir, runs=runs, epochs=epochs, rounds=rounds)


def _printed(arguments: list[str]) -> str:
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _seconds(side: object, logdir: Path) -> float:
    begun = time.perf_counter()
    side(logdir)  # type: ignore[operator]
    return time.perf_counter() - begun


if __name__ == "__main__":
    typer.run(main)
