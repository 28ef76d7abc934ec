"""The ledger of an experiment: what was asked before which runs, and every look at its verdicts.

It stands in experiment.json, and entries are only appended. Each carries a hash of itself and of the entry before, so a
changed or removed entry shows. What was changed after runs existed is said beside the verdicts, in words.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from folklore.errors import ProblemError
from folklore.evidence import sequential
from folklore.evidence.comparison import Comparison
from folklore.storage import files, run_directory
from folklore.storage.locks import exclusive
from folklore.storage.schema import EndedRun, LedgerEntry, Question, StoredExperiment, StoredHypothesis, StoredMetric
from folklore.wording import count

Entries = list[dict[str, Any]]


def question(declaration: Mapping[str, Any]) -> dict[str, Any]:
    """What a declaration asks, as data: claim, baseline, metric, hypotheses with their δ, and what is tuned."""
    tuning = declaration.get("tuning") or {}
    return {
        "claim": declaration["claim"],
        "baseline": declaration["baseline"],
        "metric": dict(declaration["metric"]),
        "hypotheses": [_plain(hypothesis) for hypothesis in declaration["hypotheses"]],
        "grid": {arm: dict(tuned["grid"]) for arm, tuned in tuning.items() if tuned.get("grid")},
        "tuned": _hash(tuning, "") if tuning else "",
    }


def asked(
    before: StoredExperiment | None, declaration: Mapping[str, Any], runs: int, commit: str | None, end: int
) -> Entries:
    """The ledger with this question, appended unless it is the one that was asked last.

    Args:
        before: the experiment as it is stored; None where it is not.
        declaration: as it will be stored.
        runs: of the experiment that have ended.
        commit: of the code.
        end: seeds at the last planned look.
    """
    entries = _entries(before)
    now = question(declaration)
    last = next((entry for entry in reversed(entries) if entry.get("asked")), {})
    unchanged = last.get("asked") == now and last.get("end") == end
    return entries if unchanged else _with(entries, runs, commit, asked=now, end=end)


def head(path: Path) -> str | None:
    """The hash of the ledger's last entry, which the runs that follow carry; None without a ledger."""
    declared = run_directory.read_experiment(path)
    return declared.ledger[-1].sha256 if declared and declared.ledger else None


def family(declared: StoredExperiment) -> int:
    """The number of hypotheses that were asked of these runs: one that was dropped keeps its share of the error."""
    asked = [entry for entry in declared.ledger or () if entry.asked]
    over_runs = [old.asked for old, new in pairwise(asked) if new.runs and old.asked]
    found = {key for question in over_runs for key in _keys(question.hypotheses)}
    return len(found | set(_keys(declared.hypotheses)))


def planned_end(before: StoredExperiment | None, most: int) -> int:
    """The seeds that the plan ends with: fixed once a look was taken, since error was spent by that plan."""
    end = max(most, sequential.LOOKS[-1])
    if before is None or before.end is None:
        return end
    return before.end if looks(before) else max(end, before.end)


def looks(declared: StoredExperiment) -> tuple[int, ...] | None:
    """The numbers of seeds at which verdicts were read; None of an experiment without a ledger, which kept none."""
    if not declared.ledger:
        return None
    return tuple(sorted({n for entry in declared.ledger for n in entry.look or () if n >= sequential.LOOKS[0]}))


def most_seen(declared: StoredExperiment, place: int) -> int:
    """The most seeds at which the verdict on the hypothesis at this place was read; 0 if it never was."""
    key, keys, most = _keys(declared.hypotheses)[place], [], 0
    for entry in declared.ledger or ():
        if entry.asked:
            keys = _keys(entry.asked.hypotheses)
        if entry.look and len(entry.look) == len(keys) and key in keys:
            most = max(most, entry.look[keys.index(key)])
    return most


def record_look(path: Path, compared: Comparison) -> Comparison:
    """Append a look at the verdicts of the experiment stored in `path`, unless it was taken before.

    Where all hypotheses have too few seeds for a verdict, or none is shown, there was nothing to look at.

    Returns:
        The comparison; with a warning where the look cannot be recorded.
    """
    seeds = compared.judged_seeds
    if not compared.hypotheses or max(seeds, default=0) < sequential.LOOKS[0]:
        return compared
    try:
        with exclusive(path):
            declared = run_directory.read_experiment(path)
            if isinstance(declared, StoredExperiment) and declared.ledger:
                entries = _entries(declared)
                if not any(entry.get("look") == seeds for entry in entries):
                    ledger = _with(entries, compared.ended, None, look=seeds, end=declared.end)
                    files.write_json(path / "experiment.json", declared.to_dict() | {"ledger": ledger})
    except OSError as error:
        warning = f"this look could not be recorded: {error.strerror or error}"
        return compared.model_copy(update={"warnings": [*compared.warnings, warning]})
    return compared


