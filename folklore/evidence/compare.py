"""From stored runs to a comparison. Reads what runs left behind, and never imports an experiment or TensorFlow."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from folklore.declare import metrics
from folklore.declare.recipe import without_empty
from folklore.errors import ProblemError, did_you_mean
from folklore.evidence import sequential, statistics
from folklore.evidence.comparison import ComparedArm, Comparison, Difference
from folklore.evidence.hypotheses import AskedHypothesis, Values, asked, assess, finite, finite_or_none
from folklore.storage import run_directory
from folklore.storage.schema import DataSet, EndedRun, StoredExperiment

Ended = Sequence[tuple[run_directory.Run, EndedRun]]
Histories = Callable[[Path], Mapping[str, Sequence[float]]]


def compare(path: Path, metric: str | None = None) -> Comparison:
    """Compare the arms of the experiment stored in `path`.

    Args:
        path: an experiment's directory.
        metric: the metric to compare by, such as "test/accuracy"; None takes the declared one.

    Raises:
        ProblemError: nothing was run, the runs are of different data or recipes, no run has the metric, or a file is
            damaged.
    """
    with np.errstate(all="ignore"):  # values may be as large as floats are; what overflows is None
        return _compare(path, metric)


def _compare(path: Path, metric: str | None) -> Comparison:
    declared = run_directory.read_experiment(path)
    if declared is None:
        raise ProblemError(f"{path} holds no experiment.json, so it is not an experiment's directory. See `list`.")
    if not isinstance(declared, StoredExperiment):
        return Comparison(
            experiment=path.name, claim=declared.claim, kind=declared.kind, baseline=declared.baseline,
            facts=declared.facts, tuning=declared.tuning, options=declared.options, metric=None, goal=None, data=None,
            arms={}, hypotheses=[], unfinished=0, notes=[],
        )  # fmt: skip
    runs = [run for run in run_directory.runs(path) if run.arm in declared.arms]
    ended = [(run, run.ended) for run in runs if run.ended]
    if not ended:
        raise ProblemError(
            f"{path.name} has no finished run yet. Run it: python -m experiments run {path.name}"
            + run_directory.logdir_option(path.parent)
        )
    data = _data(ended, path.name)
    _check_recipes(ended, declared)
    histories: Histories = functools.cache(run_directory.read_history)
    values = _reader(ended, list(declared.arms), path.name, histories)
    name = declared.metric.name if metric is None else metric
    by_arm, lacking = values(name), functools.cache(lambda name: _lacking(ended, name, histories))
    failed = Counter(run.arm for run in runs if run.status != "incomplete" and run.seed not in by_arm[run.arm])
    failed -= lacking(name)
    hypotheses = [h for h in asked(declared) if metric is None or h.metric.name == metric]
    withheld = [_withheld(declared, data, h, lacking(h.metric.name), values(h.metric.name)) for h in hypotheses]
    return Comparison(
        experiment=path.name, claim=declared.claim, kind=declared.kind, baseline=declared.baseline,
        facts=declared.facts, tuning=declared.tuning, options=declared.options, metric=name,
        goal=declared.metric.goal if name == declared.metric.name else metrics.goal(name), data=data,
        arms={
            arm: _arm(of_arm, None if arm == declared.baseline else by_arm[declared.baseline], failed[arm],
                      metrics.parse(name).is_rate)
            for arm, of_arm in by_arm.items()
        },
        hypotheses=assess(hypotheses, values, declared.end or sequential.LOOKS[-1], withheld),
        unfinished=sum(run.status == "incomplete" for run in runs),
        notes=_notes(ended, declared) + _without_metric(name, lacking(name)),
    )  # fmt: skip


def _reader(runs: Ended, arms: Sequence[str], experiment: str, histories: Histories) -> Callable[[str], Values]:
    """A function that gives the values of a metric, arm by arm and seed by seed."""
    recorded = {name for _, record in runs for name in record.metrics}
    first_of_arms = {run.arm: run.path for run, _ in reversed(runs)}.values()
    recorded |= {name for path in first_of_arms for name in histories(path) if "/" in name}
    recorded = recorded or set(metrics.recorded_names())  # of runs that all diverged, say

    @functools.cache
    def values(name: str) -> Values:
        metric = metrics.parse(name)
        for part in metric.names:
            if part not in recorded:
                why = f"{_reason(part)}{did_you_mean(part, recorded)}"
                raise ProblemError(f"The runs of {experiment} have no metric {name!r}. {why}")
        found: dict[str, dict[int, float]] = {arm: {} for arm in arms}
        for run, record in runs:
            history = histories(run.path) if metric.from_history else {}
            if (value := metric.of(record, history)) is not None:
                found[run.arm][run.seed] = value
        return found

    return values


def _reason(part: str) -> str:
    """Why no run has this recorded metric, where that is no misspelt name."""
    if part in metrics.recorded_names():
        return (
            "They are of another task, or they were trained before it was recorded: then train them again, with "
            "--fresh or another --logdir. "
        )
    if part.startswith("probe/"):
        return "A run records the probes that its recipe names, as in probes=('dead_units',). "
    return ""


def _lacking(runs: Ended, name: str, histories: Histories) -> Counter[str]:
    """The number of each arm's runs that are done and did not record the metric; a value that is not finite counts as
    recorded.
    """
    terms = metrics.parse(name).terms
    return Counter(
        run.arm
        for run, record in runs
        if record.status == "done"
        and any(term.name not in (histories(run.path) if term.from_history else record.metrics) for term in terms)
    )


def _arm(values: Mapping[int, float], baseline: Mapping[int, float] | None, failed: int, is_rate: bool) -> ComparedArm:
    """The summary of an arm; `is_rate` says whether its values are 0 or 1."""
    numbers = list(values.values())
    interval = (
        statistics.wilson_interval(int(sum(numbers)), len(numbers))
        if is_rate and numbers
        else statistics.t_interval(numbers)
    )
    return ComparedArm(
        n=len(values),
        mean=finite_or_none(sum(numbers) / len(numbers)) if numbers else None,
        std=finite_or_none(statistics.sample_std(numbers)),
        ci=finite(interval),
        values={str(seed): value for seed, value in sorted(values.items())},
        failed=failed,
        difference=None if baseline is None else _difference(statistics.paired_difference(values, baseline)),
    )


def _difference(by_seed: np.ndarray) -> Difference:
    mean = finite_or_none(float(by_seed.mean())) if len(by_seed) else None
    return Difference(n=len(by_seed), mean=mean, ci=finite(statistics.t_interval(by_seed)))


def _data(runs: Ended, experiment: str) -> DataSet:
    """The data that all runs were trained on."""
    sets = {record.data.sha256: record.data for _, record in runs}
    if len(sets) > 1:
        names = ", ".join(f"{data.name} ({data.source}, {sha[:12]}…)" for sha, data in sorted(sets.items()))
        raise ProblemError(
            f"The runs of {experiment} were made on different data: {names}. They are not compared with each other: "
            "run them again with --fresh, or keep them apart with --logdir."
        )
    data = next(iter(sets.values()))
    return DataSet(name=data.name, source=data.source, unit=data.unit, sha256=data.sha256)


def _check_recipes(runs: Ended, declared: StoredExperiment) -> None:
    for run, record in runs:
        if without_empty(record.recipe) != without_empty(declared.arms[run.arm]):
            raise ProblemError(
                f"{run.path} holds a run of another recipe than experiment.json declares for its arm, so it is not "
                "compared: run the experiment again with --fresh, or move that directory away."
            )


def _withheld(
    declared: StoredExperiment, data: DataSet, hypothesis: AskedHypothesis, lacking: Counter[str], values: Values
) -> str | None:
    """The reason to withhold the verdict on a hypothesis, or None.

    Args:
        declared, data: of the experiment.
        hypothesis: this one.
        lacking: each arm's runs that did not record its metric.
        values: of its metric.
    """
    if unrecorded := [repr(arm) for arm in hypothesis.needed if lacking[arm] and not values[arm]]:
        return f"runs of {' and '.join(unrecorded)} did not record {hypothesis.metric.name}"
    if "unit" in declared.model_fields_set and data.unit != declared.unit:
        unit = declared.unit or "other units"
        return f"what would matter is declared in {unit}, and these runs are of {data.name}"
    edges = [
        f"the best {setting} of {arm!r} lies at the edge of its grid, {value}: widen it {side}"
        for arm, tuned in (declared.tuning or {}).items()
        if arm in hypothesis.needed
        for setting, (value, side) in tuned.edges.items()
    ]
    return "; ".join(edges) or None


def _notes(runs: Ended, declared: StoredExperiment) -> list[str]:
    """Differences between the runs that a reader must know about."""
    notes = []
    if declared.extended_from:
        notes.append(
            f"the plan was extended from {declared.extended_from} to {declared.end} seeds after looks had been "
            "taken: verdicts are wrong somewhat more often than they say"
        )
    for what, key in (("budgets", "epochs"), ("batch sizes", "batch_size")):
        given = {arm: recipe.get(key) for arm, recipe in declared.arms.items()}
        if len(set(given.values())) > 1:
            notes.append(f"arms have different {what}: " + ", ".join(f"{arm} {value}" for arm, value in given.items()))
    codes = {str(record.code and record.code.sha256)[:12] for _, record in runs}
    if len(codes) > 1:
        notes.append(f"runs were made by {len(codes)} states of the code: {', '.join(sorted(codes))}")
    versions = {tuple(sorted((record.versions or {}).items())) for _, record in runs}
    if len(versions) > 1:
        names = {name for pair in versions for name, _ in pair if len({dict(v).get(name) for v in versions}) > 1}
        notes.append(f"runs were made with different versions of {', '.join(sorted(names))}")
    return notes


def _without_metric(name: str, lacking: Counter[str]) -> list[str]:
    arms = ", ".join(f"{runs} of {arm}" for arm, runs in lacking.items())
    return [f"finished runs that did not record {name}: {arms}"] if lacking else []
