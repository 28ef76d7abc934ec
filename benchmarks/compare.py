"""Seconds that comparing takes: of our own store, and of logs that others wrote.

    python -m benchmarks.compare [--rounds 5]

Runs are written without training. On our own store, the whole command is timed: by the declared metric of the test
part, which reads the 4,128 test rows of every run and judges two hypotheses; by a metric that run.json holds; and by
one that needs every history. On logs of others, only reading is timed, in one process and in turn, against
TensorBoard's own reader and, if it is installed, tbparse. First it is checked that all of them read the same values.
"""

from __future__ import annotations

import importlib.util
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

from callbacks.event_file import EventFile
from folklore.evidence.logs import tensorboard_logs
from folklore.report.tables import table
from folklore.storage import files, row_outcomes, run_directory, run_paths
from folklore.storage.row_outcomes import RowOutcomes

METRICS = ("loss", "rmse", "mae")
TAGS = ("loss", "accuracy", "val_loss", "val_accuracy")
Read = dict[tuple[str, str], list[float]]  # (run, tag) to values
SCALARS = "test/rmse", "validation/loss", "best validation/loss"
TEST_ROWS, ALL_ROWS = 4_128, 20_640  # of California housing


def write_store(logdir: Path, runs: int, epochs: int) -> None:
    """Two arms with `runs / 2` seeds each; three metrics of train and validation in every epoch."""
    name, rng = "benchmark.compare", np.random.default_rng(0)
    recipe = {"model": "models.mlp.mlp"}
    files.write_json(
        logdir / name / "experiment.json",
        {
            "claim": "Wider is better.", "kind": "stat", "baseline": "narrow", "may_diverge": [],
            "hypotheses": [
                {"arm": "wide", "direction": "better", "by": 0.1},
                {"arm": "wide", "direction": "no difference", "by": 0.1},
            ],
            "metric": {"name": "test/rmse", "goal": "min"}, "arms": {"narrow": recipe, "wide": recipe},
        },
    )  # fmt: skip
    data = {"name": "california_housing", "source": "real", "unit": "100,000 $", "sha256": "0"}
    columns = [f"{split}/{metric}" for split in ("train", "validation") for metric in METRICS]
    for number in range(runs):
        arm, seed = ("narrow", "wide")[number % 2], number // 2
        path = run_paths.run_path(logdir, name, arm, seed)
        curves = rng.random((epochs, len(columns)))
        rows = [dict(zip(columns, map(float, values), strict=True)) for values in curves]
        run_directory.write_history(path, [{"epoch": i + 1, "seconds": 0.1 * i} | row for i, row in enumerate(rows)])
        error = rng.normal(size=TEST_ROWS).astype(np.float32)
        drawn = np.random.default_rng(seed).choice(ALL_ROWS, TEST_ROWS, replace=False)  # the seed splits the set
        row_outcomes.write(path, RowOutcomes(drawn, error=error, unit=1.0))
        metrics = rows[-1] | {"test/rmse": float(np.sqrt(np.mean(error**2)))}
        record = {"status": "done", "identity": arm, "recipe": recipe, "data": data, "metrics": metrics}
        run_directory.finish(path, {"experiment": name, "arm": arm, "seed": seed, "selected_epoch": epochs, **record})


def write_events(logdir: Path, runs: int, steps: int) -> None:
    """Event files as others write them: four arms, four tags, an event for each scalar."""
    rng = np.random.default_rng(0)
    for number in range(runs):
        file = EventFile(logdir / f"arm-{number % 4}" / f"seed-{number // 4}")
        for step, values in enumerate(rng.random((steps, len(TAGS)), dtype=np.float32).tolist()):
            for tag, value in zip(TAGS, values, strict=True):
                file.add_scalars({tag: value}, step)
        file.close()


def by_folklore(logdir: Path) -> Read:
    """Every value, by our reader."""
    runs, _ = tensorboard_logs.logged_runs(logdir)
    return {(f"{run.arm}/seed-{run.seed}", tag): list(values) for run in runs for tag, values in run.tags.items()}


def by_tensorboard(logdir: Path) -> Read:
    """Every value, by TensorBoard's reader."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    found: Read = {}
    for path in sorted(logdir.glob("*/*")):
        events = EventAccumulator(str(path), size_guidance={"tensors": 0})
        events.Reload()
        for tag in TAGS:
            values = [make_ndarray(event.tensor_proto).item() for event in events.Tensors(tag)]
            found[path.relative_to(logdir).as_posix(), tag] = values
    return found


def by_tbparse(logdir: Path) -> Read:
    """Every value, by tbparse."""
    from tbparse import SummaryReader

    frame = SummaryReader(str(logdir), extra_columns={"dir_name"}).tensors
    return {key: [float(v) for v in group["value"]] for key, group in frame.groupby(["dir_name", "tag"])}


PEERS: dict[str, Callable[[Path], Read]] = {"TensorBoard's reader": by_tensorboard, "tbparse": by_tbparse}


def measure_store(logdir: Path, rounds: int) -> dict[str, str]:
    """Seconds of the whole command, by metric."""
    command = [sys.executable, "-m", "experiments", "compare", str(logdir), "--format", "json", "--metric"]
    return {
        metric: f"{statistics.median(_seconds(_call, [*command, metric]) for _ in range(rounds)):.2f} s"
        for metric in SCALARS
    }


def measure_events(logdir: Path, rounds: int) -> dict[str, str]:
    """Seconds of reading, ours and the peers', in turn; and how many times as long theirs take."""
    ours = by_folklore(logdir)
    cells: dict[str, str] = {}
    for name, peer in PEERS.items():
        if name != "tbparse" or importlib.util.find_spec("tbparse"):
            check(ours, peer(logdir), name)
            pairs = [(_seconds(peer, logdir), _seconds(by_folklore, logdir)) for _ in range(rounds)]
            theirs, mine = (statistics.median(times) for times in zip(*pairs, strict=True))
            ratio = statistics.median(one / other for one, other in pairs)
            cells |= {name: f"{theirs:.2f} s", "ours": f"{mine:.2f} s", f"{name}: ratio": f"{ratio:.1f}"}
    return cells


def check(ours: Read, theirs: Read, name: str) -> None:
    """Stop where a peer reads something else."""
    if ours.keys() != theirs.keys() or any(not np.array_equal(ours[key], theirs[key]) for key in ours):
        raise SystemExit(f"{name} reads other values, so nothing is timed.")


def main(
    runs: Annotated[int, typer.Option(min=2, help="in our store, of 100 epochs")] = 1_000,
    logs: Annotated[int, typer.Option(min=4, help="runs of others, of 100 steps")] = 200,
    rounds: Annotated[int, typer.Option(min=1, help="measured")] = 5,
) -> None:
    """Write the runs, check, measure, and print two tables."""
    console = Console(width=130)
    with tempfile.TemporaryDirectory() as folder:
        write_store(Path(folder), runs, 100)
        cells = measure_store(Path(folder), rounds)
        console.print(table([cells], title=f"Our store: `compare` on {runs} runs × 100 epochs × 6 scalars"))
    with tempfile.TemporaryDirectory() as folder:
        write_events(Path(folder), logs, 100)
        cells = measure_events(Path(folder), rounds)
        console.print(table([cells], title=f"Logs of others: {logs} runs × 100 steps × {len(TAGS)} tags"))


def _call(command: list[str]) -> None:
    subprocess.run(command, capture_output=True, check=True)


def _seconds(side: Callable[[Any], Any], argument: Any) -> float:
    begun = time.perf_counter()
    side(argument)
    return time.perf_counter() - begun


if __name__ == "__main__":
    typer.run(main)