def told(declared: StoredExperiment) -> list[dict[str, Any]]:
    """The ledger in words, entry by entry: `time`, `runs` that had ended by then, and `what` was asked or read."""
    found: list[dict[str, Any]] = []
    before: Question | None = None
    for entry in declared.ledger or ():
        if entry.asked and before is None:
            hypotheses = "; ".join(f"{_said(h)}, δ = {h.by:g}" for h in entry.asked.hypotheses)
            what = f"Asked: {entry.asked.claim} By {_metric(entry.asked.metric)}. {hypotheses or 'No hypothesis'}."
        elif entry.asked and before:
            changes = "; ".join(_differences(before, entry.asked)) or f"the planned end is now {entry.end} seeds"
            what = f"Changed: {changes}."
        else:
            counts = sorted(set(entry.look or ()))
            what = f"Verdicts were read at {', '.join(map(str, counts))} seeds."
        before = entry.asked or before
        found.append({"time": entry.time, "runs": entry.runs, "what": what})
    return found


def findings(path: Path, declared: StoredExperiment, ended: Sequence[EndedRun]) -> list[str]:
    """What a reader must know about when the experiment was asked, in words; nothing where all is in order.

    Args:
        path: the experiment's directory.
        declared: its declaration.
        ended: the records of its runs that have ended.
    """
    return [*_changes(declared, ended), *_aside(path), *_siblings(path, declared)]


def _changes(declared: StoredExperiment, ended: Sequence[EndedRun]) -> Iterator[str]:
    entries = declared.ledger or []
    if declared.logs:
        if declared.hypotheses:
            yield "the hypotheses were given when the runs were read, so their verdicts are exploratory"
        return
    if not any(entry.asked for entry in entries):
        yield "experiment.json has no ledger, so nothing shows what was asked before the runs existed"
        return
    yield from _edits(entries, _entries(declared), ended)
    asked = [(place, entry) for place, entry in enumerate(entries) if entry.asked]
    if first := asked[0][1].runs:
        yield f"the ledger begins after {count(first, 'run')}: nothing shows what was asked before them"
    trained = [place for run in ended for place, entry in enumerate(entries) if entry.sha256 == run.asked]
    last = asked[-1][1]
    if last.end is not None and declared.end != last.end:
        yield f"the planned end changed from {last.end} to {declared.end} seeds by hand"
    for (_, old), (place, new) in pairwise(asked):
        # Runs that were moved away while the question changed still carry what was asked before.
        after = max(new.runs, sum(at < place for at in trained))
        if after and old.asked and new.asked:
            yield from (f"{change} after {count(after, 'run')}" for change in _differences(old.asked, new.asked))
    stated = Question.of(question(declared.model_dump()))
    if ended and last.asked:
        yield from (f"{change} after {count(len(ended), 'run')}" for change in _differences(last.asked, stated))


def _edits(entries: Sequence[LedgerEntry], kept: Entries, ended: Sequence[EndedRun]) -> Iterator[str]:
    """Entries that do not fit their hashes, and runs whose entry is gone: the ledger was cut, or written anew."""
    before = ""
    for place, (entry, content) in enumerate(zip(entries, kept, strict=True), 1):
        if _hash({key: value for key, value in content.items() if key != "sha256"}, before) != entry.sha256:
            yield f"the ledger was edited: its entry {place} of {len(entries)} does not fit its hash"
            break
        before = entry.sha256
    hashes = {entry.sha256 for entry in entries}
    if lost := sum(run.asked is not None and run.asked not in hashes for run in ended):
        yield f"the ledger was edited: {count(lost, 'run')} carry an entry that it no longer holds"


