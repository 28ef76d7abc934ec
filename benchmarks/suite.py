"""Seconds per study, including start-up: `run` against a script that loops over `model.fit` in one process.

    python -m benchmarks.suite [--rounds 5] [--study california] [--share 1]

Both sides are whole processes and take turns. Ours starts its workers, checks, trains, writes every run with its event
files, and compares; it starts each round without stored mode measurements. The script runs in the default environment.
The whole study would take it minutes, so by default it trains one seed per arm (`--share`). Its training time is then
scaled up to all seeds; its start-up counts once.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.studies import STUDIES
from folklore.report.tables import table

WANTED = {"california": 25.0, "fashion": 4.0}


def ours(study: str) -> float:
    """Seconds of `run` with an empty log directory and an empty cache of measurements."""
    with tempfile.TemporaryDirectory() as folder:
        code = (
            "from folklore.lazy_import import import_lazily; import_lazily('keras')  # as the command does\n"
            "from pathlib import Path; from rich.console import Console\n"
            "from benchmarks.studies import STUDIES; from folklore.study.run import run_studies\n"
            "from folklore.study.request import Request\n"
            "if __name__ == '__main__':\n"
            f"    name = {study!r}\n"
            f"    failed = run_studies({{f'benchmark.{{name}}': STUDIES[name]}}, Console(),\n"
            f"                         Request(logdir=Path({folder!r}), data='real'))\n"
            "    raise SystemExit(failed)\n"
        )
        return _seconds([sys.executable, "-c", code], {"XDG_CACHE_HOME": folder})[0]


def theirs(study: str, share: int) -> float:
    """Seconds of the script, scaled up to all seeds."""
    command = [sys.executable, "-m", "benchmarks.fit_loop", study, str(share)]
    whole, printed = _seconds(command, {})
    training = float(printed.split()[-1])
    return whole - training + training * STUDIES[study].seeds / share


def main(
    rounds: Annotated[int, typer.Option(min=1, help="number of measured pairs")] = 5,
    study: Annotated[list[str] | None, typer.Option(help="may be repeated; default: both")] = None,
    share: Annotated[int, typer.Option(min=1, help="seeds that the script trains")] = 1,
) -> None:
    """Measure and print a table."""
    rows = []
    for name in study or list(STUDIES):
        pairs = [(theirs(name, share), ours(name)) for _ in range(rounds)]
        ratios = [script / run for script, run in pairs]
        rows.append(
            {
                "study": STUDIES[name].claim,
                "script": f"{statistics.median(script for script, _ in pairs):.0f} s",
                "run": f"{statistics.median(run for _, run in pairs):.1f} s",
                "ratio": f"{statistics.median(ratios):.1f}",
                "from-to": f"{min(ratios):.1f}-{max(ratios):.1f}",
                "wanted": f">= {WANTED[name]:g}",
            }
        )
    Console(width=130).print(table(rows, title=f"Seconds per study, medians of {rounds} interleaved pairs"))


def _seconds(command: list[str], variables: dict[str, str]) -> tuple[float, str]:
    begun = time.perf_counter()
    ended = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begun
    if ended.returncode:
        raise SystemExit(f"{' '.join(command[:3])} failed:\n{ended.stdout}\n{ended.stderr}")
    return seconds, ended.stdout


if __name__ == "__main__":
    typer.run(main)
