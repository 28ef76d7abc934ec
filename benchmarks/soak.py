"""A study of 200 short runs, whose workers and main process are killed at random until it is complete.

    python -m benchmarks.soak [--seed 0]

Prints the number of kills and of lost runs. Nothing is lost if the comparison equals that of an undisturbed study.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[1]
STUDY = '''"""Twenty arms, ten seeds."""
import data
from folklore import Experiment, Hypothesis, Metric, Recipe
from models import mlp

base = Recipe(
    model=mlp, params=dict(widths=(8,), dropout=0.2), data=data.diabetes, batch_size=64, epochs=300,
    mode="graph",
)
study = Experiment(
    claim="A wider network is better.",
    arms={f"width {4 + n}": base.but(params=dict(widths=(4 + n,))) for n in range(20)},
    baseline="width 4",
    metric=Metric("test/rmse", goal="min"),
    hypothesis=Hypothesis("width 23", "better", by=1.0),
    seeds=10,
)
'''
PAUSE = 1.5, 9.0  # seconds between two kills: from the start of the workers to several runs


def main() -> None:
    """Run the test and print the result; exit with status 1 if anything was lost."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        _write_project(project)
        begun = time.monotonic()
        disturbed, undisturbed = project / "disturbed", project / "undisturbed"
        kills = _kill_until_complete(project, disturbed, random.Random(given.seed))
        seconds = time.monotonic() - begun
        if _start(project, undisturbed).wait() != 0:
            sys.exit("The undisturbed study failed.")
        found = _left_in(disturbed)
        lost = [run for run, left in _left_in(undisturbed).items() if found.get(run) != left]
        equal = _compared(project, disturbed) == _compared(project, undisturbed)
        resumed = sum(record["resumed_after"] is not None for record in _records(disturbed))
        print(f"{kills['worker']} workers and {kills['study']} studies were killed in {seconds:.0f} s.")
        print(f"{len(_records(disturbed))} runs, {resumed} of them resumed from a checkpoint; lost: {len(lost)}.")
        print(f"The comparison {'equals' if equal else 'differs from'} that of the undisturbed study.")
        sys.exit(bool(lost) or not equal)


def _write_project(project: Path) -> None:
    package = project / "experiments"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(
        "from folklore.cli.app import main\n\nif __name__ == '__main__':\n    main()\n"
    )
    (package / "soak.py").write_text(STUDY)


def _environment(project: Path) -> dict[str, str]:
    return os.environ | {
        "PYTHONPATH": os.pathsep.join([str(project), str(ROOT)]),
        "FOLKLORE_CHECKPOINT_SECONDS": "0.05",
        "XDG_CACHE_HOME": str(project / "cache"),
    }


def _start(project: Path, logdir: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "experiments", "run", "soak", "--jobs", "2", "--logdir", str(logdir)]
    return subprocess.Popen(
        command, cwd=project, env=_environment(project), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _kill_until_complete(project: Path, logdir: Path, chance: random.Random) -> dict[str, int]:
    kills = {"worker": 0, "study": 0}
    process = _start(project, logdir)
    while True:
        time.sleep(chance.uniform(*PAUSE))
        left = process.poll()
        if left == 0:
            return kills
        if left is not None:  # a run failed after its worker died twice; try it again
            process = _start(project, logdir)
            continue
        workers = [p for p in psutil.Process(process.pid).children() if "spawn_main" in " ".join(p.cmdline())]
        if workers and chance.random() < 0.5:
            chance.choice(workers).send_signal(signal.SIGKILL)
            kills["worker"] += 1
        else:
            process.kill()
            process.wait()
            kills["study"] += 1
            process = _start(project, logdir)


def _records(logdir: Path) -> list[dict[str, Any]]:
    return [json.loads(file.read_text()) for file in sorted(logdir.glob("*/*/seed-*/run.json"))]


def _left_in(logdir: Path) -> dict[str, Any]:
    """The history without times, and the final metrics, of every finished run."""
    found = {}
    for done in logdir.glob("soak.study/*/seed-*/DONE"):
        with (done.parent / "history.csv").open() as file:
            rows = [{name: cell for name, cell in row.items() if name != "seconds"} for row in csv.DictReader(file)]
        found[str(done.parent.relative_to(logdir))] = (
            rows,
            json.loads((done.parent / "run.json").read_text())["metrics"],
        )
    return found


def _compared(project: Path, logdir: Path) -> Any:
    command = [sys.executable, "-m", "experiments", "compare", "soak", "--logdir", str(logdir), "--format", "json"]
    return json.loads(
        subprocess.run(command, cwd=project, env=_environment(project), capture_output=True, check=True).stdout
    )


if __name__ == "__main__":
    main()
