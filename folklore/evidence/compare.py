"""From stored runs to a comparison. Reads what runs left behind, and never imports an experiment or TensorFlow."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from folklore.declare import metrics
from folklore.declare.recipe import without_later_defaults
from folklore.declare.settings import flatten
from folklore.errors import ProblemError, did_you_mean
from folklore.evidence import ledger, sequential, tuning_choice
from folklore.evidence.arms import covers, summarised
from folklore.evidence.asked import asked
from folklore.evidence.comparison import Comparison
from folklore.evidence.hypotheses import Runs, Values, assess
from folklore.evidence.two_way import SharedRows
from folklore.evidence.withheld import Ended, Histories, Reasons, is_paired
from folklore.storage import run_directory
from folklore.storage.run_paths import LOGGED
from folklore.storage.schema import DataSet, Goal, StoredExperiment, Tuned


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
            facts=declared.facts, tuning=declared.tuning, options=declared.options, file=declared.file,
            metric=None, goal=None, data=None, arms={}, hypotheses=[], unfinished=0, notes=[],
        )  # fmt: skip
    found_runs = list(run_directory.runs(path))
    runs = [run for run in found_runs if run.arm in declared.arms]
    ended = [(run, run.ended) for run in runs if run.ended]
    if not ended:
        raise ProblemError(f"{path.name} has no finished run yet. {_how_to_run(path, declared)}")
    data = _data(ended, path.name)
    by_seed = {arm: tuned for arm, tuned in (declared.tuning or {}).items() if tuned.by_seed}
    _check_recipes(ended, declared, by_seed)
    histories: Histories = functools.cache(run_directory.read_history)
    values = _reader(ended, list(declared.arms), path.name, histories)
    name = declared.metric.name if metric is None else metric
    lacking = functools.cache(lambda name: _lacking(ended, name, histories))
    reasons = Reasons(declared, data, runs, ended, histories)
    rows = SharedRows({(run.arm, run.seed): (run.path, record) for run, record in ended})
    end = declared.end or sequential.LOOKS[-1]
    sizes = data.rows if data else None
    found = Runs(values, rows, max(end, sequential.LOOKS[-1]), ledger.looks(declared), sizes, by_seed)
    hypotheses = asked(declared)
    judged = assess(
        hypotheses,
        found,
        [
            reasons.of(h, values(h.metric.name), lacking(h.metric.name), ledger.most_seen(declared, place))
            for place, h in enumerate(hypotheses)
        ],
        [reasons.failures(h) for h in hypotheses],
        ledger.family(declared),
    )
    arms = summarised(values(name), declared.baseline, name, rows, paired=is_paired(declared))
    failed = Counter(run.arm for run in runs if run.status != "incomplete" and run.seed not in values(name)[run.arm])
    failed -= lacking(name)
    return _with_names_of_seeds(declared, Comparison(
        experiment=path.name, claim=declared.claim or None, kind=declared.kind, baseline=declared.baseline,
        facts=declared.facts, tuning=declared.tuning, options=declared.options, file=declared.file,
        metric=name, goal=_goal(name, declared), data=data,
        covers=covers(values(name), name, rows),
        arms={arm: one.model_copy(update={"failed": failed[arm]}) for arm, one in arms.items()},
        # The whole family is judged: looking at one metric alone must not make a verdict easier.
        hypotheses=[h for h in judged if metric is None or h.metric == metric],
        ended=len(ended),
        judged_seeds=[0 if h.withheld else h.n for h in judged],
        unfinished=sum(run.status == "incomplete" for run in runs),
        warnings=[
            *reasons.missing(),
            *_some_without_rows(rows, {name, *(h.metric.name for h in hypotheses)}),
            *ledger.findings(path, declared, [record for _, record in ended]),
        ],
        notes=_notes(ended, declared, found) + _without_metric(name, lacking(name)) + _undeclared(found_runs, declared),
    ))  # fmt: skip


def _goal(name: str, declared: StoredExperiment) -> Goal | None:
    if name == declared.metric.name:
        return declared.metric.goal
    known, expression = metrics.goal(name), metrics.parse(name)
    if known is None and declared.kind == LOGGED and len(expression.terms) == 1 and not expression.is_rate:
        return expression.terms[0].goal
    return known


def _with_names_of_seeds(declared: StoredExperiment, compared: Comparison) -> Comparison:
    """The comparison with seeds called as in the logs of another program, where it is of such."""
    if not declared.logs:
        return compared
    names = declared.logs.seeds
    by_number = {number: name for of_arm in names.values() for number, name in of_arm.items()}
    arms = {
        arm: one.model_copy(update={"values": {names[arm][seed]: value for seed, value in one.values.items()}})
        for arm, one in compared.arms.items()
    }
    hypotheses = [
        h.model_copy(update={"effects": {by_number[seed]: effect for seed, effect in h.effects.items()}})
        for h in compared.hypotheses
    ]
    return compared.model_copy(update={"arms": arms, "hypotheses": hypotheses})


def _how_to_run(path: Path, declared: StoredExperiment) -> str:
    if declared.kind == LOGGED:
        return f"Train with callbacks.Logger({str(path / declared.baseline / 'seed-0')!r})."
    return f"Run it: python -m experiments run {path.name}{run_directory.logdir_option(path.parent)}"


def _some_without_rows(rows: SharedRows, names: set[str]) -> list[str]:
    for kept, runs in map(rows.kept, sorted(names)):
        if 0 < kept < runs:
            return [f"{runs - kept} of {runs} runs have no test rows, so intervals cover seeds and not test rows"]
    return []


def _reader(runs: Ended, arms: Sequence[str], experiment: str, histories: Histories) -> Callable[[str], Values]:
    """A function that gives the values of a metric, arm by arm and seed by seed."""
    recorded = {name for _, record in runs for name in (*record.metrics, *(record.before or {}))}
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
        and not all(term.recorded(record, histories(run.path) if term.from_history else {}) for term in terms)
    )


def _data(runs: Ended, experiment: str) -> DataSet | None:
    """The data that all runs were trained on; None where no run knows."""
    sets = {record.data.sha256 if record.data else "": record.data for _, record in runs}
    if len(sets) > 1:
        names = ", ".join(
            f"{data.name} ({data.source}, {sha[:12]}…)" if data else "unknown" for sha, data in sorted(sets.items())
        )
        raise ProblemError(
            f"The runs of {experiment} were made on different data: {names}. They are not compared with each other: "
            "run them again with --fresh, or keep them apart with --logdir."
        )
    data = next(iter(sets.values()))
    return data and DataSet(name=data.name, source=data.source, unit=data.unit, sha256=data.sha256, rows=data.rows)


def _check_recipes(runs: Ended, declared: StoredExperiment, by_seed: Mapping[str, Tuned]) -> None:
    for run, record in runs if declared.kind != LOGGED else ():
        chosen = tuning_choice.point_of(by_seed[run.arm], run.seed) if run.arm in by_seed else {}
        point = {"optimizer.name" if name == "optimizer" else name: value for name, value in chosen.items()}
        expected = dict(flatten(without_later_defaults(declared.arms[run.arm]))) | point
        if dict(flatten(without_later_defaults(record.recipe))) != expected:
            raise ProblemError(
                f"{run.path} holds a run of another recipe than experiment.json declares for its arm, so it is not "
                "compared: run the experiment again with --fresh, or move that directory away."
            )


def _notes(runs: Ended, declared: StoredExperiment, found: Runs) -> list[str]:
    """Differences between the runs that a reader must know about."""
    notes = ["data, recipes and budgets are unknown"] if declared.kind == LOGGED else []
    notes += declared.logs.notes if declared.logs else []
    after = max((len(values) for values in found.values(declared.metric.name).values()), default=0)
    if after > found.end:
        notes.append(f"{after} seeds are more than the planned {found.end}: verdicts rest on e-values alone")
    grids = {arm: (tuned.grid or {}) for arm, tuned in (declared.tuning or {}).items()}
    if any(grids.get(arm, {}) != grids.get(declared.baseline, {}) for arm in declared.arms):
        different = [f"{arm} {_grid(grids.get(arm, {}))}" for arm in declared.arms]
        notes.append(f"arms have different grids: {'; '.join(different)}")
    for what, key in (("budgets", "epochs"), ("batch sizes", "batch_size"), ("losses", "loss")):
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
    processors = sorted({record.processor for _, record in runs if record.processor})
    if len(processors) > 1:
        notes.append(f"runs were made on different processors, which may round differently: {', '.join(processors)}")
    return notes


def _grid(grid: Mapping[str, Sequence[Any]]) -> str:
    return ", ".join(f"{name} {list(values)}" for name, values in grid.items()) or "none"


def _undeclared(runs: Sequence[run_directory.Run], declared: StoredExperiment) -> list[str]:
    """Arms that were logged and not asked about. The suite itself trains none."""
    lost = (run.arm for run in runs if declared.kind == LOGGED and run.arm not in declared.arms)
    arms = dict.fromkeys(map(repr, lost))
    return [f"runs of {', '.join(arms)} are left out, which folklore.declare was not given"] if arms else []


def _without_metric(name: str, lacking: Counter[str]) -> list[str]:
    arms = ", ".join(f"{runs} of {arm}" for arm, runs in lacking.items())
    return [f"finished runs that did not record {name}: {arms}"] if lacking else []
