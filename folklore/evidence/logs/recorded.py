"""The metrics that runs recorded, as rows for people."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from folklore.declare import metrics
from folklore.evidence.logs import tags
from folklore.evidence.logs.tensorboard_logs import Logs
from folklore.storage import run_directory

Row = dict[str, str]
_ORDER = ("test", "validation", "train", "running", "logged", "probe")


def of_experiment(path: Path) -> list[Row]:
    """Of an experiment's runs that ended: metric, which values are better, how many runs have it."""
    found: Counter[str] = Counter()
    ended = [(run.path, run.ended) for run in run_directory.runs(path) if run.ended]
    for directory, record in ended:
        found.update({name for name in run_directory.read_history(directory) if "/" in name} | set(record.metrics))
    return [_row(name, runs, len(ended)) for name, runs in sorted(found.items(), key=_key)]


def of_logs(logs: Logs) -> list[Row]:
    """Of the runs of another program: the same, and how the tag is called there."""
    named = tags.names({tag for run in logs.runs for tag in run.series})
    found = Counter(tag for run in logs.runs for tag in run.series)
    rows = sorted(((named[tag], runs, tag) for tag, runs in found.items()), key=_key)
    return [_row(name, runs, len(logs.runs)) | {"logged as": tag} for name, runs, tag in rows]


def _key(row: tuple[str, int] | tuple[str, int, str]) -> tuple[int, str]:
    return _ORDER.index(row[0].partition("/")[0]), row[0]


def _row(name: str, runs: int, of: int) -> Row:
    known = metrics.goal(name) or (metrics.goal_of(name) if not name.startswith("probe/") else None)
    better = {"min": "lower", "max": "higher", None: "–"}[known]
    return {"metric": name, "better": better, "runs": str(runs) if runs == of else f"{runs} of {of}"}
