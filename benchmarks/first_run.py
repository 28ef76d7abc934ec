"""Where the first run of an arm spends its seconds, in a lone process: imports, checks, tracing, compiling, the rest.

    python -m benchmarks.first_run

Two arms of quickstart.california_housing on real data, once with nothing kept and once with the programs that the first
process left. "compiling" is the first call of a traced program without what a later call takes: XLA lowers it and then
compiles it, or loads what was kept.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from folklore.report.tables import table
from folklore.study.resources import environment

ARMS = ("relu", "bn before")


def main() -> None:
    """Measure in processes of their own and print a table."""
    with tempfile.TemporaryDirectory() as cache:
        variables = os.environ | environment(threads=1) | {"XDG_CACHE_HOME": cache}
        rows = []
        for kept in ("nothing", "programs"):
            command = [sys.executable, "-m", "benchmarks.first_run", "measure"]
            ended = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
            for row in json.loads(ended.stdout.splitlines()[-1]):
                rows.append({"kept": kept} | {name: _shown(value) for name, value in row.items()})
    Console(width=130).print(table(rows, title="Seconds of an arm's first run"))


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:.2f}"


def _measure() -> list[dict[str, Any]]:
    begun = time.perf_counter()
    from folklore.training import preflight
    from folklore.training.train import train

    imports = time.perf_counter() - begun
    from experiments import quickstart
    from folklore import epoch
    from folklore.cache_folder import cache_folder
    from folklore.epoch.program import Program
    from folklore.storage.run_paths import run_path
    from folklore.task import Task

    spent = dict.fromkeys(("tracing", "compiling", "training"), 0.0)
    look_up, call = Program._concrete, Program._call

    def timed_look_up(*arguments: Any) -> Any:
        begun = time.perf_counter()
        function = look_up(*arguments)
        spent["tracing"] += time.perf_counter() - begun
        return function

    def timed_call(program: Program, *arguments: Any) -> Any:
        known = len(program.concrete)
        program._concrete(*arguments)
        begun = time.perf_counter()
        logs = call(program, *arguments)
        taken = time.perf_counter() - begun
        spent["training" if len(program.concrete) == known else "compiling"] += taken
        return logs

    rows = []
    with epoch.kept_programs(cache_folder() / "programs") as programs, tempfile.TemporaryDirectory() as folder:
        for arm in ARMS:
            spent.update(dict.fromkeys(spent, 0.0))
            recipe = quickstart.california_housing.arms[arm]
            task = Task("first_run", arm, 0, recipe, run_path(Path(folder), "first_run", arm, 0), {})
            with programs.shared():
                begun = time.perf_counter()
                preflight.examine_arm(task)
                checked = time.perf_counter()
                Program._concrete, Program._call = timed_look_up, timed_call  # type: ignore[method-assign,assignment]
                train(task)
                ended = time.perf_counter()
                Program._concrete, Program._call = look_up, call  # type: ignore[method-assign]
            rest = ended - checked - sum(spent.values())
            rows.append({"arm": arm, "imports": imports, "check": checked - begun} | spent | {"callbacks, files": rest})
    return rows


if __name__ == "__main__":
    print(json.dumps(_measure())) if sys.argv[1:] == ["measure"] else main()
