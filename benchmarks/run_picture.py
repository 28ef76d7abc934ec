"""A picture of `run` in a terminal, when half of its runs have ended.

    python -m benchmarks.run_picture > docs/run.svg

It trains quickstart.california_housing for the picture, into a temporary folder.
"""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.terminal_theme import MONOKAI

from experiments import quickstart
from folklore import Experiment
from folklore.study import trainer
from folklore.study.progress import Progress
from folklore.study.request import Request
from folklore.study.run import run_studies
from folklore.task import Task


def picture(name: str, experiment: Experiment, **options: Any) -> str:
    """The live table of a study as an SVG.

    Args:
        name, experiment: of the study.
        **options: of its request.
    """
    shown = Console(file=io.StringIO(), record=True, force_terminal=True, width=100)

    class Watched(Progress):
        """Shows its table once, after half of the runs."""

        def end(self, task: Task, record: Mapping[str, Any]) -> None:
            super().end(task, record)
            if self.ended == self.total // 2:
                shown.print(self.table())

    original, trainer.Progress = trainer.Progress, Watched  # type: ignore[misc]
    try:
        with tempfile.TemporaryDirectory() as folder:
            quiet = Console(file=io.StringIO())
            run_studies({name: experiment}, quiet, Request(logdir=Path(folder), **options))
    finally:
        trainer.Progress = original  # type: ignore[misc]
    drawn = shown.export_svg(title=f"python -m experiments run {name}", theme=MONOKAI)
    return re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.S)  # they would be fetched from elsewhere


if __name__ == "__main__":
    print(picture("quickstart.california_housing", quickstart.california_housing))
