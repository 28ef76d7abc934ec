"""The report's charts, as plotly figures. Text from logs is escaped: plotly reads some HTML in it."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from folklore.evidence.comparison import ComparedArm, Comparison
from folklore.evidence.verdict import Size, Word
from folklore.report.formatting import label
from folklore.report.summary import KeptBand, KeptLayers
from folklore.storage.schema import Tuned

# Okabe & Ito 2008, "Color universal design": distinguishable with any kind of colour blindness; without yellow, which
# lacks contrast on white. Beyond seven arms, dashes distinguish them.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
FARTHEST = 6.0  # δ, to which a forest plot reaches
DASHES = ("solid", "dash", "dot", "dashdot")
SYMBOLS = ("circle", "square", "diamond", "cross")
_LAYOUT: dict[str, Any] = {
    "template": "plotly_white",
    "margin": {"l": 60, "r": 20, "t": 40, "b": 50},
    "legend": {"orientation": "h", "y": -0.25},
    "font": {"family": "system-ui, sans-serif", "size": 13},
    "hovermode": "closest",
}
Style = tuple[str, str, str]  # colour, dash, symbol


@dataclass(frozen=True)
class Effect:
    """A row of a forest plot: an effect and its interval, in units of the smallest effect that matters.

    Attributes:
        seeds_only: the bounds of the interval over seeds only; () where it is the same.
    """

    label: str
    verdict: Word
    effect: float
    lo: float
    hi: float
    size: Size | None = None
    seeds_only: tuple[float, ...] = ()


def styles(experiments: Sequence[Sequence[str]]) -> dict[str, Style]:
    """A style for each arm's name, the same on all pages, different for arms of one experiment.

    Args:
        experiments: the names of each experiment's arms.
    """
    kinds = [(colour, dash, symbol) for dash, symbol in zip(DASHES, SYMBOLS, strict=True) for colour in COLOURS]
    found: dict[str, Style] = {}
    for arm in dict.fromkeys(name for arms in experiments for name in arms):
        rivals = {found[other] for arms in experiments if arm in arms for other in arms if other in found}
        found[arm] = next((kind for kind in kinds if kind not in rivals), kinds[len(found) % len(kinds)])
    return found


def curves(
    metric: str,
    arms: Mapping[str, Mapping[str, KeptBand | None]],
    style: Mapping[str, Style],
    seeds: Mapping[str, Mapping[str, Mapping[str, Sequence[float | None] | None]]] | None,
) -> go.Figure:
    """Mean and band of train and validation over epochs, and every seed's curve, hidden until a button is pressed.

    Args:
        metric: such as "accuracy".
        arms: part of the data to arm to band.
        style: of each arm.
        seeds: part of the data to arm to seed to values; None where they were not kept.
    """
    drawn = go.Figure()
    listed: set[str] = set()
    for split, bands in sorted(arms.items(), reverse=True):  # validation before train: its line stands in the legend
        for arm, band in bands.items():
            if band:
                _band(drawn, arm, split, band, style[arm], arm not in listed)
                listed.add(arm)
    with_values = (band for bands in arms.values() for band in bands.values() if band)
    means = [mean for band in with_values for mean in band.mean if mean is not None]
    if means:  # a band of few seeds, or an epoch in which one seed diverges, can be many times as large as the rest
        least, most = np.quantile(means, [0.02, 0.98])
        room = 0.25 * (most - least) or 1.0
        drawn.update_yaxes(range=[least - room, most + room])
    shown = len(drawn.data)
    for split, by_arm in (seeds or {}).items():
        for arm, by_seed in by_arm.items():
            for seed, values in by_seed.items():
                if values:
                    _seed(drawn, arm, split, seed, values, style[arm])
    if len(drawn.data) > shown:
        hidden = [True] * shown + [False] * (len(drawn.data) - shown)
        buttons = [
            {"label": "mean and interval", "method": "restyle", "args": ["visible", hidden]},
            {"label": "every seed", "method": "restyle", "args": ["visible", [True] * len(drawn.data)]},
        ]
        menu = {"buttons": buttons, "type": "buttons", "direction": "right", "x": 0, "xanchor": "left", "y": 1.16}
        drawn.update_layout(updatemenus=[menu])
    epochs = max((band.epochs[-1] for bands in arms.values() for band in bands.values() if band), default=0)
    ticks = {"tick0": 1, "dtick": 1} if epochs <= 12 else {}  # no half epochs
    return drawn.update_layout(**_LAYOUT, xaxis={"title": "epoch", **ticks}, yaxis_title=html.escape(metric))


def _band(drawn: go.Figure, arm: str, split: str, band: KeptBand, style: Style, listed: bool) -> None:
    """Mean and interval as long as all runs last; then the mean of those that are left, dotted and faint."""
    colour, dash, _ = style
    faint = split == "train"
    name = html.escape(arm)
    said = f"%{{y:.4g}}%{{text}}<extra>{name}, {split}</extra>"
    shared: dict[str, Any] = {"name": name, "legendgroup": arm, "hovertemplate": said}
    most = max(band.runs)
    whole = len(band.runs) - [runs == most for runs in reversed(band.runs)].index(True)
    bounded = [i for i, lo in enumerate(band.lo[:whole]) if lo is not None]
    if bounded:
        x, lo, hi = ([values[i] for i in bounded] for values in (band.epochs, band.lo, band.hi))
        drawn.add_scatter(
            x=[*x, *x[::-1]], y=[*hi, *lo[::-1]], fill="toself", fillcolor=colour, opacity=0.08 if faint else 0.18,
            mode="lines", line={"width": 0}, hoverinfo="skip", showlegend=False, legendgroup=arm,
        )  # fmt: skip
    drawn.add_scatter(
        x=band.epochs[:whole], y=band.mean[:whole], mode="lines+markers", marker={"size": 3}, showlegend=listed,
        line={"color": colour, "dash": "dot" if faint else dash, "width": 1.5 if faint else 2.5}, text="", **shared,
    )  # fmt: skip
    if whole < len(band.epochs):
        rest = slice(whole - 1, None)
        drawn.add_scatter(
            x=band.epochs[rest], y=band.mean[rest], text=[f", {runs} of {most} seeds" for runs in band.runs[rest]],
            mode="lines", line={"color": colour, "dash": "dot", "width": 1}, opacity=0.6, showlegend=False, **shared,
        )  # fmt: skip


def _seed(drawn: go.Figure, arm: str, split: str, seed: str, values: Sequence[float | None], style: Style) -> None:
    name = html.escape(f"{arm}, {split}, seed {seed}")
    line = {"color": style[0], "width": 0.7, "dash": "dot" if split == "train" else "solid"}
    drawn.add_scatter(x=list(range(1, len(values) + 1)), y=list(values), name=name, mode="lines", line=line,
                      showlegend=False, visible=False)  # fmt: skip


def strip(compared: Comparison, style: Mapping[str, Style]) -> go.Figure:
    """Final values by seed, arm beside arm; a line joins the values of one seed, a bar shows the arm's interval."""
    drawn = go.Figure()
    arms = list(compared.arms)
    seeds = dict.fromkeys(seed for arm in compared.arms.values() for seed in arm.values)
    for seed in seeds:
        points = [(i, arm.values[seed]) for i, arm in enumerate(compared.arms.values()) if seed in arm.values]
        drawn.add_scatter(
            x=[x for x, _ in points], y=[y for _, y in points], mode="lines", line={"color": "#BBBBBB", "width": 0.8},
            hoverinfo="skip", showlegend=False,
        )  # fmt: skip
    for i, (name, arm) in enumerate(compared.arms.items()):
        colour, _, symbol = style[name]
        text = [f"seed {html.escape(seed)}" for seed in arm.values]
        drawn.add_scatter(
            x=[i] * len(text), y=list(arm.values.values()), mode="markers", name=html.escape(name), text=text,
            marker={"color": colour, "symbol": symbol, "size": 8}, showlegend=False,
        )  # fmt: skip
        lo, hi = arm.ci
        if arm.mean is not None and lo is not None and hi is not None:
            error = {"array": [hi - arm.mean], "arrayminus": [arm.mean - lo], "width": 8}
            drawn.add_scatter(
                x=[i + 0.18], y=[arm.mean], error_y=error, mode="markers", name=f"{html.escape(name)}, mean",
                marker={"color": colour, "symbol": "line-ew-open", "size": 14, "line": {"width": 3}}, showlegend=False,
            )  # fmt: skip
    ticks = [_tick(name, arm) for name, arm in compared.arms.items()]
    axis = {"tickmode": "array", "tickvals": list(range(len(arms))), "ticktext": ticks,
            "range": [-0.5, len(arms) - 0.5]}  # fmt: skip
    return drawn.update_layout(**_LAYOUT, xaxis=axis, yaxis_title=html.escape(compared.metric or ""))


