"""The report's charts, as plotly figures, and each in a sentence for those who cannot see it.

Text from logs is escaped: plotly reads some HTML in it. Figures have no legend: a page has one, with its marks of arms.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from folklore.evidence.comparison import ComparedArm, Comparison
from folklore.report.formatting import interval, number
from folklore.report.marks import SYMBOLS
from folklore.report.summary import KeptBand, KeptLayers
from folklore.storage.schema import Tuned

# After Okabe & Ito 2008, "Color universal design": distinguishable with any kind of colour blindness; without yellow,
# and the brightest darkened, so that all have a contrast of 3 on white. Symbols differ too, beyond seven arms dashes.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#c0609a", "#3a9ad0", "#b97f00", "#000000")
VARIABLES = tuple(
    f"var(--arm-{place})" for place in range(len(COLOURS))
)  # of assets/style.css, which has a dark scheme
DASHES = ("solid", "dash", "dot", "dashdot")
HEIGHT = 380  # pixels
_LAYOUT: dict[str, Any] = {
    "template": "plotly_white",
    "margin": {"l": 60, "r": 10, "t": 20, "b": 50},
    "height": HEIGHT,
    "showlegend": False,
    "font": {"family": "system-ui, sans-serif", "size": 13},
    "hovermode": "closest",
}
Style = tuple[str, str, str]  # colour, dash, symbol


def styles(experiments: Sequence[Sequence[str]], colours: Sequence[str] = COLOURS) -> dict[str, Style]:
    """A style for each arm's name, the same on all pages, different for arms of one experiment.

    Args:
        experiments: the names of each experiment's arms.
        colours: to choose from: `VARIABLES` on a page, whose scheme may be dark.
    """
    pairs = [(place, dash) for dash in range(len(DASHES)) for place in range(len(colours))]
    kinds = [(colours[place], DASHES[dash], SYMBOLS[(place + dash) % len(SYMBOLS)]) for place, dash in pairs]
    found: dict[str, Style] = {}
    for arm in dict.fromkeys(name for arms in experiments for name in arms):
        rivals = {found[other] for arms in experiments if arm in arms for other in arms if other in found}
        found[arm] = next((kind for kind in kinds if kind not in rivals), kinds[len(found) % len(kinds)])
    return found


def curves(
    axis: str,
    arms: Mapping[str, Mapping[str, KeptBand | None]],
    style: Mapping[str, Style],
    seeds: Mapping[str, Mapping[str, Mapping[str, Sequence[float | None] | None]]] | None,
) -> go.Figure:
    """Mean and band of train and validation over epochs, and every seed's curve, hidden and with the `meta` "seed".

    Args:
        axis: the metric, with its unit.
        arms: part of the data to arm to band.
        style: of each arm.
        seeds: part of the data to arm to seed to values; None where they were not kept.
    """
    drawn = go.Figure()
    for split, bands in arms.items():
        for arm, band in bands.items():
            if band:
                _band(drawn, arm, split, band, style[arm])
    if late := _late([band for bands in arms.values() for band in bands.values() if band]):
        least, most = np.quantile(late, [0.02, 0.98])
        room = 0.25 * (most - least) or 0.1 * abs(most) or 1.0
        drawn.update_yaxes(range=[least - room, most + room])
    for split, by_arm in (seeds or {}).items():
        for arm, by_seed in by_arm.items():
            for seed, values in by_seed.items():
                if values:
                    _seed(drawn, arm, split, seed, values, style[arm])
    last = max((band.epochs[-1] for bands in arms.values() for band in bands.values() if band), default=0)
    ticks = {"tick0": 1, "dtick": 1} if last <= 12 else {}  # no half epochs
    return drawn.update_layout(**_LAYOUT, xaxis={"title": "epoch", **ticks}, yaxis_title=html.escape(axis))


def _late(bands: Sequence[KeptBand]) -> list[float]:
    """The means of the last two thirds of training, which a chart's scale fits: the first epochs may be many times as
    large, and so may a band of few seeds.
    """
    last = max((band.epochs[-1] for band in bands), default=0)
    points = [(epoch, mean) for band in bands for epoch, mean in zip(band.epochs, band.mean, strict=True)]
    return [mean for epoch, mean in points if epoch >= last / 3 and mean is not None]


def said_of_curves(axis: str, arms: Mapping[str, Mapping[str, KeptBand | None]]) -> str:
    """A sentence with the last means of the part that is shown most prominently."""
    split = "validation" if "validation" in arms else next(iter(arms))
    last = {arm: band.mean[-1] for arm, band in arms[split].items() if band and band.mean}
    ends = ", ".join(f"{arm} {number(mean)}" for arm, mean in last.items())
    return f"{axis} over epochs: {' and '.join(arms)}. In the last epoch, {split}: {ends}."


def _band(drawn: go.Figure, arm: str, split: str, band: KeptBand, style: Style) -> None:
    """Mean and interval as long as all runs last; then the mean of those that are left, dotted and faint."""
    colour, dash, _ = style
    name, faint = html.escape(f"{arm}, {split}"), split == "train"
    most = max(band.runs)
    whole = len(band.runs) - [runs == most for runs in reversed(band.runs)].index(True)
    bounded = [i for i, lo in enumerate(band.lo[:whole]) if lo is not None]
    if bounded:
        x, lo, hi = ([values[i] for i in bounded] for values in (band.epochs, band.lo, band.hi))
        drawn.add_scatter(
            x=[*x, *x[::-1]], y=[*hi, *lo[::-1]], fill="toself", fillcolor=colour, opacity=0.08 if faint else 0.18,
            mode="lines", line={"width": 0}, hoverinfo="skip",
        )  # fmt: skip
    line = {"color": colour, "dash": "dot" if faint else dash, "width": 1.5 if faint else 2.5}
    drawn.add_scatter(x=band.epochs[:whole], y=band.mean[:whole], name=name, mode="lines+markers", line=line,
                      marker={"size": 3})  # fmt: skip
    if whole < len(band.epochs):
        rest = slice(whole - 1, None)
        drawn.add_scatter(
            x=band.epochs[rest], y=band.mean[rest], text=[f"{runs} of {most} seeds" for runs in band.runs[rest]],
            name=name, mode="lines", line={"color": colour, "dash": "dot", "width": 1}, opacity=0.6,
        )  # fmt: skip


def _seed(drawn: go.Figure, arm: str, split: str, seed: str, values: Sequence[float | None], style: Style) -> None:
    name = html.escape(f"{arm}, {split}, seed {seed}")
    line = {"color": style[0], "width": 0.7, "dash": "dot" if split == "train" else "solid"}
    drawn.add_scatter(x=list(range(1, len(values) + 1)), y=list(values), name=name, mode="lines", line=line,
                      meta="seed", visible=False)  # fmt: skip


def strip(compared: Comparison, style: Mapping[str, Style], axis: str | None = None) -> go.Figure:
    """Final values by seed, arm beside arm; a line joins the values of one seed, a bar shows the arm's interval.

    Args:
        compared: the experiment.
        style: of each arm.
        axis: the metric, with its unit; None takes its name.
    """
    drawn = go.Figure()
    arms = list(compared.arms)
    seeds = dict.fromkeys(seed for arm in compared.arms.values() for seed in arm.values)
    for seed in seeds:
        points = [(i, arm.values[seed]) for i, arm in enumerate(compared.arms.values()) if seed in arm.values]
        drawn.add_scatter(
            x=[x for x, _ in points], y=[y for _, y in points], mode="lines", line={"color": "#999999", "width": 0.6},
            hoverinfo="skip",
        )  # fmt: skip
    for i, (name, arm) in enumerate(compared.arms.items()):
        colour, _, symbol = style[name]
        text = [f"seed {html.escape(seed)}" for seed in arm.values]
        drawn.add_scatter(
            x=[i] * len(text), y=list(arm.values.values()), mode="markers", name=html.escape(name), text=text,
            marker={"color": colour, "symbol": symbol, "size": 8},
        )  # fmt: skip
        lo, hi = arm.ci
        if arm.mean is not None and lo is not None and hi is not None:
            error = {"array": [hi - arm.mean], "arrayminus": [arm.mean - lo], "width": 8}
            drawn.add_scatter(
                x=[i + 0.18], y=[arm.mean], error_y=error, mode="markers", name=f"{html.escape(name)}, mean",
                marker={"color": colour, "symbol": "line-ew-open", "size": 14, "line": {"width": 3}},
            )  # fmt: skip
    ticks = [_tick(name, arm) for name, arm in compared.arms.items()]
    places = {"tickmode": "array", "tickvals": list(range(len(arms))), "ticktext": ticks,
            "range": [-0.5, len(arms) - 0.5]}  # fmt: skip
    return drawn.update_layout(**_LAYOUT, xaxis=places, yaxis_title=html.escape(axis or compared.metric or ""))


def said_of_strip(compared: Comparison, axis: str) -> str:
    """A sentence with each arm's mean and interval."""
    arms = ", ".join(f"{name} {number(arm.mean)} {interval(arm.ci)}" for name, arm in compared.arms.items())
    return f"{axis} of every seed, arm beside arm. Means and intervals: {arms}."


