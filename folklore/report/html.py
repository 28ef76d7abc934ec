"""One folder of HTML that works from a file: an index of all claims, and a page for each experiment."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import markupsafe
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from folklore.errors import ProblemError
from folklore.evidence import sequential
from folklore.evidence.comparison import Comparison, JudgedHypothesis
from folklore.report import claims, formatting, plots, summary, tables
from folklore.report.summary import Result
from folklore.storage.files import write_text
from folklore.storage.schema import Tuned

_CONFIG = {"displaylogo": False, "responsive": True}


def write(found: Sequence[Result], out: Path) -> Path:
    """Write the report on experiments' records into `out`; return its index.html.

    Beside the pages: claims.md, the index as Markdown, and results/, the records themselves without seeds' curves.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("folklore.report"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    stems = [summary.stem(result) for result in found]
    for name in stems:
        if stems.count(name) > 1:
            raise ProblemError(f"Two of the results are called {name!r}, so one page would replace the other.")
    style = plots.styles([list(result.comparison.arms) for result in found])
    # All pages are made before any is written.
    template = environment.get_template("experiment.html")
    pages = {f"{summary.stem(result)}.html": template.render(_page(result, style)) for result in found}
    rows, tested = claims.index_rows(found)
    pages["index.html"] = environment.get_template("index.html").render(
        title="Deep-learning advice on trial",
        size=claims.size(found),
        counts=sorted(Counter(row.verdict for row in rows).items(), key=lambda item: -item[1]),
        topics=claims.topics(rows),
        tested=formatting.count(tested, "test"),
    )
    pages["claims.md"] = claims.as_markdown(found)
    pages["claims.csv"] = tables.as_csv(claims.figures(found))
    pages["assets/plotly.min.js"] = get_plotlyjs()
    pages["assets/style.css"] = files("folklore.report").joinpath("templates/style.css").read_text("utf-8")
    for name, text in pages.items():
        write_text(out / name, text)
    for result in found:
        summary.write(result.model_copy(update={"seeds": None}), out / "results")
    return out / "index.html"


def _page(result: Result, style: Mapping[str, plots.Style]) -> dict[str, Any]:
    """The content of an experiment's page, under the names that its template uses."""
    compared = result.comparison
    effects = [effect for h in compared.hypotheses if (effect := claims.drawable(h))]
    by_metric: dict[str, dict[str, str]] = {}
    for name in result.curves:
        split, _, metric = name.partition("/")
        by_metric.setdefault(metric if split != "probe" else name, {})[split] = name
    shown = {
        metric: names for metric, names in by_metric.items() if {"train", "validation", "test", "logged"} & set(names)
    }
    return {
        "title": compared.claim or compared.experiment,
        "compared": compared,
        "hypotheses": [(h, *_in_words(h)) for h in compared.hypotheses],
        "forest": _plot(plots.forest(effects), "forest") if effects else "",
        "arms": [_arm(name, compared, style[name]) for name in compared.arms],
        "failed": any(arm.failed for arm in compared.arms.values()),
        "variance": _variance(compared),
        "about": "; ".join(tables.about(compared)) if compared.arms else "",
        "strip": _plot(plots.strip(compared, style), "strip") if compared.arms else "",
        "curves": [_curves(result, metric, names, style) for metric, names in shown.items()],
        "probes": [_curves(result, metric, names, style) for metric, names in by_metric.items() if "probe" in names],
        "layers": [
            _plot(plots.layers(probe, arms, style), f"layers-{i}")
            for i, (probe, arms) in enumerate(result.layers.items())
        ],
        "isolation": _isolation(compared.tuning or {}, style),
        "held": sorted((name, str(value)) for name, value in result.held.items()),
        "settings": [
            (arm, ", ".join(f"{name} = {value}" for name, value in values.items()) or "nothing of its own")
            for arm, values in result.settings.items()
        ],
        "failures": result.failures,
        "failed_of": ", ".join(
            f"{arm.failed} of {arm.n + arm.failed} of {name}" for name, arm in compared.arms.items() if arm.failed
        ),
        "runs": result.runs,
        "made": made(result),
        "command": command(compared),
    }


