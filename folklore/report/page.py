"""The content of an experiment's page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import markupsafe
import plotly.graph_objects as go

from folklore.declare import metrics
from folklore.declare.recipe import Recipe, without_later_defaults
from folklore.declare.settings import flatten
from folklore.evidence import sequential
from folklore.evidence.comparison import Comparison, JudgedHypothesis
from folklore.report import claims, formatting, marks, plots, tables
from folklore.report.summary import Result
from folklore.storage.schema import Tuned
from folklore.wording import count

_PARTS = {"train", "validation", "test", "logged"}  # of the data, whose curves share a plot


@dataclass(frozen=True)
class Link:
    """A link to another page."""

    page: str
    name: str
    title: str

    @classmethod
    def to(cls, result: Result, page: str) -> Self:
        """The link to a result's page."""
        return cls(page, result.comparison.experiment, _title(result))


@dataclass(frozen=True)
class Plot:
    """A plot as the page's script draws it.

    Attributes:
        id: of its element.
        said: what it shows, in a sentence, for those who cannot see it.
        figure: plotly's JSON.
        height: pixels, known before it is drawn, so that nothing moves.
        legend: arms' marks and names.
        seeds: whether it holds every seed's curve, which a box shows.
    """

    id: str
    said: str
    figure: markupsafe.Markup
    height: int
    legend: Sequence[tuple[markupsafe.Markup, str]]
    seeds: bool

    @classmethod
    def of(cls, figure: go.Figure, name: str, said: str, style: Mapping[str, plots.Style], arms: Iterable[str]) -> Self:
        """A figure about these arms, without its template: the page's script has one for each colour scheme."""
        data = json.loads(figure.to_json())
        height = data["layout"].pop("height")
        del data["layout"]["template"]
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")  # no end of a script
        return cls(
            f"plot-{re.sub(r'[^a-z0-9-]', '-', name.lower())}", said, markupsafe.Markup(text), height,
            [(_swatch(style[arm]), arm) for arm in arms], any(trace.meta == "seed" for trace in figure.data),
        )  # fmt: skip


def content(result: Result, style: Mapping[str, plots.Style]) -> dict[str, Any]:
    """The content of an experiment's page, under the names that its template uses."""
    compared = result.comparison
    by_metric: dict[str, dict[str, str]] = {}
    for name in result.curves:
        split, _, metric = name.partition("/")
        by_metric.setdefault(metric if split != "probe" else name, {})[split] = name
    shown = {metric: names for metric, names in by_metric.items() if _PARTS & set(names)}
    return {
        "title": _title(result),
        "compared": compared,
        "cards": [_card(h) for h in compared.hypotheses],
        "note": result.note,
        "said_by_file": result.about.split("\n\n") if result.about else [],
        "arms": [_arm(name, compared, style[name]) for name in compared.arms],
        "failed": any(arm.failed for arm in compared.arms.values()),
        "about": "; ".join(tables.about(compared)) if compared.arms else "",
        "strip": _strip(compared, style) if compared.arms else None,
        "curves": [_curves(result, metric, names, style) for metric, names in _compared_first(shown, compared)],
        "probes": [_curves(result, metric, names, style) for metric, names in by_metric.items() if "probe" in names],
        "layers": [
            Plot.of(plots.layers(probe, arms, style), f"layers-{i}", plots.said_of_layers(probe, arms), style, arms)
            for i, (probe, arms) in enumerate(result.layers.items())
        ],
        "isolation": _isolation(compared.tuning or {}, style),
        "settings": _settings(result),
        "fixed": _fixed(result),
        "failures": result.failures,
        "failed_of": ", ".join(
            f"{arm.failed} of {arm.n + arm.failed} of {name}" for name, arm in compared.arms.items() if arm.failed
        ),
        "runs": result.runs,
        "ledger": result.ledger,
        "made": made(result),
        "command": command(compared),
    }


def _title(result: Result) -> str:
    return result.comparison.claim or result.comparison.experiment


def _card(h: JudgedHypothesis) -> dict[str, Any]:
    """A hypothesis: its word and its sentence, its effect drawn, and how we know."""
    effect = claims.drawable(h)
    return {
        "h": h,
        "label": formatting.label(h.verdict, h.size),
        "plain": formatting.plain(h),
        "mark": marks.mark(effect, alone=True) if effect else "",
        "words": formatting.in_words(h),
        "variance": _variance(h),
        "beside": formatting.beside(h),
    }


def _variance(h: JudgedHypothesis) -> str:
    """Where an effect's uncertainty comes from: standard errors, and the share that more seeds do not shrink."""
    seeds, *others = ((h.variance or {}).get(part) or 0.0 for part in ("seeds", "rows", "tuning"))
    if sum(others) <= 0:
        return ""
    rows, tuning = (formatting.number(part**0.5) for part in others)
    return (
        f"The standard error of the effect: {formatting.number(seeds**0.5)} from seeds, {rows} from test rows, "
        f"{tuning} from tuning. More seeds shrink the first part. The others stay, since every seed is tested on the "
        "same rows, or on rows that other seeds use too, and all seeds choose tuned points by the same few tuning "
        f"seeds: {sum(others) / (seeds + sum(others)):.0%} of the variance stays."
    )


