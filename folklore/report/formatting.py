"""Numbers, intervals and verdicts as text for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # it imports numpy and scipy, of which `list` has no need
    from folklore.evidence.comparison import Difference, JudgedHypothesis


def count(number: int, thing: str) -> str:
    """A number with its noun, such as "1 run" or "2,000 runs"."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def in_words(h: JudgedHypothesis) -> str:
    """The evidence behind a verdict as one sentence or two."""
    about = f"along {', '.join(h.arm)}" if isinstance(h.arm, list) else f"{h.arm!r} against {h.against!r}"
    spread = "" if None in h.ci else f" {interval(h.ci, signed=True)} at {h.confidence:.1%}"
    said = (
        f"{h.metric}, {about}, + is {h.counted}: {number(h.effect, signed=True)}{spread}, {count(h.n, 'seed')}"
        f"{p_value(h.p)}; what would matter: {number(h.delta)}."
    )
    if h.withheld:
        return f"{said} No verdict: {h.withheld}."
    if h.verdict == "undecided" and not spread:
        return f"{said} A verdict takes {h.seeds_needed} seeds at least."
    if h.verdict == "undecided":
        return f"{said} About {h.seeds_needed or 'more than a thousand'} seeds would decide it."
    return said


def p_value(p: float | None) -> str:
    """A p-value as ", p = 0.02"; nothing where there is none."""
    return "" if p is None else ", p < 0.0001" if p < 1e-4 else f", p = {p:.2g}"


def difference(given: Difference | None) -> str:
    """An arm's difference from the baseline, with its interval; the baseline itself has none."""
    if given is None:
        return "baseline"
    return estimate(given.mean, given.ci).removesuffix(" –")


def number(value: float | None, signed: bool = False) -> str:
    """A number with four decimals, or four digits where it is large; "–" where there is none."""
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
    return "–" if None in bounds else f"[{number(bounds[0], signed)}, {number(bounds[1], signed)}]"


def estimate(effect: float | None, bounds: Sequence[float | None]) -> str:
    """An effect with its sign and its interval, such as "+0.0120 [+0.0081, +0.0159]"."""
    return f"{number(effect, signed=True)} {interval(bounds, signed=True)}"


def rounded(value: float | None, unit: str = "") -> str:
    """A number from 0 for people, with a decimal prefix: "640", "3.8 M", "237 MB"; "–" where there is none."""
    if value is None:
        return "–"
    prefixes = ["", "k", "M", "G", "T", "P"]
    while round(value) >= 1000 and len(prefixes) > 1:
        value /= 1000
        prefixes.pop(0)
    said = f"{value:.0f}" if prefixes[0] == "" or value >= 99.95 else f"{value:.1f}"
    return f"{said} {prefixes[0]}{unit}".rstrip()
