"""Lists and comparisons as tables for the terminal, and as CSV and Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from callbacks import files
from folklore.declare import metrics
from folklore.report.formatting import (
    beside,
    difference,
    in_words,
    interval,
    is_exploratory,
    label,
    next_command,
    number,
    plain,
    unasked,
)
from folklore.wording import count

if TYPE_CHECKING:  # see folklore.report.formatting
    from folklore.evidence.comparison import Comparison

Row = dict[str, Any]
VERDICT_STYLES = {"supported": "green", "refuted": "red", "no practical difference": "cyan", "undecided": "yellow"}
FACT_STYLES = {True: "green", False: "red"}
_WHOLE = ("name", "output\nshape", "parameters", "receptive\nfield", "stride", "FLOPs", "memory")  # never folded
_LEFT = (
    "node",
    "nodes",
    "processor",
    "experiment",
    "arm",
    "metric",
    "logged as",
    "claim",
    "kind",
    "name",
    "layer",
    "type",
    "output\nshape",
    "fact",
    "value",
    "differences",
)


def table(rows: Sequence[Mapping[str, str]], title: str = "", caption: str = "") -> Table:
    """Rows with equal keys as a table for the terminal. Text is shown literally, never as markup."""
    drawn = Table(
        title=Text(title),
        caption=Text(caption),
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    for name in rows[0] if rows else ():
        whole = name in _WHOLE
        drawn.add_column(
            name,
            justify="left" if name in _LEFT else "right",
            overflow="ellipsis" if whole else "fold",  # half a number would be another
            no_wrap=whole,
            min_width=8 if name in ("layer", "type") else None,
        )
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row.values()))
    return drawn


def comparison(compared: Comparison, where: str = "") -> Group:
    """One comparison for the terminal: the arms' table, what it is about, verdicts with their evidence, facts, and what
    to do next.

    Args:
        compared: an experiment.
        where: the option that names the log directory, for the next command.
    """
    return Group(arms(compared), *_verdicts(compared, evidence=True), *_facts(compared), *_next(compared, where))


def arms(compared: Comparison) -> Group:
    """The table of a comparison's arms, what it is about, and warnings."""
    if not compared.arms:
        return Group(Text(compared.experiment))
    drawn = table(arm_rows(compared), title=compared.experiment, caption="; ".join(about(compared)))
    if compared.best:
        drawn.rows[list(compared.arms).index(compared.best)].style = "bold"
    return Group(drawn, *(Text(f"Beware: {warning}.", style="yellow") for warning in compared.warnings))


def findings(compared: Comparison, where: str = "") -> Group:
    """What came out, in a sentence each: verdicts, facts, the largest difference that was not asked about, what to do.

    Args:
        compared: an experiment.
        where: the option that names the log directory, for the next command.
    """
    seen = [Text(f"  Not asked, but seen: {said}")] if (said := unasked(compared)) else []
    return Group(*_verdicts(compared, evidence=False), *_facts(compared), *seen, *_next(compared, where))


def _next(compared: Comparison, where: str) -> list[Text]:
    more = next_command(compared, where)
    return [Text(f"  Next: {more}", style="bold")] if more else []


def arm_rows(compared: Comparison) -> list[Row]:
    """The arms' table, as text for people."""
    any_failed = any(arm.failed for arm in compared.arms.values())
    exploratory = [name for name in compared.arms if is_exploratory(name, compared)]
    return [
        {
            "arm": name,
            "n": str(arm.n),
            "mean": number(arm.mean),
            "std": number(arm.std),
            "95 % interval": interval(arm.ci),
            "against baseline": difference(arm.difference, compared.goal) + ("*" if name in exploratory else ""),
        }
        | ({"failed": str(arm.failed)} if any_failed else {})
        for name, arm in compared.arms.items()
    ]


def about(compared: Comparison) -> list[str]:
    """Notes: what was measured, on which data, and what a reader must know about the runs."""
    data = compared.data
    unit = f" in {data.unit}" if data and data.unit and compared.metric and metrics.has_unit(compared.metric) else ""
    better = {"min": ", lower is better", "max": ", higher is better", None: ""}[compared.goal]
    sign = "; against the baseline, + is better" if compared.goal else "; against the baseline, + is larger"
    notes = [f"{compared.metric}{unit}{better}{sign}"]
    notes += [f"best mean: {compared.best}"] if compared.best else []
    if data:
        notes.append(f"data: {data.name} ({data.source})")
    notes.append(f"intervals cover {compared.covers}")
    if any(is_exploratory(name, compared) for name in compared.arms):
        notes.append("* exploratory: no hypothesis asks about this difference")
    if compared.edition:
        notes.append(f"{compared.edition} edition: judged again from its kept seeds; its runs kept no test rows")
    if compared.unfinished:
        notes.append(f"{count(compared.unfinished, 'unfinished run')} left out")
    if compared.options:
        notes.append(f"trained with {' '.join(compared.options)}")
    return notes + compared.notes


def _verdicts(compared: Comparison, evidence: bool) -> Iterator[Text]:
    for hypothesis in compared.hypotheses:
        word = label(hypothesis.verdict, hypothesis.size)
        yield Text.assemble((word.upper(), VERDICT_STYLES[hypothesis.verdict]), f": {hypothesis.claim}")
        if not (hypothesis.withheld and evidence):  # the next line says why
            yield Text(f"  {plain(hypothesis)}")
        if not evidence:
            continue
        yield Text(f"  {in_words(hypothesis)}")
        if said := beside(hypothesis):
            yield Text(f"  {said}", style="dim")


def _facts(compared: Comparison) -> Iterator[Text]:
    for fact in compared.facts or ():
        word = "holds" if fact.holds else "does not hold"
        found = f"{fact.found}" if fact.holds else f"{fact.found}, expected {fact.expected}"
        yield Text.assemble((word.upper(), FACT_STYLES[fact.holds]), f": {fact.statement}: {found}")


def flat(comparisons: Sequence[Comparison]) -> list[Row]:
    """Comparisons as rows, an arm each, for CSV and Markdown."""
    rows = []
    for compared in comparisons:
        for name, arm in compared.arms.items():
            difference_lo, difference_hi = arm.difference.ci if arm.difference else (None, None)
            rows.append(
                {
                    "experiment": compared.experiment,
                    "metric": compared.metric,
                    "data": compared.data.name if compared.data else None,
                    "arm": name,
                    "n": arm.n,
                    "mean": arm.mean,
                    "std": arm.std,
                    "ci_lo": arm.ci[0],
                    "ci_hi": arm.ci[1],
                    "difference": arm.difference.mean if arm.difference else None,
                    "difference_ci_lo": difference_lo,
                    "difference_ci_hi": difference_hi,
                    "failed": arm.failed,
                }
            )
    return rows


def as_csv(rows: Sequence[Row]) -> str:
    """Rows as CSV with a header; numbers in full. Nothing where there are none."""
    return files.as_csv(rows) if rows else ""


def as_markdown(rows: Sequence[Row]) -> str:
    """Rows as a Markdown table; numbers rounded. Nothing where there are none."""
    if not rows:
        return ""
    head = list(rows[0])
    lines = [head, ["---"] * len(head)]
    lines += [[number(cell) if isinstance(cell, float) else "" if cell is None else str(cell) for cell in row.values()]
              for row in rows]  # fmt: skip
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)