def _tick(name: str, arm: ComparedArm) -> str:
    failed = f"<br>{arm.failed} of {arm.n + arm.failed} failed" if arm.failed else ""
    return f"{html.escape(name)}{failed}"


def forest(rows: Sequence[Effect]) -> go.Figure:
    """Effects with their intervals, the first row on top, each under its label.

    The axis ends at ±6 δ: what lies beyond is drawn as an arrow with its number, so that one large effect does not
    squash all others.
    """
    drawn = go.Figure()
    reach = min(FARTHEST, max([1.5, *(1.1 * abs(bound) for row in rows for bound in (row.lo, row.hi))]))
    drawn.add_vrect(x0=-1, x1=1, fillcolor="#DDDDDD", opacity=0.5, line_width=0, layer="below")
    drawn.add_vline(x=0, line={"color": "#666666", "width": 1})
    height = len(rows)
    for place, row in enumerate(rows):
        y = height - place
        _effect(drawn, row, y, reach)
        drawn.add_annotation(x=-reach, y=y + 0.36, text=html.escape(_short(row.label)), showarrow=False,
                             xanchor="left", font={"size": 12})  # fmt: skip
    layout = _LAYOUT | {"margin": {"l": 10, "r": 10, "t": 20, "b": 50}}
    return drawn.update_layout(
        **layout, yaxis={"visible": False, "range": [0.4, height + 0.9]}, height=110 + 48 * height,
        xaxis={"title": "effect, in units of δ", "range": [-reach, reach]},
    )  # fmt: skip


