"""Why a hypothesis gets no verdict: runs that are missing, that failed, or that never reached a target, and others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from folklore.declare import metrics
from folklore.declare.expressions import has_failed
from folklore.evidence.asked import AskedHypothesis
from folklore.evidence.comparison import Failures
from folklore.evidence.hypotheses import Values
from folklore.storage import run_directory
from folklore.storage.schema import DataSet, EndedRun, StoredExperiment

MOST_FAILURES = 0.1  # of an arm's runs: beyond, the rest is a selection
MOST_DIFFERENCE = 1  # failures more in one arm than in another
MOST_CENSORED = 0.25  # of an arm's runs that never reach a target
Ended = Sequence[tuple[run_directory.Run, EndedRun]]
Histories = Callable[[Path], Mapping[str, Sequence[float]]]


@dataclass(frozen=True)
class Reasons:
    """Looks for reasons to withhold verdicts on an experiment's hypotheses.

    Attributes:
        declared: the experiment.
        data: of its runs; None where it is unknown.
        runs: all that are stored.
        ended: those that ended.
        histories: reads a run's history.
    """

    declared: StoredExperiment
    data: DataSet | None
    runs: Sequence[run_directory.Run]
    ended: Ended
    histories: Histories

    def failures(self, hypothesis: AskedHypothesis) -> list[Failures]:
        """How many runs of each of its arms failed, among the seeds that all of them have."""
        seeds = range(self.seeds(hypothesis))
        found = []
        for arm in hypothesis.needed:
            of_arm = [run for run in self.runs if run.arm == arm and run.seed in seeds and run.status != "incomplete"]
            failed = sum(run.ended is None or has_failed(run.ended) for run in of_arm)
            found.append(Failures(arm=arm, failed=failed, runs=len(of_arm)))
        return found

    def seeds(self, hypothesis: AskedHypothesis) -> int:
        """The number of seeds that every arm has, from 0 on; some before the last may be missing."""
        most = dict.fromkeys(hypothesis.needed, 0)
        for run in self.runs:
            if run.arm in most and run.status != "incomplete":
                most[run.arm] = max(most[run.arm], run.seed + 1)
        return min(most.values())

    def missing(self) -> list[str]:
        """Seeds that some arm lacks though it has later ones, in words."""
        there = {(run.arm, run.seed) for run in self.runs if run.status != "incomplete"}
        found: list[str] = []
        if not is_paired(self.declared):
            return found
        for arm in self.declared.arms:
            most = max((seed for name, seed in there if name == arm), default=-1)
            gaps = [seed for seed in range(most) if (arm, seed) not in there]
            if gaps:
                found.append(f"{self._seeds(gaps)} of {arm!r} {'is' if len(gaps) == 1 else 'are'} missing")
        return found

    def _seeds(self, numbers: Sequence[int]) -> str:
        """Seeds in words; those of another program under their names there."""
        logs = self.declared.logs
        names = {number: name for of_arm in logs.seeds.values() for number, name in of_arm.items()} if logs else {}
        shown = ", ".join(names.get(str(seed), str(seed)) for seed in numbers[:5]) + (" …" if len(numbers) > 5 else "")
        return f"seed {shown}" if len(numbers) == 1 else f"seeds {shown}"

    def of(self, hypothesis: AskedHypothesis, values: Values, lacking: Counter[str], seen: int) -> str | None:
        """The reason to withhold the verdict on a hypothesis, or None.

        Args:
            hypothesis: this one.
            values: of its metric.
            lacking: each arm's runs that did not record its metric.
            seen: the most seeds at which its verdict was read before.
        """
        name = hypothesis.metric.name
        if unrecorded := [repr(arm) for arm in hypothesis.needed if lacking[arm] and not values[arm]]:
            return f"runs of {' and '.join(unrecorded)} did not record {name}"
        if not is_paired(self.declared):
            return "the arms' runs share no seeds, and a verdict rests on pairs of runs with the same seed"
        if self.data and "unit" in self.declared.model_fields_set and self.data.unit != self.declared.unit:
            unit = self.declared.unit or "other units"
            return f"what would matter is declared in {unit}, and these runs are of {self.data.name}"
        reasons = [*self._incomplete(hypothesis, seen), *self._edges(hypothesis)]
        if not metrics.parse(name).of_failures_too:
            reasons += self._failed(hypothesis)
            reasons += self._without_value(hypothesis, values)
        reasons += self._censored(hypothesis)
        return "; ".join(reasons) or None

    def _incomplete(self, hypothesis: AskedHypothesis, seen: int) -> Iterator[str]:
        """Seeds are 0 … n-1: a study without one of them is another study."""
        there = {(run.arm, run.seed) for run in self.runs if run.status != "incomplete"}
        most = self.seeds(hypothesis)
        for arm in hypothesis.needed:
            if not any(name == arm for name, _ in there):
                yield f"no run of {arm!r} has ended: run the experiment again"
            if gaps := [seed for seed in range(most) if (arm, seed) not in there]:
                are = "is" if len(gaps) == 1 else "are"
                yield f"{self._seeds(gaps)} of {arm!r} {are} missing: run the experiment again"
        if most < seen:
            yield f"its verdict was read at {seen} seeds, and {most} are left: run the experiment again"

    def _edges(self, hypothesis: AskedHypothesis) -> Iterator[str]:
        for arm, tuned in (self.declared.tuning or {}).items():
            for setting, (value, side) in tuned.edges.items() if arm in hypothesis.needed else ():
                yield f"the best {setting} of {arm!r} lies at the edge of its grid, {value}: widen it {side}"

    def _failed(self, hypothesis: AskedHypothesis) -> Iterator[str]:
        found = self.failures(hypothesis)
        counts = [arm.failed for arm in found]
        many = any(arm.failed > MOST_FAILURES * arm.runs for arm in found)
        if many or max(counts) - min(counts) > MOST_DIFFERENCE:
            shown = [arm for arm in found if arm.failed or len(found) == 2]
            said = " and ".join(f"{arm.failed} of {arm.runs} runs of {arm.arm!r}" for arm in shown)
            most = max(found, key=lambda arm: arm.failed / max(1, arm.runs))
            yield (
                f"{said} failed, so those that are left are a selection: only the rate of failure can get a verdict, "
                f'as in Hypothesis({most.arm!r}, …, metric=Metric("failure", "min"))'
            )

    def _without_value(self, hypothesis: AskedHypothesis, values: Values) -> Iterator[str]:
        """Runs that did not fail and yet have no value: without them, the rest is a selection."""
        for arm in hypothesis.needed:
            lost = [run.seed for run, record in self.ended if run.arm == arm and not has_failed(record)
                    and run.seed not in values[arm]]  # fmt: skip
            if lost:
                have = "has" if len(lost) == 1 else "have"
                yield f"{self._seeds(lost)} of {arm!r} {have} no {hypothesis.metric.name}"

    def _censored(self, hypothesis: AskedHypothesis) -> Iterator[str]:
        metric = metrics.parse(hypothesis.metric.name)
        if not metric.has_target:
            return
        for arm in hypothesis.needed:
            of_arm = [metric.never_reached(record, self.histories(run.path)) for run, record in self.ended
                      if run.arm == arm]  # fmt: skip
            if sum(of_arm) > MOST_CENSORED * len(of_arm):
                yield f"{sum(of_arm)} of {len(of_arm)} runs of {arm!r} never reach the target"


def is_paired(declared: StoredExperiment) -> bool:
    """Whether arms share seeds, as all but some logs of other programs do."""
    return declared.logs is None or declared.logs.paired