def _tick(name: str, arm: ComparedArm) -> str:
    failed = f"<br>{arm.failed} of {arm.n + arm.failed} failed" if arm.failed else ""
    return f"{html.escape(name)}{failed}"


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


def said_of_layers(probe: str, arms: Mapping[str, KeptLayers]) -> str:
    """A sentence with each arm's first and last layer."""
    ends = ", ".join(f"{arm} {number(course.mean[0])} to {number(course.mean[-1])}" for arm, course in arms.items())
    depth = max(len(course.layers) for course in arms.values())
    return f"{probe} after the last epoch, layer after layer, {depth} in all. From the first to the last: {ends}."


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
            hoverinfo="skip", marker={"color": colour, "symbol": "circle-open", "size": 16},
        )  # fmt: skip
        monitor = tuned.monitor or ""
    return drawn.update_layout(
        **_LAYOUT,
        xaxis_title=html.escape(setting),
        yaxis_title=html.escape(monitor),
        xaxis_type="log" if numeric else None,
    )


def said_of_isolation(setting: str, tuning: Mapping[str, Tuned]) -> str:
    """A sentence with each arm's best value."""
    best = {arm: (tuned.best or {}).get(setting) for arm, tuned in tuning.items() if setting in (tuned.grid or {})}
    return f"Tuning score over {setting}. Best: {', '.join(f'{arm} at {value}' for arm, value in best.items())}."