def made(result: Result) -> str:
    """Versions, hardware and time, in a sentence."""
    versions = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    hardware, code = result.hardware, result.code
    machine = f" on {hardware['machine']}" if hardware.get("machine") else ""
    changed = ", with changes" if code.changed else ""
    commit = f" Code: {code.commit[:12]}{changed}." if code.commit else ""
    runs = count(result.runs, "run")
    versions = f" {versions}." if versions else ""
    return f"{runs}, {result.seconds:,.0f} seconds of training in all{machine}.{versions}{commit}"


def command(compared: Comparison) -> str:
    """The command that repeats an experiment's runs; "" where nothing can, since they were only logged here."""
    return formatting.command(compared, _seeds(compared))


def _seeds(compared: Comparison) -> str:
    """The option that gives as many seeds: by the planned looks where they were taken, otherwise the number."""
    most = max((arm.n + arm.failed for arm in compared.arms.values()), default=0)
    judged = [h for h in compared.hypotheses if h.looks]
    last = [h.looks[-1] for h in judged if h.looks]
    if not last or any(h.looks != sequential.planned(end) for h, end in zip(judged, last, strict=True)):
        return f" --seeds {most}" if most else ""
    # A plan of 30 seeds would have gone on beyond a look at 10, or with a verdict that is open.
    is_open = any(h.size != "settled" and not h.withheld for h in judged) and most < sequential.LOOKS[-1]
    if not is_open and set(last) <= set(sequential.LOOKS):
        return " --until-decided"
    return f" --until-decided --max-seeds {most}" if most > sequential.LOOKS[0] else f" --seeds {most}"


def _arm(name: str, compared: Comparison, style: plots.Style) -> dict[str, Any]:
    arm, goal, exploratory = compared.arms[name], compared.goal, formatting.is_exploratory(name, compared)
    return {
        "name": name,
        "swatch": _swatch(style),
        "n": arm.n,
        "mean": formatting.number(arm.mean),
        "std": formatting.number(arm.std),
        "interval": formatting.interval(arm.ci),
        "difference": formatting.difference(arm.difference, goal) + ("*" if exploratory else ""),
        "failed": arm.failed,
    }


def _swatch(style: plots.Style) -> markupsafe.Markup:
    colour, _, symbol = style
    return marks.swatch(colour, symbol)


def _settings(result: Result) -> list[tuple[str, list[str | None]]]:
    """The settings in which arms differ, each with its value in every arm; None where an arm has the default."""
    arms = [result.settings.get(arm, {}) for arm in result.comparison.arms]
    names = dict.fromkeys(name for values in arms for name in values)
    return [(name, [_said(values[name]) if name in values else None for values in arms]) for name in names]


def _fixed(result: Result) -> list[tuple[str, str]]:
    """The settings that all arms share, without a recipe's defaults."""
    defaults = {field.name: field.default for field in fields(Recipe)} | {"optimizer": {"name": "adam"}}
    flat = dict(flatten(defaults))
    held = without_later_defaults(result.held)
    return [(name, _said(value)) for name, value in held.items() if value not in ([], {}, flat.get(name, []))]


def _said(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else "none" if value is None else str(value)


def _axis(metric: str, of: str, compared: Comparison) -> str:
    """A metric, with its unit where it has one."""
    unit = compared.data.unit if compared.data and metrics.has_unit(metric) else ""
    return f"{of} ({unit})" if unit else of


def _strip(compared: Comparison, style: Mapping[str, plots.Style]) -> Plot:
    metric = compared.metric or ""
    axis = _axis(metric, metric, compared)
    return Plot.of(plots.strip(compared, style, axis), "strip", plots.said_of_strip(compared, axis), style, ())


def _compared_first(shown: Mapping[str, Any], compared: Comparison) -> list[tuple[str, Any]]:
    """The charts of metrics, the compared one's on top."""
    asked = (compared.metric or "").rpartition("/")[2]
    return sorted(shown.items(), key=lambda item: item[0] != asked)


def _curves(result: Result, metric: str, names: Mapping[str, str], style: Mapping[str, plots.Style]) -> Plot:
    wanted = {split: name for split, name in names.items() if split != "running"}
    seeds = {split: result.seeds[name] for split, name in wanted.items()} if result.seeds else None
    bands = {split: result.curves[name] for split, name in wanted.items()}
    axis = _axis(next(iter(wanted.values())), metric, result.comparison)
    said = plots.said_of_curves(axis, bands)
    return Plot.of(plots.curves(axis, bands, style, seeds), f"curves-{metric}", said, style, result.comparison.arms)


def _isolation(tuning: Mapping[str, Tuned], style: Mapping[str, plots.Style]) -> list[Plot]:
    tuning = {arm: tuned for arm, tuned in tuning.items() if tuned.tried}
    settings = dict.fromkeys(setting for tuned in tuning.values() for setting in tuned.grid or {})
    return [
        Plot.of(
            plots.isolation(setting, tuning, style),
            f"tuning-{i}",
            plots.said_of_isolation(setting, tuning),
            style,
            tuning,
        )
        for i, setting in enumerate(settings)
    ]