def _in_words(h: JudgedHypothesis) -> tuple[str, str, str, str]:
    return formatting.label(h.verdict, h.size), formatting.plain(h), formatting.in_words(h), formatting.beside(h)


def made(result: Result) -> str:
    """Versions, hardware and time, in a sentence."""
    versions = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    hardware, code = result.hardware, result.code
    machine = f" on {hardware['machine']}" if hardware.get("machine") else ""
    changed = ", with changes" if code.changed else ""
    commit = f" Code: {code.commit[:12]}{changed}." if code.commit else ""
    runs = formatting.count(result.runs, "run")
    versions = f" {versions}." if versions else ""
    return f"{runs}, {result.seconds:,.0f} seconds of training in all{machine}.{versions}{commit}"


def command(compared: Comparison) -> str:
    """The command that repeats an experiment's runs."""
    return formatting.command(compared, _seeds(compared))


def _seeds(compared: Comparison) -> str:
    """The option that gives as many seeds: the planned looks where they were taken, otherwise the number."""
    most = max((arm.n + arm.failed for arm in compared.arms.values()), default=0)
    looks = [h.looks for h in compared.hypotheses if h.looks]
    planned = all(taken == list(sequential.LOOKS[: len(taken)]) for taken in looks)
    if looks and planned:
        return " --until-decided"
    return f" --seeds {most}" if most else ""


def _arm(name: str, compared: Comparison, style: plots.Style) -> dict[str, Any]:
    arm, goal, exploratory = compared.arms[name], compared.goal, formatting.is_exploratory(name, compared)
    return {
        "name": name,
        "colour": style[0],
        "n": arm.n,
        "mean": formatting.number(arm.mean),
        "std": formatting.number(arm.std),
        "interval": formatting.interval(arm.ci),
        "difference": formatting.difference(arm.difference, goal) + ("*" if exploratory else ""),
        "failed": arm.failed,
    }


def _variance(compared: Comparison) -> list[list[str]]:
    """Where each effect's uncertainty comes from: standard errors, and the share that more seeds do not shrink."""
    rows = []
    for h in compared.hypotheses:
        parts = [(h.variance or {}).get(part) or 0.0 for part in ("seeds", "rows", "tuning")]
        if sum(parts[1:]) > 0:
            shown = [formatting.number(part**0.5) for part in parts]
            rows.append([h.claim, *shown, f"{sum(parts[1:]) / sum(parts):.0%}"])
    return rows


def _curves(result: Result, metric: str, names: Mapping[str, str], style: Mapping[str, plots.Style]) -> str:
    wanted = {split: name for split, name in names.items() if split != "running"}
    seeds = {split: result.seeds[name] for split, name in wanted.items()} if result.seeds else None
    drawn = plots.curves(metric, {split: result.curves[name] for split, name in wanted.items()}, style, seeds)
    return _plot(drawn, f"curves-{metric}")


def _isolation(tuning: Mapping[str, Tuned], style: Mapping[str, plots.Style]) -> list[str]:
    tuning = {arm: tuned for arm, tuned in tuning.items() if tuned.tried}
    settings = dict.fromkeys(setting for tuned in tuning.values() for setting in tuned.grid or {})
    return [_plot(plots.isolation(setting, tuning, style), f"tuning-{i}") for i, setting in enumerate(settings)]


def _plot(figure: go.Figure, name: str) -> Any:
    identity = re.sub(r"[^a-z0-9-]", "-", name.lower())
    return markupsafe.Markup(
        figure.to_html(full_html=False, include_plotlyjs=False, div_id=f"plot-{identity}", config=_CONFIG)
    )
