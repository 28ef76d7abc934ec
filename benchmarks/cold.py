"""Where the seconds of a command go: imports, checks, the first run of each arm, training, files.

    python -m benchmarks.cold [--rounds 5] [--work "30 runs"] [--before ../other-checkout]

Each work is a whole command in a process of its own, on real data, with a log directory and a cache of its own. With
`--before`, another checkout of this project takes turns with this one. What a command did is read from what it left:
run.json has the seconds of each step of a run, history.csv those of its epochs.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from folklore.report.tables import table

ROOT = Path(__file__).resolve().parent.parent
STUDY = ("run", "quickstart.california_housing")


@dataclass(frozen=True)
class Work:
    """A command to be timed.

    Attributes:
        command: its arguments.
        first: the arguments of a command that is run before and not timed.
        knows: whether the cache of measurements and programs is kept from an earlier round.
    """

    command: tuple[str, ...]
    first: tuple[str, ...] = ()
    knows: bool = True


WORKS = {
    "30 runs": Work((*STUDY, "--seeds", "6", "--data", "real")),
    "30 runs, empty cache": Work((*STUDY, "--seeds", "6", "--data", "real"), knows=False),
    "two more seeds": Work(
        (*STUDY, "--seeds", "3", "--data", "real"), first=(*STUDY, "--seeds", "1", "--data", "real")
    ),
    "one run, one epoch": Work((*STUDY, "--seeds", "1", "--epochs", "1", "--data", "bundled")),
    "list": Work(("list",)),
    "compare": Work(
        ("compare", "quickstart.california_housing"),
        first=(*STUDY, "--seeds", "12", "--epochs", "1", "--data", "bundled"),
    ),
}


def measure(root: Path, work: Work, cache: Path) -> dict[str, float]:
    """The seconds of a command in a checkout, in all and by what they went to."""
    with tempfile.TemporaryDirectory() as folder:
        logdir = Path(folder) / "logs"
        if not work.knows:
            shutil.rmtree(cache, ignore_errors=True)
        if work.first:
            _run(root, work.first, logdir, cache)
        begun = time.time()
        _run(root, work.command, logdir, cache)
        ended = time.time()
        return {"all": ended - begun, **_parts(logdir, begun, ended)}


def _run(root: Path, command: tuple[str, ...], logdir: Path, cache: Path) -> None:
    python = root / ".venv" / "bin" / "python"  # another checkout may need other packages
    environment = os.environ | {"PYTHONPATH": str(root), "XDG_CACHE_HOME": str(cache)}
    whole = [str(python) if python.exists() else sys.executable, "-P", "-m", "experiments", *command]
    whole += ["--logdir", str(logdir)]
    ended = subprocess.run(whole, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{ended.stdout}\n{ended.stderr}")


def _parts(logdir: Path, begun: float, ended: float) -> dict[str, float]:
    """Seconds of the command's own time before and after the runs; and of the workers' time, added up over runs."""
    done = [file for file in logdir.glob("*/*/seed-*/DONE") if file.stat().st_mtime > begun]
    if not done:
        return {}
    checked = max(file.stat().st_mtime for file in logdir.glob("*/experiment.json"))
    parts = {"until checked": checked - begun, "after runs": ended - max(file.stat().st_mtime for file in done)}
    parts |= dict.fromkeys(("data, network", "first epochs", "other epochs", "test, files"), 0.0)
    rows = []
    for file in done:
        taken = json.loads((file.parent / "run.json").read_text())["seconds"]
        with (file.parent / "history.csv").open() as history:
            at = [float(row["seconds"]) for row in csv.DictReader(history)]
        epoch = statistics.median(b - a for a, b in pairwise(at)) if len(at) > 1 else 0.0
        rows.append(file.stat().st_mtime - taken["total"] + taken["data"] + taken["build"] + at[0])
        parts["data, network"] += taken["data"] + taken["build"]
        parts["first epochs"] += at[0] - epoch
        parts["other epochs"] += at[-1] - at[0] + epoch
        parts["test, files"] += taken["total"] - taken["data"] - taken["build"] - at[-1]
    return {"first row": min(rows) - begun} | parts


def main(
    rounds: Annotated[int, typer.Option(min=1, help="number of measurements of each work")] = 5,
    work: Annotated[list[str] | None, typer.Option(help=f"may be repeated: {', '.join(WORKS)}; default: all")] = None,
    before: Annotated[Path | None, typer.Option(help="another checkout, which takes turns with this one")] = None,
) -> None:
    """Measure and print a table."""
    sides = {"before": before.resolve(), "now": ROOT} if before else {"now": ROOT}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        caches = {side: Path(folder) / side for side in sides}
        for name in work or list(WORKS):
            if WORKS[name].knows:
                for side, root in sides.items():
                    measure(root, WORKS[name], caches[side])  # so that the cache knows all
            taken: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
            for _ in range(rounds):
                for side, root in sides.items():
                    taken[side].append(measure(root, WORKS[name], caches[side]))
            for side, found in taken.items():
                medians = {part: statistics.median(each[part] for each in found) for part in found[0]}
                rows.append({"work": name, "side": side} | {part: f"{value:.2f}" for part, value in medians.items()})
                print(rows[-1], flush=True)
    names = dict.fromkeys(part for row in rows for part in row)
    Console(width=150).print(table([{part: row.get(part, "") for part in names} for row in rows], title="Seconds"))


if __name__ == "__main__":
    typer.run(main)
