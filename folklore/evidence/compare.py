"""From stored runs to a comparison. Reads what runs left behind, and never imports an experiment or TensorFlow."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from folklore.declare import metrics
from folklore.errors import ProblemError, did_you_mean
from folklore.evidence import sequential, statistics
from folklore.evidence.hypotheses import Values, assess, filled_in, known
from folklore.storage import run_directory

Comparison = dict[str, Any]


def compare(path: Path, metric: str | None = None) -> Comparison:
    """Compare the arms of the experiment stored in `path`.

    Args:
        path: an experiment's directory.
        metric: the figure to compare, such as "test/accuracy"; None takes the declared one.

    Returns:
        JSON-able: experiment, claim, kind, baseline, metric, goal, data, unfinished, notes, facts, tuning, options;
        arms: name to n, mean, std, ci, values by seed, failed (runs that ended without the figure), and the paired
        difference from the baseline with its interval; hypotheses, see `folklore.evidence.hypotheses`.
        Figures that do not exist for lack of seeds are None. A claim that computation alone settles has no arms.

    Raises:
        ProblemError: nothing was run, the runs are of different data or recipes, the metric is unknown, or a file is
            damaged.
    """
    with np.errstate(all="ignore"):  # figures may be as large as floats are; what overflows is None
        return _compare(path, metric)


def _compare(path: Path, metric: str | None) -> Comparison:
    declared = run_directory.read_experiment(path)
    if declared is None:
        raise ProblemError(f"{path} holds no experiment.json, so it is no experiment's directory. See `list`.")
    head = {key: declared.get(key) for key in ("claim", "kind", "baseline", "facts", "tuning", "options")}
    if not declared["arms"]:
        return {"experiment": path.name, **head, "metric": None, "goal": None, "data": None, "arms": {},
                "hypotheses": [], "unfinished": 0, "notes": []}  # fmt: skip
    runs = [run for run in run_directory.runs(path) if run.arm in declared["arms"]]
    ended = [run for run in runs if run.done]
    if not ended:
        raise ProblemError(
            f"{path.name} has no finished run yet. Run it: python -m experiments run {path.name}"
            + run_directory.logdir_option(path.parent)
        )
    data = _data(ended, path.name)
    _check_recipes(ended, declared["arms"])
    values = _reader(ended, list(declared["arms"]), path.name)
    name = declared["metric"]["name"] if metric is None else metric
    goal = declared["metric"]["goal"] if name == declared["metric"]["name"] else metrics.goal(name) or "max"
    of_metric = values(name)
    baseline = of_metric[declared["baseline"]]
    without = [run.arm for run in runs if run.status != "incomplete" and run.seed not in of_metric[run.arm]]
    rate = metrics.parse(name).is_rate
    arms = {arm: _arm(of_metric[arm], baseline, without.count(arm), rate) for arm in of_metric}
    arms[declared["baseline"]]["difference"] = None
    hypotheses = [filled_in(declared, hypothesis) for hypothesis in declared["hypotheses"]]
    asked = [h for h in hypotheses if metric is None or h["metric"]["name"] == metric]
    return {
        "experiment": path.name,
        **head,
        "metric": name,
        "goal": goal,
        "data": data,
        "arms": arms,
        "hypotheses": assess(
            asked, values, declared.get("end") or sequential.LOOKS[-1], [_withheld(declared, data, h) for h in asked]
        ),
        "unfinished": sum(run.status == "incomplete" for run in runs),
        "notes": _notes(ended, declared),
    }


def _reader(runs: Sequence[run_directory.Run], arms: Sequence[str], experiment: str) -> Callable[[str], Values]:
    """A function that gives the values of a metric, arm by arm and seed by seed."""
    histories = functools.cache(run_directory.read_history)
    recorded = {name for run in runs for name in (run.record or {})["metrics"]}
    recorded |= {name for run in runs[:1] for name in histories(run.path) if "/" in name}
    recorded = recorded or set(metrics.known())  # of runs that all diverged, say

    @functools.cache
    def values(metric: str) -> Values:
        figure = metrics.parse(metric)
        for name in figure.names:
            if name not in recorded:
                nearest = did_you_mean(name, recorded)
                raise ProblemError(f"The runs of {experiment} have no metric {metric!r}. {nearest}")
        found: dict[str, dict[int, float]] = {arm: {} for arm in arms}
        for run in runs:
            history = histories(run.path) if figure.from_history else {}
            if (value := figure.of(run.record or {}, history)) is not None:
                found[run.arm][run.seed] = value
        return found

    return values


def _arm(values: Mapping[int, float], baseline: Mapping[int, float], failed: int, rate: bool) -> dict[str, Any]:
    numbers, difference = list(values.values()), statistics.paired_difference(values, baseline)
    interval = (
        statistics.wilson_interval(int(sum(numbers)), len(numbers))
        if rate and numbers
        else statistics.t_interval(numbers)
    )
    return {
        "n": len(values),
        "mean": known(sum(numbers) / len(numbers)) if numbers else None,
        "std": known(statistics.sample_std(numbers)),
        "ci": [known(bound) for bound in interval],
        "values": {str(seed): value for seed, value in sorted(values.items())},
        "failed": failed,
        "difference": {
            "n": len(difference),
            "mean": known(float(difference.mean())) if len(difference) else None,
            "ci": [known(bound) for bound in statistics.t_interval(difference)],
        },
    }


def _data(runs: Sequence[run_directory.Run], experiment: str) -> dict[str, Any]:
    sets = {run.record["data"]["sha256"]: run.record["data"] for run in runs if run.record}
    if len(sets) > 1:
        names = ", ".join(f"{data['name']} ({data['source']}, {sha[:12]}…)" for sha, data in sorted(sets.items()))
        raise ProblemError(
            f"The runs of {experiment} were made on different data: {names}. They are not compared with each other: "
            "run them again with --fresh, or keep them apart with --logdir."
        )
    data = next(iter(sets.values()))
    return {key: data[key] for key in ("name", "source", "unit", "sha256")}


def _check_recipes(runs: Sequence[run_directory.Run], declared: dict[str, Any]) -> None:
    for run in runs:
        if run.record and run.record["recipe"] != declared[run.arm]:
            raise ProblemError(
                f"{run.path} holds a run of another recipe than experiment.json declares for its arm, so it is not "
                "compared: run the experiment again with --fresh, or move that directory away."
            )


def _withheld(declared: dict[str, Any], data: dict[str, Any], hypothesis: Mapping[str, Any]) -> str | None:
    """Why no verdict on a hypothesis can be given, if so."""
    if data["unit"] != declared.get("unit", data["unit"]):
        unit = declared["unit"] or "other units"
        return f"what would matter is declared in {unit}, and these runs are of {data['name']}"
    arm = hypothesis["arm"]
    edges = [
        f"the best {setting} of {name!r} lies at the edge of its grid, {value}: widen it {side}"
        for name, tuned in (declared.get("tuning") or {}).items()
        if name in (arm if isinstance(arm, list) else (arm, hypothesis["against"]))
        for setting, (value, side) in tuned["edges"].items()
    ]
    return "; ".join(edges) or None


def _notes(runs: Sequence[run_directory.Run], declared: dict[str, Any]) -> list[str]:
    """What a reader must know about how alike the runs were made."""
    notes = []
    if declared.get("extended_from"):
        notes.append(
            f"the plan was extended from {declared['extended_from']} to {declared['end']} seeds after looks had been "
            "taken: verdicts are wrong somewhat more often than they say"
        )
    for what, key in (("budgets", "epochs"), ("batch sizes", "batch_size")):
        given = {arm: recipe.get(key) for arm, recipe in declared["arms"].items()}
        if len(set(given.values())) > 1:
            notes.append(f"arms have different {what}: " + ", ".join(f"{arm} {value}" for arm, value in given.items()))
    records = [run.record or {} for run in runs]
    codes = {str((record.get("code") or {}).get("sha256"))[:12] for record in records}
    if len(codes) > 1:
        notes.append(f"runs were made by {len(codes)} states of the code: {', '.join(sorted(codes))}")
    versions = {tuple(sorted((record.get("versions") or {}).items())) for record in records}
    if len(versions) > 1:
        names = {name for pair in versions for name, _ in pair if len({dict(v).get(name) for v in versions}) > 1}
        notes.append(f"runs were made with different versions of {', '.join(sorted(names))}")
    return notes
