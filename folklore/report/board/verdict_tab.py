"""What the board's first tab shows: verdicts, the compared metric with its bands, the arms' table, other curves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from folklore.evidence.comparison import Comparison, JudgedHypothesis
from folklore.report import formatting, marks, plots, tables
from folklore.report.board.places import CONTENT, split_tag, tags
from folklore.report.summary import Result, layer
from folklore.storage.files import write_text
from folklore.storage.schema import StoredFact
from folklore.wording import count


@dataclass(frozen=True)
class Waiting:
    """An experiment of which nothing can be shown, and why; with its claim, and the metric that it is compared by."""

    name: str
    why: str
    claim: str = ""
    metric: str | None = None


@dataclass(frozen=True)
class Shown:
    """An experiment, and what is shown beside its result.

    Attributes:
        result: with whole curves (`summary.summarise`).
        networks: arm to the diagram of its network, an SVG.
        training: whether its runs are being trained.
    """

    result: Result
    networks: Mapping[str, str]
    training: bool


def write(shown: Sequence[Shown | Waiting], out: Path) -> None:
    """Write the content of the tab into a log directory, in place of an earlier one.

    Of a single experiment every metric has a chart, of several the compared one has.
    """
    arms = [list(one.result.comparison.arms) for one in shown if isinstance(one, Shown)]
    style, every = plots.styles(arms, plots.VARIABLES), len(shown) == 1
    content = [_waiting(one) if isinstance(one, Waiting) else _experiment(one, style, every) for one in shown]
    write_text(out / CONTENT, json.dumps(content, ensure_ascii=False, allow_nan=False))


def _waiting(one: Waiting) -> dict[str, Any]:
    empty: dict[str, list[Any]] = {
        key: [] for key in ("warnings", "verdicts", "arms", "charts", "networks", "swatches")
    }
    return {"name": one.name, "claim": one.claim, "state": one.why, "about": "", **empty}


def _experiment(shown: Shown, style: Mapping[str, plots.Style], every: bool) -> dict[str, Any]:
    """An experiment, under the names that static/tab.js uses."""
    result, compared = shown.result, shown.result.comparison
    first, others = _tags(result)
    return {
        "name": compared.experiment,
        "claim": compared.claim or "",
        "state": _state(compared, shown.training),
        "warnings": compared.warnings,
        "verdicts": [*map(_verdict, compared.hypotheses), *map(_fact, compared.facts or ())],
        "arms": tables.arm_rows(compared),
        "swatches": {arm: marks.swatch(style[arm][0], style[arm][2]) for arm in compared.arms},
        "about": "; ".join(tables.about(compared)) if compared.arms else "",
        "charts": [_chart(tag, result, style) for tag in (*first, *(others if every else ()))],
        "networks": [{"arm": arm, "svg": svg} for arm, svg in shown.networks.items()],
    }


def _state(compared: Comparison, training: bool) -> str:
    ended = f"{count(compared.ended, 'run')} ended" if compared.arms else ""
    return f"Training: {ended} so far. The verdict follows when all have." if training else ended


def _verdict(h: JudgedHypothesis) -> dict[str, str]:
    word = formatting.label(h.verdict, h.size)
    return {
        "word": word,
        "kind": _kind(h.verdict),
        "claim": h.claim,
        "said": formatting.plain(h),
        "more": formatting.in_words(h),
    }


def _fact(fact: StoredFact) -> dict[str, str]:
    word, verdict = ("holds", "supported") if fact.holds else ("does not hold", "refuted")
    return {"word": word, "kind": verdict, "claim": fact.statement, "said": str(fact.found), "more": ""}


def _kind(verdict: str) -> str:
    """The class of a verdict in the report's style.css."""
    return verdict.replace(" ", "-")


def _tags(result: Result) -> tuple[list[str], list[str]]:
    """The tags of the charts: of the compared metric, and of others, probes last.

    Layers have no charts, unless they are compared: there may be a hundred.
    """
    found = dict.fromkeys(split_tag(name)[1] for name in result.curves if not name.startswith("running/"))
    first = [tag for tag in tags(result.comparison.metric) if tag in found]
    others = [tag for tag in found if tag not in first and not layer(tag)]
    return first, sorted(others, key=lambda tag: tag.startswith("probe/"))


def _chart(tag: str, result: Result, style: Mapping[str, plots.Style]) -> dict[str, Any]:
    courses = {split_tag(name)[0]: bands for name, bands in result.curves.items() if split_tag(name)[1] == tag}
    bands = [band for arms in courses.values() for band in arms.values() if band]
    about = ["solid: validation, dotted: train"] if len(courses) > 1 else []
    about += ["shaded: 95 % interval of the mean over seeds"]
    about += ["faint: only over the seeds that have not stopped"] if any(len(set(b.runs)) > 1 for b in bands) else []
    figure = json.loads(plots.curves(tag, courses, style, None).to_json())
    return {"title": tag, "about": "; ".join(about), "figure": figure, "said": plots.said_of_curves(tag, courses)}
