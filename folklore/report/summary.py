"""What a report shows of an experiment, as one JSON-able record: from stored runs, or from a file that was kept.

The compact record holds every seed's final figures and effects, the curves' mean and band, versions and hardware, in
some tens of kilobytes; with `seeds=True` every seed's curve comes along.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from folklore.declare.settings import flatten
from folklore.errors import ProblemError
from folklore.evidence.compare import compare
from folklore.evidence.curves import Band, band, figures_of, histories
from folklore.storage import files, run_directory

FORMAT = 1
POINTS = 25  # of a band, at most
DIGITS = 5
HARDWARE = ("machine", "device", "workers", "threads")
Result = dict[str, Any]
Runs = Mapping[str, Mapping[int, Mapping[str, Sequence[float]]]]


def summarise(path: Path, *, seeds: bool = False) -> Result:
    """The record of the experiment stored in `path`.

    Raises:
        ProblemError: see `compare`.
    """
    compared = compare(path)
    declared = run_directory.read_experiment(path) or {}
    stored = [run for run in run_directory.runs(path) if run.arm in compared["arms"]]
    runs = histories(path, compared["arms"])
    figures = figures_of(runs)
    courses = [name for name in figures if not _layer(name)]
    records = [run.record for run in stored if run.record and run.done]
    settings = differing(declared["arms"])
    found = {
        "format": FORMAT,
        "comparison": compared,
        "held": held(declared["arms"]),
        "settings": settings if any(settings.values()) else {},
        "curves": {name: {arm: _as_data(band(runs[arm], name)) for arm in runs} for name in courses},
        "layers": _layers(runs, [name for name in figures if _layer(name)]),
        "seeds": {name: {arm: {s: c.get(name) for s, c in runs[arm].items()} for arm in runs} for name in courses}
        if seeds
        else None,
        "failures": [_failure(run) for run in stored if run.status not in ("done", "incomplete")],
        "versions": next((record.get("versions", {}) for record in records), {}),
        "code": next((record.get("code", {}) for record in records), {}),
        "hardware": {key: records[0].get(key) for key in ("machine", "device", "workers", "threads")}
        if records
        else {},
        "seconds": round(sum((record.get("seconds") or {}).get("total") or 0.0 for record in records), 1),
        "runs": len(stored),
    }
    return _rounded(found)


def write(result: Result, folder: Path) -> Path:
    """Keep a record as `folder`/name.json; return the file."""
    file = folder / f"{stem(result)}.json"
    files.write_text(file, json.dumps(result, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n")
    return file


def stem(result: Result) -> str:
    """What an experiment's files are called; names from logs may hold anything."""
    name = str(result["comparison"]["experiment"])
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    if safe == name and safe.strip(".") and safe.lower() != "index" and len(safe) < 200:
        return safe
    return f"{safe[:100]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def read(file: Path) -> Result:
    """A record that `write` kept.

    Raises:
        ProblemError: the file holds no such record.
    """
    result = files.read_json(file)
    if result is None or result.get("format") != FORMAT or not isinstance(result.get("comparison"), dict):
        raise ProblemError(f"{file} holds no result of an experiment, as `report` keeps them in its folder results/.")
    return result


def held(arms: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What the recipes of all arms have in common, option by option."""
    flat = [dict(flatten(recipe)) for recipe in arms.values()]
    if not flat:
        return {}
    return {key: value for key, value in flat[0].items() if all(other.get(key) == value for other in flat)}


def differing(arms: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What each arm's recipe has that not all have, option by option."""
    common = held(arms)
    return {arm: {k: v for k, v in flatten(recipe) if k not in common} for arm, recipe in arms.items()}


def _layer(name: str) -> str:
    """The layer that a probe's figure is of: "hidden_1" of "probe/std/hidden_1"; "" where it is of all of them."""
    parts = name.split("/")
    return parts[2] if len(parts) == 3 and parts[0] == "probe" else ""


def _layers(runs: Runs, figures: Sequence[str]) -> dict[str, Any]:
    """Probe by probe, arm by arm: the last epoch's mean and interval, layer after layer."""
    found: dict[str, Any] = {}
    for name in sorted(figures, key=_number):
        probe = name.rpartition("/")[0]
        for arm, seeds in runs.items():
            last = {seed: {name: columns[name][-1:]} for seed, columns in seeds.items() if columns.get(name)}
            if (point := band(last, name)) is None:
                continue
            course = found.setdefault(probe, {}).setdefault(arm, {"layers": [], "mean": [], "lo": [], "hi": []})
            course["layers"].append(_layer(name))
            for key in ("mean", "lo", "hi"):
                course[key] += getattr(point, key)
    return found


def _number(name: str) -> tuple[str, int, str]:
    stem, _, number = name.rpartition("_")
    return (stem, int(number), "") if number.isdecimal() else (name, 10**9, name)  # what has no number comes last


def _as_data(found: Band | None) -> dict[str, list[Any]] | None:
    if found is None:
        return None
    every = math.ceil(len(found.epochs) / POINTS)
    kept = [i for i in range(len(found.epochs)) if i % every == 0 or i == len(found.epochs) - 1]
    return {key: [values[i] for i in kept] for key, values in dataclasses.asdict(found).items()}


def _failure(run: run_directory.Run) -> dict[str, Any]:
    record = run.record or {}
    divergence = record.get("divergence") or {}
    what = f"epoch {divergence['epoch']}: {divergence['reason']}" if divergence else record.get("error", "")
    return {"arm": run.arm, "seed": run.seed, "status": run.status, "what": str(what)[:200]}


def _rounded(value: Any) -> Any:
    """With floats of five digits, and None for what is not finite."""
    if isinstance(value, Mapping):
        return {str(key): _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value
