"""Keras' own tests of its trainer and its callbacks, with `folklore.fit` in the place of `fit`.

    git clone --branch v3.15.1 https://github.com/keras-team/keras
    python -m benchmarks.keras_tests keras

Runs each test twice, in processes of their own: with Keras' `fit`, and with an adapter that calls `folklore.fit`. What
counts are the tests that call `fit` and pass with Keras' own: others need a package or a device that is not here.
docs/fit.md explains those that fail with ours.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from folklore.report.tables import table

TESTS = ("keras/src/trainers/trainer_test.py", "keras/src/callbacks")
ROOT = Path(__file__).parents[1]


def main(
    checkout: Annotated[Path, typer.Argument(help="Keras' repository, at the version that is installed")],
    select: Annotated[str, typer.Option(help="only tests that match, as pytest's -k")] = "",
) -> None:
    """Run both, and print the counts and the names of the tests that only pass with Keras' own `fit`."""
    installed = version("keras")
    found = re.search(r'__version__ = "(.*)"', (checkout / "keras/src/version.py").read_text(encoding="utf-8"))
    if not found or found[1] != installed:
        raise typer.BadParameter(f"{checkout} is not at Keras {installed}: git checkout v{installed}.")
    theirs, ours = (outcomes(checkout.resolve(), fit, select) for fit in ("keras", "folklore"))
    counted = [test for test, outcome in theirs.items() if outcome["fits"] and outcome["outcome"] == "passed"]
    failed = [test for test in counted if ours[test]["outcome"] != "passed"]
    rows = [
        {"tests": "that call fit and pass with Keras' own", "number": str(len(counted))},
        {"tests": "of these, pass with folklore.fit", "number": str(len(counted) - len(failed))},
        {"tests": "fail", "number": str(len(failed))},
        {"tests": "not counted: never call fit", "number": str(sum(not each["fits"] for each in theirs.values()))},
        {"tests": "not counted: call fit and fail or are skipped with Keras' own, here", "number": str(
            sum(each["fits"] and each["outcome"] != "passed" for each in theirs.values()))},
    ]  # fmt: skip
    console = Console(width=130)
    console.print(table(rows, title=f"Keras {installed}: its own tests of trainer and callbacks"))
    for test in failed:
        console.print(f"{test.removeprefix('keras/src/')}\n    {ours[test]['why']}", highlight=False, markup=False)


def outcomes(checkout: Path, fit: str, select: str = "") -> dict[str, dict[str, Any]]:
    """From each test to its outcome, whether it calls `fit`, and the first line of its error."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "outcomes.json"
        environment = os.environ | {
            "FIT": fit, "OUTCOMES": str(file), "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "2",
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(checkout)]), "PYTHONSAFEPATH": "1", "KERAS_HOME": folder,
        }  # fmt: skip
        options = ["-q", "-p", "benchmarks.fit_adapter", "-p", "no:cacheprovider", "-k", select, "--no-header"]
        command = [sys.executable, "-m", "pytest", *options, *TESTS]
        ended = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
        if not file.exists():
            raise typer.BadParameter(f"The tests did not run:\n{ended.stdout[-2000:]}{ended.stderr[-2000:]}")
        read: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
        return read


if __name__ == "__main__":
    typer.run(main)
