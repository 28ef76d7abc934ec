"""One folder of HTML that works from a file: an index of all claims, and a page for each experiment."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import markupsafe
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from folklore.errors import ProblemError
from folklore.evidence import sequential, statistics
from folklore.evidence.comparison import Comparison, JudgedHypothesis
from folklore.report import formatting, plots, summary, tables
from folklore.report.summary import Result
from folklore.storage.files import write_text
from folklore.storage.schema import Tuned

_CONFIG = {"displaylogo": False, "responsive": True}


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

    @property
    def label(self) -> str:
        """The verdict with its qualifier."""
        return formatting.label(self.verdict, self.size)


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
    rows, tested = index_rows(found)
    pages["index.html"] = environment.get_template("index.html").render(
        title="Deep-learning advice on trial",
        size=_size(found),
        rows=rows,
        tested=formatting.count(tested, "test"),
        forest=_plot(plots.forest(_effects(found)), "forest") if _effects(found) else "",
    )
    pages["claims.md"] = claims(found)
    pages["assets/plotly.min.js"] = get_plotlyjs()
    pages["assets/style.css"] = files("folklore.report").joinpath("templates/style.css").read_text("utf-8")
    for name, text in pages.items():
        write_text(out / name, text)
    for result in found:
        summary.write(result.model_copy(update={"seeds": None}), out / "results")
    return out / "index.html"


def index_rows(found: Sequence[Result]) -> tuple[list[ClaimRow], int]:
    """The index's rows, and over how many tests p was adjusted: evidence that two rows share counts once."""
    hypotheses = [hypothesis for result in found for hypothesis in result.comparison.hypotheses]
    raw = {_evidence(h): h.p_unadjusted for h in hypotheses if h.p_unadjusted is not None}
    adjusted = dict(zip(raw, statistics.holm(list(raw.values())), strict=True))
    rows: list[ClaimRow] = []
    for result in found:
        about = (f"{summary.stem(result)}.html", result.comparison.experiment, _data(result.comparison))
        for h in result.comparison.hypotheses:
            p = formatting.p_value(adjusted.get(_evidence(h))).removeprefix(", p = ").removeprefix(", p ")
            effect = formatting.estimate(h.effect, h.ci)
            rows.append(ClaimRow(*about, h.claim, h.verdict, effect, str(h.n), p, h.size, _remark(h)))
        if facts := result.comparison.facts:
            holding = sum(fact.holds for fact in facts)
            claim, effect = f"{result.comparison.claim} By computation.", f"{holding} of {len(facts)} facts hold"
            verdict = "supported" if holding == len(facts) else "refuted"
            rows.append(ClaimRow(*about, claim, verdict, effect, seeds="", p="exact"))
    return rows, len(raw)


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


def claims(found: Sequence[Result]) -> str:
    """The index as Markdown: claim, verdict, effect with interval, seeds, data."""
    rows, tested = index_rows(found)
    return (
        f"# Claims\n\n{_size(found)}.\n\n{tables.as_markdown([_claim(row) for row in rows])}\n"
        "An effect is counted in the claimed direction, in units of the metric. Its interval has the confidence that\n"
        'the looks taken leave, shared among an experiment\'s hypotheses. "Size open": there is an effect, and the\n'
        "interval does not say whether it matters. p is that of the verdict's own claim, adjusted for looks and, by\n"
        f"Holm's method, for {formatting.count(tested, 'test')} here.{_first_edition(found)}\n"
    )


def _first_edition(found: Sequence[Result]) -> str:
    first = sum(result.comparison.edition == "first" for result in found)
    if not first:
        return ""
    return (
        f" {formatting.count(first, 'experiment')} of the first edition kept no test rows and had fewer\nlooks: they "
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


def _size(found: Sequence[Result]) -> str:
    runs = sum(result.runs for result in found)
    return f"{formatting.count(len(found), 'experiment')}, {formatting.count(runs, 'run')}"


def _data(compared: Comparison) -> str:
    options = f", {' '.join(compared.options)}" if compared.options else ""
    return f"{compared.data.name} ({compared.data.source}){options}" if compared.data else ""


def _effects(found: Sequence[Result]) -> list[plots.Effect]:
    """The forest plot's rows."""
    rows = []
    for h in (hypothesis for result in found for hypothesis in result.comparison.hypotheses):
        lo, hi = h.ci
        if h.effect is not None and lo is not None and hi is not None:
            inner = [bound / h.delta for bound in h.ci_seeds if bound is not None and h.covers != "seeds"]
            rows.append(
                plots.Effect(
                    _with_failures(h), h.verdict, h.effect / h.delta, lo / h.delta, hi / h.delta, h.size, tuple(inner)
                )
            )
    return rows


def _with_failures(h: JudgedHypothesis) -> str:
    failed = ", ".join(f"{arm.failed} of {arm.runs}" for arm in h.failures or () if arm.failed)
    return f"{h.claim} ({failed} failed)" if failed else h.claim


def _page(result: Result, style: Mapping[str, plots.Style]) -> dict[str, Any]:
    """The content of an experiment's page, under the names that its template uses."""
    compared = result.comparison
    by_metric: dict[str, dict[str, str]] = {}
    for name in result.curves:
        split, _, metric = name.partition("/")
        by_metric.setdefault(metric if split != "probe" else name, {})[split] = name
    shown = {metric: names for metric, names in by_metric.items() if {"train", "validation"} & set(names)}
    return {
        "title": compared.claim or compared.experiment,
        "compared": compared,
        "hypotheses": [(h, *_in_words(h)) for h in compared.hypotheses],
        "forest": _plot(plots.forest(_effects([result])), "forest") if _effects([result]) else "",
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
    return f"{runs}, {result.seconds:,.0f} seconds of training in all{machine}. {versions}.{commit}"


def command(compared: Comparison) -> str:
    """The command that repeats an experiment's runs."""
    source = f" --data {compared.data.source}" if compared.data else ""
    options = "".join(f" {option}" for option in compared.options or ())
    return f"python -m experiments run {compared.experiment}{_seeds(compared)}{options}{source}"


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
