"""Lists and comparisons as tables for the terminal, and as CSV and Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

Row = dict[str, Any]
_LEFT = ("experiment", "arm", "claim", "kind", "name", "layer", "type", "output shape", "fact", "value")


def table(rows: Sequence[Mapping[str, str]], title: str = "", caption: str = "") -> Table:
    """Rows with equal keys as a table for the terminal. Text is shown as it is, never read as markup."""
    drawn = Table(
        title=Text(title),
        caption=Text(caption),
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for name in rows[0] if rows else ():
        drawn.add_column(name, justify="left" if name in _LEFT else "right", overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row.values()))
    return drawn


def comparison(compared: Mapping[str, Any]) -> Group:
    """One comparison for the terminal: the arms' table, what it is about, and the hypotheses' effects."""
    data, goal = compared["data"], {"max": "higher", "min": "lower"}[compared["goal"]]
    unit = f" in {data['unit']}" if data["unit"] else ""
    any_failed = any(summary["failed"] for summary in compared["arms"].values())
    rows = [
        {
            "arm": arm,
            "n": str(summary["n"]),
            "mean": figure(summary["mean"]),
            "std": figure(summary["std"]),
            "95 % interval": interval(summary["ci"]),
            "minus baseline": _difference(summary["difference"]),
        }
        | ({"failed": str(summary["failed"])} if any_failed else {})
        for arm, summary in compared["arms"].items()
    ]
    notes = [f"{compared['metric']}{unit}, {goal} is better; data: {data['name']} ({data['source']})"]
    if compared["unfinished"]:
        notes.append(f"{compared['unfinished']} runs are not finished and are left out")
    lines = [
        f"Claim: {h['claim']} {h['arm']!r} against {compared['baseline']!r}, + is {h['counted']}: "
        f"{figure(h['effect'], signed=True)} {interval(h['ci'], signed=True)}; what would matter: {figure(h['delta'])}."
        for h in compared["hypotheses"]
    ]
    return Group(table(rows, title=compared["experiment"], caption="; ".join(notes)), *(Text(line) for line in lines))


def _difference(difference: Mapping[str, Any] | None) -> str:
    if difference is None:
        return "baseline"
    return f"{figure(difference['mean'], signed=True)} {interval(difference['ci'], signed=True)}".removesuffix(" –")


def flat(comparisons: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Comparisons as rows, an arm each, for CSV and Markdown."""
    rows = []
    for compared in comparisons:
        for arm, summary in compared["arms"].items():
            difference = summary["difference"] or {"mean": None, "ci": [None, None]}
            rows.append(
                {
                    "experiment": compared["experiment"],
                    "metric": compared["metric"],
                    "data": compared["data"]["name"],
                    "arm": arm,
                    "n": summary["n"],
                    "mean": summary["mean"],
                    "std": summary["std"],
                    "ci_lo": summary["ci"][0],
                    "ci_hi": summary["ci"][1],
                    "difference": difference["mean"],
                    "difference_ci_lo": difference["ci"][0],
                    "difference_ci_hi": difference["ci"][1],
                    "failed": summary["failed"],
                }
            )
    return rows


def as_csv(rows: Sequence[Row]) -> str:
    """Rows as CSV with a header; figures in full."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_markdown(rows: Sequence[Row]) -> str:
    """Rows as a Markdown table; figures rounded."""
    head = list(rows[0])
    lines = [head, ["---"] * len(head)]
    lines += [[figure(cell) if isinstance(cell, float) else "" if cell is None else str(cell) for cell in row.values()]
              for row in rows]  # fmt: skip
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def figure(value: float | None, signed: bool = False) -> str:
    """A figure with four decimals, or four digits where it is large; "–" where there is none."""
    if value is None:
        return "–"
    sign = "+" if signed else ""
    return (
        f"{value:{sign}.4f}"
        if abs(value) < 10
        else f"{value:{sign},.4g}"
        if abs(value) < 1e4
        else f"{value:{sign},.0f}"
    )


def interval(bounds: Sequence[float | None], signed: bool = False) -> str:
    """An interval as "[lo, hi]"; "–" where there are too few values for one."""
    return "–" if None in bounds else f"[{figure(bounds[0], signed)}, {figure(bounds[1], signed)}]"
