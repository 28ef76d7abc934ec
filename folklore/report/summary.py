"""The record that a report of an experiment is made from: summarised from stored runs, or read from a kept file.

The compact record holds every seed's final values and effects, the parts of their variance, the curves' mean and band,
versions and hardware, in some tens of kilobytes, and no test rows; with `seeds=True` it also holds every seed's curve.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from folklore.declare.settings import flatten
from folklore.errors import ProblemError
from folklore.evidence import ledger
from folklore.evidence.compare import compare
from folklore.evidence.comparison import Comparison
from folklore.evidence.logs.curves import Band, band, histories, metrics_of
from folklore.report import drawings, first_edition
from folklore.storage import files, run_directory
from folklore.storage.schema import Code, MisfitError, Number, Record, StoredExperiment

FORMAT = 2
POINTS = 25  # of a band, at most
DIGITS = 5
HARDWARE = ("machine", "processor", "device", "workers", "threads")
Runs = Mapping[str, Mapping[int, Mapping[str, Sequence[float]]]]


class KeptBand(Record):
    """A metric's course in one arm, thinned out; None for what is not finite. See `folklore.evidence.logs.curves`."""

    epochs: list[int]
    mean: list[Number | None]
    lo: list[Number | None]
    hi: list[Number | None]
    runs: list[int]


class KeptLayers(Record):
    """A probe in one arm after the last epoch, layer after layer."""

    layers: list[str]
    mean: list[Number | None]
    lo: list[Number | None]
    hi: list[Number | None]


class Told(Record):
    """An entry of the ledger in words, and how many runs had ended by then."""

    time: str
    runs: int
    what: str


class Failure(Record):
    """A run that failed, diverged or collapsed."""

    arm: str
    seed: int
    status: str
    what: str


class Result(Record):
    """The content of an experiment's report.

    Attributes:
        held: options that the recipes of all arms share, `settings` those that they do not.
        curves: metric to arm to its band; None where an arm lacks the metric.
        layers: probe to arm.
        seeds: metric to arm to seed to the values by epoch; None where they were not kept, as for the next two.
        pictures: that runs drew.
        networks: arm to the diagram of its network, an SVG.
        about: what the file that declares the experiment says; `note` is what it says beside the verdict.
        seconds: of training, all runs together.
    """

    format: Literal[1, 2]
    comparison: Comparison
    held: dict[str, Any]
    settings: dict[str, dict[str, Any]]
    curves: dict[str, dict[str, KeptBand | None]]
    layers: dict[str, dict[str, KeptLayers]]
    seeds: dict[str, dict[str, dict[str, list[Number | None] | None]]] | None = None
    pictures: list[drawings.Picture] | None = None
    networks: dict[str, str] | None = None
    about: str = ""
    note: str = ""
    ledger: list[Told] = []
    failures: list[Failure]
    versions: dict[str, str]
    code: Code
    hardware: dict[str, Any]
    seconds: Number
    runs: int


def summarise(path: Path, *, seeds: bool = False, whole: bool = False, compared: Comparison | None = None) -> Result:
    """The record of the experiment stored in `path`.

    Args:
        path: the experiment's directory.
        seeds: whether every seed's curve is included, with pictures and diagrams: what a page shows and no kept file.
        whole: whether bands have every epoch, and layers have bands too.
        compared: the experiment's comparison; by default it is made, and the look recorded.

    Raises:
        ProblemError: see `compare`.
    """
    compared = compared or ledger.record_look(path, compare(path))
    declared = run_directory.read_experiment(path)
    arms = declared.arms if declared else {}
    asked = declared if isinstance(declared, StoredExperiment) else None
    stored = [run for run in run_directory.runs(path) if run.arm in compared.arms]
    runs = histories(path, compared.arms)
    metrics = metrics_of(runs)
    courses = [name for name in metrics if whole or not layer(name)]
    points = None if whole else POINTS
    ended = [run.ended for run in stored if run.ended]
    first = ended[0] if ended else None
    settings = differing(arms)
    found = {
        "format": FORMAT,
        "comparison": compared.to_dict(),
        "held": held(arms),
        "settings": settings if any(settings.values()) else {},
        "curves": {name: {arm: _as_data(band(runs[arm], name), points) for arm in runs} for name in courses},
        "layers": _layers(runs, [name for name in metrics if layer(name)]),
        "seeds": {name: {arm: {s: c.get(name) for s, c in runs[arm].items()} for arm in runs} for name in courses}
        if seeds
        else None,
        "pictures": [picture.to_dict() for picture in drawings.pictures(stored)] if seeds else None,
        "networks": drawings.networks(path, compared.arms) if seeds else None,
        "about": declared.about if declared else "",
        "note": declared.note if declared else "",
        "ledger": ledger.told(asked) if asked else [],
        "failures": [found for run in stored if (found := _failure(run))],
        "versions": (first.versions or {}) if first else {},
        "code": first.code.to_dict() if first and first.code else {},
        "hardware": {key: getattr(first, key) for key in HARDWARE} if first else {},
        "seconds": round(sum((record.seconds or {}).get("total") or 0.0 for record in ended), 1),
        "runs": len(stored),
    }
    return Result.of(_rounded(found))


