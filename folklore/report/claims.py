"""All hypotheses of several experiments as rows: for the report's index, for docs/claims.md, and as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from folklore.evidence import statistics
from folklore.evidence.comparison import Comparison, JudgedHypothesis
from folklore.report import formatting, marks, summary, tables
from folklore.report.summary import Result
from folklore.wording import count


@dataclass(frozen=True)
class ClaimRow:
    """A row of the index as text: a hypothesis, or a claim that computation settled, which has no seeds."""

    page: str
    experiment: str
    data: str
    claim: str
    verdict: str
    effect: str
    seeds: str
    p: str
    size: str | None = None
    remark: str = ""
    mark: str = ""
    anchor: str = ""

    @property
    def topic(self) -> str:
        """The first part of the experiment's name."""
        return self.experiment.partition(".")[0]

    @property
    def label(self) -> str:
        """The verdict with its qualifier."""
        return formatting.label(self.verdict, self.size)


def index_rows(found: Sequence[Result]) -> tuple[list[ClaimRow], int]:
    """The index's rows, and over how many tests p was adjusted: evidence that two rows share counts once."""
    hypotheses = [hypothesis for result in found for hypothesis in result.comparison.hypotheses]
    raw = {_evidence(h): h.p_unadjusted for h in hypotheses if h.p_unadjusted is not None}
    adjusted = dict(zip(raw, statistics.holm(list(raw.values())), strict=True))
    rows: list[ClaimRow] = []
    for result in found:
        about = (f"{summary.stem(result)}.html", result.comparison.experiment, _data(result.comparison))
        for place, h in enumerate(result.comparison.hypotheses, 1):
            p = formatting.p_value(adjusted.get(_evidence(h))).removeprefix(", p = ").removeprefix(", p ")
            effect = formatting.estimate(h.effect, h.ci)
            drawn = marks.mark(effect_in_deltas) if (effect_in_deltas := drawable(h)) else ""
            anchor = f"{summary.stem(result)}-{len(rows) + 1}"
            page = f"{about[0]}#claim-{place}" if len(result.comparison.hypotheses) > 1 else about[0]
            rows.append(
                ClaimRow(page, *about[1:], h.claim, h.verdict, effect, str(h.n), p, h.size, _remark(h), drawn, anchor)
            )
        if facts := result.comparison.facts:
            holding = sum(fact.holds for fact in facts)
            claim, effect = f"{result.comparison.claim} By computation.", f"{holding} of {len(facts)} facts hold"
            verdict = "supported" if holding == len(facts) else "refuted"
            rows.append(ClaimRow(*about, claim, verdict, effect, seeds="", p="exact"))
        elif not result.comparison.hypotheses:
            compared = f"{count(len(result.comparison.arms), 'arm')}, by {result.comparison.metric}"
            rows.append(ClaimRow(*about, result.comparison.claim or compared, "not asked", effect="", seeds="", p=""))
    return rows, len(raw)


def topics(rows: Sequence[ClaimRow]) -> list[tuple[str, list[ClaimRow]]]:
    """The rows of each topic, in the order in which topics appear."""
    topics = dict.fromkeys(row.topic for row in rows)
    return [(topic, [row for row in rows if row.topic == topic]) for topic in topics]


def figures(found: Sequence[Result]) -> list[dict[str, Any]]:
    """All figures of all hypotheses, in full: a row each."""
    rows = []
    for result in found:
        for h in result.comparison.hypotheses:
            lo, hi = h.ci
            rows.append(
                {
                    "experiment": result.comparison.experiment, "claim": h.claim, "metric": h.metric,
                    "arm": h.arm if isinstance(h.arm, str) else " … ".join(h.arm), "against": h.against,
                    "direction": h.direction, "verdict": h.verdict, "size": h.size, "effect": h.effect, "ci_lo": lo,
                    "ci_hi": hi, "confidence": h.confidence, "delta": h.delta, "seeds": h.n, "p": h.p,
                    "e_value": h.e_value, "covers": h.covers, "withheld": h.withheld,
                    "data": _data(result.comparison),
                }
            )  # fmt: skip
    return rows


def _evidence(h: JudgedHypothesis) -> tuple[Any, ...]:
    """What makes two tests one: the same claim about the same effects by seed."""
    return h.metric, h.direction, h.delta, h.p_unadjusted, tuple(h.effects.items())


def _remark(h: JudgedHypothesis) -> str:
    """What keeps a verdict from being given, failures, and seeds that would help, in a few words."""
    parts = [f"withheld: {h.withheld}"] if h.withheld else []
    parts += [f"{arm.failed} of {arm.runs} runs of {arm.arm} failed" for arm in h.failures or () if arm.failed]
    if h.seeds_needed and not h.looks:
        parts.append(f"a verdict takes {h.seeds_needed} seeds")
    elif h.seeds_needed:
        ninety = f", nine in ten by {h.seeds_needed_90:,}" if h.seeds_needed_90 else ""
        parts.append(f"an even chance by {h.seeds_needed:,} seeds{ninety}")
    return "; ".join(parts)


def as_markdown(found: Sequence[Result]) -> str:
    """The index as Markdown: claim, verdict, effect with interval, seeds, data."""
    rows, tested = index_rows(found)
    return (
        f"# Claims\n\n{size(found)}.\n\n{tables.as_markdown([_claim(row) for row in rows])}\n"
        "An effect is counted in the claimed direction, in units of the metric. Its interval has the confidence that\n"
        'the looks taken leave, shared among an experiment\'s hypotheses. "Size open": there is an effect, and the\n'
        "interval does not say whether it matters. p is that of the verdict's own claim, adjusted for looks and, by\n"
        f"Holm's method, for {count(tested, 'test')} here.{_first_edition(found)}\n"
    )


def _first_edition(found: Sequence[Result]) -> str:
    first = sum(result.comparison.edition == "first" for result in found)
    if not first:
        return ""
    return (
        f" {count(first, 'experiment')} of the first edition kept no test rows and had fewer\nlooks: they "
        "were judged again from their kept seeds, and their intervals cover seeds only."
    )


def _claim(row: ClaimRow) -> dict[str, str]:
    remark = f" ({row.remark})" if row.remark else ""
    return {
        "claim": row.claim,
        "experiment": f"`{row.experiment}`",
        "verdict": f"**{row.label}**{remark}",
        "effect [interval]": row.effect,
        "seeds": row.seeds,
        "p": row.p,
        "data": row.data,
    }


def size(found: Sequence[Result]) -> str:
    """How many experiments and runs there are."""
    runs = sum(result.runs for result in found)
    return f"{count(len(found), 'experiment')}, {count(runs, 'run')}"


def _data(compared: Comparison) -> str:
    options = f", {' '.join(compared.options)}" if compared.options else ""
    return f"{compared.data.name} ({compared.data.source}){options}" if compared.data else ""


def drawable(h: JudgedHypothesis) -> marks.Effect | None:
    """A hypothesis' effect in units of δ; None where it has no interval."""
    lo, hi = h.ci
    if h.effect is None or lo is None or hi is None:
        return None
    inner = tuple(bound / h.delta for bound in h.ci_seeds if bound is not None and h.covers != "seeds")
    return marks.Effect(h.verdict, h.effect / h.delta, lo / h.delta, hi / h.delta, h.size, inner)
