"""From stored runs to a comparison. Reads experiment.json and run.json, and never an experiment or TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from folklore import stats, store
from folklore.errors import ProblemError, did_you_mean
from folklore.spec import goal_of

Comparison = dict[str, Any]


def compare(path: Path, metric: str | None = None) -> Comparison:
    """Compare the arms of the experiment stored in `path`.

    Args:
        path: an experiment's directory.
        metric: the figure to compare, such as "test/accuracy"; None takes the declared one.

    Returns:
        JSON-able: experiment, claim, baseline, metric, goal, data, unfinished; arms: name to n, mean, std, ci, values
        by seed, failed (runs that ended without the figure), and the paired difference from the baseline with its
        interval; hypotheses.
        Figures that do not exist for lack of seeds are None.

    Raises:
        ProblemError: nothing was run, the runs are of different data or recipes, the metric is unknown, or a file is
            damaged.
    """
    declared = store.read_experiment(path)
    if declared is None:
        raise ProblemError(f"{path} holds no experiment.json, so it is no experiment's directory. See `list`.")
    runs = [run for run in store.runs(path) if run.arm in declared["arms"]]
    ended = [run for run in runs if run.done]
    if not ended:
        raise ProblemError(f"{path.name} has no finished run yet. Run it: python -m experiments run {path.name}")
    metric = declared["metric"]["name"] if metric is None else metric
    _check_metric(metric, ended, path.name, declared["metric"]["name"])
    _check_recipes(ended, declared["arms"])
    values: dict[str, dict[int, float]] = {arm: {} for arm in declared["arms"]}
    for run in ended:
        if (value := _metrics(run).get(metric)) is not None and math.isfinite(value):
            values[run.arm][run.seed] = value
    without = [run.arm for run in runs if run.status != "incomplete" and run.seed not in values[run.arm]]
    baseline = values[declared["baseline"]]
    arms = {arm: _arm(values[arm], baseline, without.count(arm)) for arm in values}
    arms[declared["baseline"]]["difference"] = None
    goal = declared["metric"]["goal"] if metric == declared["metric"]["name"] else goal_of(metric)
    return {
        "experiment": path.name,
        "claim": declared["claim"],
        "baseline": declared["baseline"],
        "metric": metric,
        "goal": goal,
        "data": _data(ended, path.name),
        "arms": arms,
        "hypotheses": [
            _hypothesis(declared["claim"], hypothesis, goal, arms[hypothesis["arm"]])
            for hypothesis in declared["hypotheses"]
            if metric == declared["metric"]["name"]  # what would matter is declared in the units of this metric alone
        ],
        "unfinished": sum(run.status == "incomplete" for run in runs),
    }


def _arm(values: dict[int, float], baseline: dict[int, float], failed: int) -> dict[str, Any]:
    figures, difference = list(values.values()), stats.paired_difference(values, baseline)
    return {
        "n": len(values),
        "mean": sum(figures) / len(figures) if figures else None,
        "std": _known(stats.sample_std(figures)),
        "ci": _interval(figures),
        "values": {str(seed): value for seed, value in sorted(values.items())},
        "failed": failed,
        "difference": {
            "n": len(difference),
            "mean": float(difference.mean()) if len(difference) else None,
            "ci": _interval(difference),
        },
    }


def _hypothesis(claim: str, declared: dict[str, Any], goal: str, arm: dict[str, Any]) -> dict[str, Any]:
    """The effect in the claimed direction; for "no difference", in the direction of better."""
    worse = declared["direction"] == "worse"
    sign = (1 if goal == "max" else -1) * (-1 if worse else 1)
    mean, (lo, hi) = arm["difference"]["mean"], arm["difference"]["ci"]
    return {
        "claim": claim,
        "arm": declared["arm"],
        "direction": declared["direction"],
        "counted": "worse" if worse else "better",  # what a positive effect is
        "verdict": None,  # given by the rules of evidence, from six seeds on
        "effect": None if mean is None else sign * mean,
        "ci": [None, None] if lo is None else sorted([sign * lo, sign * hi]),
        "p": None,
        "delta": declared["by"],
        "seeds_needed": None,
    }


def _data(runs: Sequence[store.Run], experiment: str) -> dict[str, Any]:
    sets = {run.record["data"]["sha256"]: run.record["data"] for run in runs if run.record}
    if len(sets) > 1:
        names = ", ".join(f"{data['name']} ({data['source']}, {sha[:12]}…)" for sha, data in sorted(sets.items()))
        raise ProblemError(
            f"The runs of {experiment} were made on different data: {names}. They are not compared with each other: "
            "run them again with --fresh, or keep them apart with --logdir."
        )
    data = next(iter(sets.values()))
    return {key: data[key] for key in ("name", "source", "unit", "sha256")}


def _check_recipes(runs: Sequence[store.Run], declared: dict[str, Any]) -> None:
    for run in runs:
        if run.record and run.record["recipe"] != declared[run.arm]:
            raise ProblemError(
                f"{run.path} holds a run of another recipe than experiment.json declares for its arm, so it is not "
                "compared: run the experiment again with --fresh, or move that directory away."
            )


def _check_metric(metric: str, runs: Sequence[store.Run], experiment: str, declared: str) -> None:
    known = {name for run in runs for name in _metrics(run)} or {declared}  # diverged runs, if all did, have none
    if metric not in known:
        raise ProblemError(f"The runs of {experiment} have no metric {metric!r}. {did_you_mean(metric, known)}")


def _metrics(run: store.Run) -> dict[str, float | None]:
    return (run.record or {}).get("metrics", {})


def _interval(values: Sequence[float] | Any) -> list[float | None]:
    return [_known(bound) for bound in stats.t_interval(values)]


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