def _differences(old: Question, new: Question) -> Iterator[str]:
    for what in ("claim", "baseline"):
        if getattr(old, what) != getattr(new, what):
            yield f"the {what} changed from {getattr(old, what)!r} to {getattr(new, what)!r}"
    if old.metric != new.metric:
        yield f"the metric changed from {_metric(old.metric)} to {_metric(new.metric)}"
    before, now = (dict(zip(_keys(asked.hypotheses), asked.hypotheses, strict=True)) for asked in (old, new))
    for key, one in before.items():
        if (other := now.get(key)) is None:
            yield f"the hypothesis {_said(one)} was dropped"
            continue
        if one.by != other.by:
            yield f"δ of the hypothesis {_said(one)} changed from {one.by:g} to {other.by:g}"
        if one.metric != other.metric:
            change = f"from {_metric(one.metric)} to {_metric(other.metric)}"
            yield f"the metric of the hypothesis {_said(one)} changed {change}"
        if one.values != other.values:
            yield f"the values of the hypothesis {_said(one)} changed from {one.values} to {other.values}"
        if one.claim != other.claim:
            yield f"the hypothesis {_said(one)} was reworded"
    yield from (f"the hypothesis {_said(h)} was added" for key, h in now.items() if key not in before)
    for arm in dict.fromkeys((*old.grid, *new.grid)):
        if old.grid.get(arm) != new.grid.get(arm):
            yield f"the grid of {arm!r} changed from {old.grid.get(arm) or 'none'} to {new.grid.get(arm) or 'none'}"
    if old.grid == new.grid and old.tuned != new.tuned:
        yield "the results of tuning changed"


def _aside(path: Path) -> Iterator[str]:
    for folder in sorted((path.parent / run_directory.ASIDE).glob(f"{path.name}-*")):
        done = len(list(folder.glob("*/seed-*/DONE")))
        if done and re.fullmatch(r"\d{8}-\d{6}", folder.name.removeprefix(f"{path.name}-")):
            yield f"{done} earlier runs of this experiment lie in {folder.relative_to(path.parent)}"


def _siblings(path: Path, declared: StoredExperiment) -> Iterator[str]:
    """Other contexts of a claim: experiments of the same topic that ask the same, in the same unit, with another δ."""
    here = {_context(h, declared): h for h in declared.hypotheses}
    for file in sorted(path.parent.glob(f"{path.name.partition('.')[0]}.*/experiment.json")):
        if file.parent == path:
            continue
        with contextlib.suppress(ProblemError):  # that one is damaged, which is no matter here
            other = run_directory.read_experiment(file.parent)
            if isinstance(other, StoredExperiment):
                pairs = ((here.get(_context(h, other)), h) for h in other.hypotheses)
                found = {(ours.by, theirs.by) for ours, theirs in pairs if ours and ours.by != theirs.by}
                for ours, theirs in sorted(found):
                    yield f"{file.parent.name} asks the same with δ = {theirs:g}, and here δ = {ours:g}"


def _context(h: StoredHypothesis, declared: StoredExperiment) -> tuple[object, ...]:
    metric = h.metric or declared.metric
    return h.claim or declared.claim, metric.name, metric.goal, h.direction, declared.unit


def _keys(hypotheses: Sequence[StoredHypothesis]) -> list[tuple[object, ...]]:
    """What makes each the same hypothesis as one in another question: all but δ, wording and details; and its number
    among those that are alike.
    """
    alike = [
        (str(h.arm), h.direction, str(h.against), str(h.more_than), h.metric and h.metric.name) for h in hypotheses
    ]
    return [(*key, alike[:place].count(key)) for place, key in enumerate(alike)]


def _metric(metric: StoredMetric | None) -> str:
    return f"{metric.name} ({metric.goal})" if metric else "the experiment's"


def _said(h: StoredHypothesis) -> str:
    arm = " … ".join((h.arm[0], h.arm[-1])) if isinstance(h.arm, list) else h.arm
    return f"{arm!r} {h.direction}"


def _plain(hypothesis: Mapping[str, Any]) -> dict[str, Any]:
    """A hypothesis as data, alike whether it was just declared or read back."""
    return {key: value for key, value in hypothesis.items() if value is not None and value != ""}


def _entries(declared: StoredExperiment | None) -> Entries:
    return [entry.to_dict() for entry in (declared.ledger or ())] if declared else []


def _with(entries: Entries, runs: int, commit: str | None, **content: Any) -> Entries:
    entry = {"time": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit, "runs": runs} | content
    return [*entries, entry | {"sha256": _hash(entry, entries[-1]["sha256"] if entries else "")}]


def _hash(entry: Mapping[str, Any], before: str) -> str:
    return hashlib.sha256((before + json.dumps(entry, sort_keys=True)).encode()).hexdigest()
