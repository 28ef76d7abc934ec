"""Whole runs, timed in this process: data, model, epochs, event files, test."""

from __future__ import annotations

import shutil
import time
from typing import Any

from data import resolve
from folklore import Recipe
from folklore.task import Task


def seconds_of(task: Task) -> tuple[float, dict[str, float]]:
    """Train once, from nothing; return the seconds and the final metrics."""
    from folklore.training.train import train

    shutil.rmtree(task.path, ignore_errors=True)
    begun = time.perf_counter()
    record = train(task)
    seconds = time.perf_counter() - begun
    assert record["status"] == "done", record
    return seconds, record["metrics"]


def on_data(name: str, recipe: Recipe, choice: Any) -> tuple[str, Recipe]:
    """A recipe on the data that are available, and its name, which says where a stand-in is used.

    Args:
        name, recipe: of the run.
        choice: "auto", "real" or "bundled".
    """
    source, why = resolve(recipe.data, choice)
    return f"{name} (on {source.name})" if why else name, recipe.but(data=source)
