"""The ledger of an experiment: what was asked before which runs, and every look at its verdicts.

It stands in experiment.json, and entries are only appended. Each carries a hash of itself and of the entry before, so a
changed or removed entry shows. What was changed after runs existed is said beside the verdicts, in words.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from folklore.evidence import sequential
from folklore.evidence.comparison import Comparison
from folklore.storage import files, run_directory
from folklore.storage.locks import exclusive
from folklore.storage.schema import EndedRun, Question, StoredExperiment, StoredHypothesis

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
    }


def asked(before: StoredExperiment | None, declaration: Mapping[str, Any], runs: int, commit: str | None) -> Entries:
    """The ledger with this question, appended unless it is the one that was asked last.

    Args:
        before: the experiment as it is stored; None where it is not.
        declaration: as it will be stored.
        runs: of the experiment that have ended.
        commit: of the code.
    """
    entries = _entries(before)
    now = question(declaration)
    last = next((entry["asked"] for entry in reversed(entries) if entry.get("asked")), None)
    return entries if last == now else _with(entries, runs, commit, asked=now)


def last_question(entries: Entries) -> str:
    """The hash of the entry that asked last, which the runs that follow carry."""
    return str(next(entry["sha256"] for entry in reversed(entries) if entry.get("asked")))


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
    """The most seeds at which the verdict on the hypothesis at this place was read; 0 if it never was.

    Looks at another number of hypotheses were at other ones, and do not count.
    """
    taken = [entry.look for entry in declared.ledger or () if entry.look]
    return max((look[place] for look in taken if len(look) == len(declared.hypotheses)), default=0)


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


def findings(path: Path, declared: StoredExperiment, ended: Sequence[EndedRun]) -> list[str]:
    """What a reader must know about when the experiment was asked, in words; nothing where all is in order.

    Args:
        path: the experiment's directory.
        declared: its declaration.
        ended: the records of its runs that have ended.
    """
    return [*_changes(declared, len(ended)), *_lost(declared, ended), *_aside(path), *_siblings(path, declared)]


def _lost(declared: StoredExperiment, ended: Sequence[EndedRun]) -> Iterator[str]:
    """Entries under which runs were trained, and which the ledger no longer holds: it was cut, or written anew."""
    kept = {entry.sha256 for entry in declared.ledger or ()}
    lost = sum(run.asked is not None and run.asked not in kept for run in ended)
    if lost and kept:
        yield f"the ledger was edited: {lost} run{'' if lost == 1 else 's'} carry a question that it no longer holds"


def _changes(declared: StoredExperiment, runs: int) -> Iterator[str]:
    entries = declared.ledger or []
    if not any(entry.asked for entry in entries):
        yield "experiment.json has no ledger, so nothing shows what was asked before the runs existed"
        return
    before = ""
    for place, (entry, kept) in enumerate(zip(entries, _entries(declared), strict=True), 1):
        if _hash({key: value for key, value in kept.items() if key != "sha256"}, before) != entry.sha256:
            yield f"the ledger was edited: its entry {place} of {len(entries)} does not fit its hash"
            break
        before = entry.sha256
    questions = [(entry.asked, entry.runs) for entry in entries if entry.asked]
    if first := questions[0][1]:
        said = f"{first} run{'' if first == 1 else 's'}"
        yield f"the ledger begins after {said}: nothing shows what was asked before them"
    ends = [(entry.end, entry.runs) for entry in entries if entry.look and entry.end is not None]
    if ends and declared.end != ends[0][0]:
        yield f"the planned end changed from {ends[0][0]} to {declared.end} seeds after a look at {ends[0][1]} runs"
    stated = Question.of(question(declared.model_dump()))
    for (old, _), (new, after) in zip(questions, [*questions[1:], (stated, runs)], strict=True):
        if after:
            yield from (f"{change} after {after} run{'' if after == 1 else 's'}" for change in _differences(old, new))


def _differences(old: Question, new: Question) -> Iterator[str]:
    for what in ("claim", "baseline"):
        if getattr(old, what) != getattr(new, what):
            yield f"the {what} changed from {getattr(old, what)!r} to {getattr(new, what)!r}"
    if old.metric != new.metric:
        yield f"the metric changed from {old.metric.name} ({old.metric.goal}) to {new.metric.name} ({new.metric.goal})"
    before, now = ({_key(h): h for h in asked.hypotheses} for asked in (old, new))
    for key, hypothesis in before.items():
        if key not in now:
            yield f"the hypothesis {_said(hypothesis)} was dropped"
        elif (one := hypothesis) != (other := now[key]):
            if one.by != other.by:
                yield f"δ of the hypothesis {_said(one)} changed from {one.by:g} to {other.by:g}"
            else:
                yield f"the hypothesis {_said(one)} was reworded"
    yield from (f"the hypothesis {_said(h)} was added" for key, h in now.items() if key not in before)
    for arm in dict.fromkeys((*old.grid, *new.grid)):
        if old.grid.get(arm) != new.grid.get(arm):
            yield f"the grid of {arm!r} changed from {old.grid.get(arm) or 'none'} to {new.grid.get(arm) or 'none'}"


def _aside(path: Path) -> Iterator[str]:
    for folder in sorted((path.parent / run_directory.ASIDE).glob(f"{path.name}-[0-9]*")):
        done = len(list(folder.glob("*/seed-*/DONE")))
        if done:
            yield f"{done} earlier runs of this experiment lie in {run_directory.ASIDE}/{folder.name}"


def _siblings(path: Path, declared: StoredExperiment) -> Iterator[str]:
    """Other contexts of a claim: experiments of the same topic that ask the same with another δ."""
    here = {(h.claim or declared.claim, (h.metric or declared.metric).name): h for h in declared.hypotheses}
    for file in sorted(path.parent.glob(f"{path.name.partition('.')[0]}.*/experiment.json")):
        other = run_directory.read_experiment(file.parent) if file.parent != path else None
        for theirs in other.hypotheses if isinstance(other, StoredExperiment) else ():
            ours = here.get((theirs.claim or other.claim, (theirs.metric or other.metric).name))  # type: ignore[union-attr]
            if ours and ours.by != theirs.by:
                yield f"{file.parent.name} asks the same with δ = {theirs.by:g}, and here δ = {ours.by:g}"


def _key(h: StoredHypothesis) -> tuple[str, ...]:
    """What makes it the same hypothesis: all but its δ and its wording."""
    return (str(h.arm), h.direction, str(h.against), str(h.more_than), h.metric.name if h.metric else "")


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