def _effect(drawn: go.Figure, row: Effect, y: float, reach: float) -> None:
    """One effect: its dot and interval, as far as the axis reaches."""
    colour, symbol = VERDICTS[row.verdict]
    if row.size == "open" and not symbol.endswith("-open"):
        symbol += "-open"
    lo, effect, hi = (min(max(value, -reach), reach) for value in (row.lo, row.effect, row.hi))
    if row.seeds_only:
        inner = [min(max(bound, -reach), reach) for bound in row.seeds_only]
        drawn.add_scatter(x=inner, y=[y, y], mode="lines", line={"color": colour, "width": 4}, opacity=0.5,
                          hoverinfo="skip", showlegend=False)  # fmt: skip
    error = {"array": [hi - effect], "arrayminus": [effect - lo], "width": 5}
    drawn.add_scatter(
        x=[effect], y=[y], error_x=error, mode="markers", name=html.escape(row.label), showlegend=False,
        marker={"color": colour, "symbol": symbol, "size": 11},
        hovertemplate=f"{html.escape(row.label)}<br>{row.effect:.2f} δ<extra>{label(row.verdict, row.size)}</extra>",
    )  # fmt: skip
    if abs(row.effect) > reach:
        arrow = f"{row.effect:.0f} δ →" if row.effect > 0 else f"← {row.effect:.0f} δ"
        side = "right" if row.effect > 0 else "left"
        drawn.add_annotation(x=effect, y=y - 0.3, text=arrow, showarrow=False, xanchor=side,
                             font={"size": 12, "color": colour})  # fmt: skip


VERDICTS = {
    "supported": ("#009E73", "circle"),
    "refuted": ("#D55E00", "x"),
    "no practical difference": ("#0072B2", "square"),
    "undecided": ("#666666", "circle-open"),
}


def layers(probe: str, arms: Mapping[str, KeptLayers], style: Mapping[str, Style]) -> go.Figure:
    """A probe by depth, after the last epoch: mean over seeds and its interval, layer after layer."""
    drawn = go.Figure()
    for arm, course in arms.items():
        colour, dash, symbol = style[arm]
        above, below = _minus(course.hi, course.mean), _minus(course.mean, course.lo)
        error = None if None in course.lo else {"array": above, "arrayminus": below}
        drawn.add_scatter(
            x=[html.escape(layer) for layer in course.layers], y=course.mean, error_y=error,
            name=html.escape(arm), mode="lines+markers", line={"color": colour, "dash": dash},
            marker={"symbol": symbol},
        )  # fmt: skip
    return drawn.update_layout(**_LAYOUT, xaxis_title="layer", yaxis_title=html.escape(probe))


def _minus(values: Sequence[float | None], others: Sequence[float | None]) -> list[float]:
    pairs = zip(values, others, strict=True)
    return [value - other for value, other in pairs if value is not None and other is not None]


def isolation(setting: str, tuning: Mapping[str, Tuned], style: Mapping[str, Style]) -> go.Figure:
    """Each arm's tuning score against one setting of its grid, at the best of the others; the best is ringed."""
    drawn = go.Figure()
    numeric, monitor = True, ""
    for arm, tuned in tuning.items():
        if setting not in (tuned.grid or {}):
            continue
        colour, dash, symbol = style[arm]
        others = {other: value for other, value in (tuned.best or {}).items() if other != setting}
        rows = [row for row in tuned.tried or () if setting in row.point and row.point == row.point | others]
        x = [row.point[setting] for row in rows]
        numeric &= all(isinstance(value, int | float) and value > 0 for value in x)
        drawn.add_scatter(
            x=x, y=[row.mean for row in rows], name=html.escape(arm), mode="lines+markers",
            line={"color": colour, "dash": dash}, marker={"symbol": symbol},
        )  # fmt: skip
        best = [row for row in rows if row.point == tuned.best]
        drawn.add_scatter(
            x=[row.point[setting] for row in best], y=[row.mean for row in best], mode="markers",
            hoverinfo="skip", marker={"color": colour, "symbol": "circle-open", "size": 16}, showlegend=False,
        )  # fmt: skip
        monitor = tuned.monitor or ""
    return drawn.update_layout(
        **_LAYOUT,
        xaxis_title=html.escape(setting),
        yaxis_title=html.escape(monitor),
        xaxis_type="log" if numeric else None,
    )


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