def write(result: Result, folder: Path) -> Path:
    """Keep a record as `folder`/name.json, without what would make it large; return the file."""
    file = folder / f"{stem(result)}.json"
    kept = result.to_dict() | dict.fromkeys(("seeds", "pictures", "networks"))
    files.write_text(file, json.dumps(kept, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n")
    return file


def stem(result: Result) -> str:
    """A safe file name for an experiment; names from logs may contain anything."""
    name = result.comparison.experiment
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    if safe == name and safe.strip(".") and safe.lower() != "index" and len(safe) < 200:
        return safe
    return f"{safe[:100]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def read(file: Path) -> Result:
    """A record that `write` kept.

    Raises:
        ProblemError: the file does not hold such a record, or is damaged.
    """
    content = files.read_json(file)
    formats = (FORMAT, first_edition.FORMAT)
    if content is None or content.get("format") not in formats or not isinstance(content.get("comparison"), dict):
        raise ProblemError(f"{file} holds no result of an experiment, as `report` keeps them in its folder results/.")
    try:
        return Result.of(first_edition.judged_again(content) if content["format"] == first_edition.FORMAT else content)
    except MisfitError as place:
        raise ProblemError(
            f"The kept result {file} is damaged: {place} is missing or not of its kind. Make it again with `report`, "
            "or leave it out."
        ) from None


def held(arms: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The options that the recipes of all arms share."""
    flat = [dict(flatten(recipe)) for recipe in arms.values()]
    if not flat:
        return {}
    return {key: value for key, value in flat[0].items() if all(other.get(key) == value for other in flat)}


def differing(arms: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The options of each arm's recipe that not all arms share."""
    common = held(arms)
    return {arm: {k: v for k, v in flatten(recipe) if k not in common} for arm, recipe in arms.items()}


def layer(name: str) -> str:
    """The layer that a probe measured: "hidden_1" of "probe/std/hidden_1"; "" where it measured all of them."""
    parts = name.split("/")
    return parts[2] if len(parts) == 3 and parts[0] == "probe" else ""


def _layers(runs: Runs, metrics: Sequence[str]) -> dict[str, Any]:
    """Probe by probe, arm by arm: the last epoch's mean and interval, layer after layer."""
    found: dict[str, Any] = {}
    for name in sorted(metrics, key=_number):
        probe = name.rpartition("/")[0]
        for arm, seeds in runs.items():
            last = {seed: {name: columns[name][-1:]} for seed, columns in seeds.items() if columns.get(name)}
            if (point := band(last, name)) is None:
                continue
            course = found.setdefault(probe, {}).setdefault(arm, {"layers": [], "mean": [], "lo": [], "hi": []})
            course["layers"].append(layer(name))
            for key in ("mean", "lo", "hi"):
                course[key] += getattr(point, key)
    return found


def _number(name: str) -> tuple[str, int, str]:
    stem, _, number = name.rpartition("_")
    return (stem, int(number), "") if number.isdecimal() else (name, 10**9, name)  # names without a number come last


def _as_data(found: Band | None, points: int | None) -> dict[str, list[Any]] | None:
    if found is None:
        return None
    every = math.ceil(len(found.epochs) / points) if points else 1
    kept = [i for i in range(len(found.epochs)) if i % every == 0 or i == len(found.epochs) - 1]
    return {key: [values[i] for i in kept] for key, values in dataclasses.asdict(found).items()}


def _failure(run: run_directory.Run) -> dict[str, Any] | None:
    collapse = run.ended.collapse if run.ended else None
    if run.status == "incomplete" or (run.status == "done" and not collapse):
        return None
    event = collapse or (run.record.divergence if run.record else None)
    what = f"epoch {event.epoch}: {event.reason}" if event else str(run.record.error if run.record else "")
    return {"arm": run.arm, "seed": run.seed, "status": "collapsed" if collapse else run.status, "what": what[:200]}


def _rounded(value: Any) -> Any:
    """The value with floats rounded to five digits, and None in place of NaN and infinity."""
    if isinstance(value, Mapping):
        return {str(key): _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value
