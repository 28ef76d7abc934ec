"""Numbers, intervals and verdicts as text for people."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from folklore.declare import metrics
from folklore.storage.run_paths import LOGGED
from folklore.wording import count

if TYPE_CHECKING:  # it imports numpy and scipy, of which `list` has no need
    from folklore.evidence.comparison import Comparison, Difference, JudgedHypothesis


def label(verdict: str, size: str | None) -> str:
    """A verdict with its qualifier: "supported", "supported, size open", "undecided: differs, size open"."""
    if size != "open":
        return verdict
    return f"{verdict}: differs, size open" if verdict == "undecided" else f"{verdict}, size open"


def in_words(h: JudgedHypothesis) -> str:
    """The evidence behind a verdict in sentences: effect, failures, and what remains open."""
    spread = "" if None in h.ci else f" {interval(h.ci, signed=True)} at {h.confidence:.1%}"
    said = (
        f"{h.metric}, {_about(h)}, + is {h.counted}: {number(h.effect, signed=True)}{spread}, {count(h.n, 'seed')}"
        f"{_p_of_claim(h)}; what would matter: {number(h.delta)}."
    )
    return " ".join([said, *filter(None, (_failures(h), _open(h)))])


def beside(h: JudgedHypothesis) -> str:
    """What stands beside a verdict: what its interval covers, other intervals and tests, steps and tuning points."""
    parts = [f"the interval covers {h.covers}"] if None not in h.ci else []
    for name, bounds in (
        ("over seeds only", h.ci_seeds if h.covers != "seeds" else (None, None)),
        ("corrected for overlapping splits (Nadeau & Bengio)", h.ci_resplit),
        ("BCa bootstrap", h.bca),
    ):
        parts += [f"{name} {interval(bounds, signed=True)}"] if None not in bounds else []
    if h.p_sign_flip is not None:
        parts.append(f"sign-flip test of no effect{p_value(h.p_sign_flip).replace(',', '', 1)}")
    if h.e_value is not None:
        parts.append(f"e = {h.e_value:.3g}")
    if h.looks:
        parts.append(f"read at {', '.join(map(str, h.looks))} seeds")
    parts += [f"step {step.step} {estimate(step.effect, step.ci)}" for step in h.steps or ()]
    if h.at_points:
        shown = [f"{number(at.effect, signed=True)} ({count(at.n, 'seed')} at {at.point})" for at in h.at_points[:4]]
        parts.append(f"tuned points tie: {', '.join(shown)}" + (" …" if len(h.at_points) > 4 else ""))
    return "; ".join(parts)


def _about(h: JudgedHypothesis) -> str:
    if isinstance(h.arm, list):
        return f"along {', '.join(h.arm)}"
    more = f", more than {h.more_than[0]!r} against {h.more_than[1]!r}" if h.more_than else ""
    return f"{h.arm!r} against {h.against!r}{more}"


def _p_of_claim(h: JudgedHypothesis) -> str:
    """The p-value of the verdict's own claim; of "supported", where the verdict is undecided."""
    said = p_value(h.p)
    return said.replace("p", "p of 'supported'", 1) if h.verdict == "undecided" else said


def _failures(h: JudgedHypothesis) -> str:
    found = h.failures or []
    if metrics.parse(h.metric).of_failures_too or (h.withheld and "failed" in h.withheld):
        return ""
    if any(arm.failed for arm in found):
        counts = ", ".join(f"{arm.failed} of {arm.runs} runs of {arm.arm!r}" for arm in found)
        return f"Given that training succeeds: {counts} failed."
    if h.unseen is not None and h.n:
        return f"No run failed, which leaves failure rates up to {h.unseen:.0%} possible."
    return ""


def _open(h: JudgedHypothesis) -> str:
    """What keeps a verdict, or its size, open, and how many seeds would close it."""
    if h.withheld:
        return f"No verdict: {h.withheld}."
    open_is = "Undecided" if h.verdict == "undecided" else "Its size is open" if h.size == "open" else "Refuted"
    said = f"{open_is}, since {h.doubt}. " if h.doubt else ""
    if h.verdict != "undecided" and h.size != "open":
        return said.rstrip()
    if not h.looks or (h.verdict == "undecided" and None in h.ci):
        return f"{said}A verdict takes {h.seeds_needed} seeds at least."
    what = "decide it" if h.verdict == "undecided" else "settle its size"
    if h.seeds_needed is None:
        return f"{said}A thousand seeds are unlikely to {what}."
    ninety = f", nine in ten by {h.seeds_needed_90:,}" if h.seeds_needed_90 else ""
    return f"{said}More seeds would {what}: an even chance by {h.seeds_needed:,}{ninety}."


def next_command(compared: Comparison, where: str = "") -> str:
    """The command that adds the seeds by which every open verdict has an even chance; "" where none would help.

    Args:
        compared: an experiment.
        where: the option that names the log directory.
    """
    needed = [h.seeds_needed for h in compared.hypotheses if h.seeds_needed]
    if not needed or compared.kind == LOGGED:
        return ""
    from folklore.evidence.sequential import LOOKS  # it imports numpy and scipy, of which `list` has no need

    # Looks that are left cost less than seeds after the planned end, where only e-values count.
    seeds = max((h.n for h in compared.hypotheses if h.seeds_needed), default=0)
    return command(compared, " --until-decided" if seeds < LOOKS[-1] else f" --seeds {max(needed)}") + where


def command(compared: Comparison, seeds: str) -> str:
    """The command that runs an experiment with its options and data; "" for one that was only logged here.

    Args:
        compared: the experiment.
        seeds: the option that gives the seeds, after a space; "" for the default.
    """
    if compared.kind == LOGGED:
        return ""
    options = "".join(f" {option}" for option in compared.options or ())
    source = f" --data {compared.data.source}" if compared.data else ""
    return f"python -m experiments run {shlex.quote(compared.file or compared.experiment)}{seeds}{options}{source}"


def p_value(p: float | None) -> str:
    """A p-value as ", p = 0.02"; nothing where there is none."""
    return "" if p is None else ", p < 0.0001" if p < 1e-4 else f", p = {p:.2g}"


def difference(given: Difference | None, goal: str | None) -> str:
    """An arm's difference from the baseline, + is better, with its interval; the baseline itself has none.

    Of a metric without a goal, such as a difference of two others, + is larger.
    """
    if given is None:
        return "baseline"
    lo, hi = (signed(bound, goal) for bound in given.ci)
    bounds = (hi, lo) if goal == "min" else (lo, hi)
    return estimate(signed(given.mean, goal), bounds).removesuffix(" –")


def signed(difference: float | None, goal: str | None) -> float | None:
    """A difference from the baseline with the sign that + is better; + is larger where there is no goal."""
    return -difference if goal == "min" and difference is not None else difference


def is_exploratory(name: str, compared: Comparison) -> bool:
    """Whether an arm clearly differs from the baseline, and no hypothesis asks whether it does."""
    given = compared.arms[name].difference
    if given is None or None in given.ci or given.ci[0] <= 0 <= given.ci[1]:  # type: ignore[operator]
        return False
    asked = (h for h in compared.hypotheses if h.metric == compared.metric and h.against == compared.baseline)
    return not any(name == h.arm for h in asked)


def unasked(compared: Comparison) -> str:
    """The largest clear difference from the baseline that no hypothesis asks about, as a sentence; "" if none is."""
    found = {name: arm.difference for name, arm in compared.arms.items() if is_exploratory(name, compared)}
    sizes = {name: abs(given.mean) for name, given in found.items() if given and given.mean is not None}
    if not sizes:
        return ""
    name = max(sizes, key=lambda name: sizes[name])
    higher = found[name].mean > 0  # type: ignore[union-attr, operator]
    words = {"max": ("worse", "better"), "min": ("better", "worse"), None: ("smaller", "larger")}[compared.goal]
    lo, hi = sorted(abs(bound) for bound in found[name].ci)  # type: ignore[union-attr, arg-type]
    others = f" (the largest of {len(sizes)} such differences)" if len(sizes) > 1 else ""
    return (
        f"in {compared.metric}, {name!r} is {words[higher]} than {compared.baseline!r} by {number(sizes[name])}, "
        f"between {number(lo)} and {number(hi)}{others}."
    )


def plain(h: JudgedHypothesis) -> str:
    """A verdict as one plain sentence: what differs from what, by how much, and whether that matters."""
    if h.withheld or h.effect is None or None in h.ci:
        return f"No verdict: {h.withheld}." if h.withheld else "There are too few seeds for a verdict."
    lo, hi = (bound for bound in h.ci if bound is not None)
    others = f"{h.against!r}" if isinstance(h.against, str) else number(h.against)
    ours = f"{h.arm!r}" if isinstance(h.arm, str) else f"{h.arm[-1]!r}"
    others = others if isinstance(h.arm, str) else f"{h.arm[0]!r}"
    matters = f"the {number(h.delta)} that would matter"
    if h.verdict == "no practical difference" or (h.direction == "no difference" and h.verdict == "supported"):
        return f"In {h.metric}, {ours} and {others} differ by less than {matters}: {interval(h.ci, signed=True)}."
    seems_to_differ = (bool(h.doubt) or not h.looks) and (lo > 0 or hi < 0)
    if h.verdict == "undecided" and h.size != "open" and not seems_to_differ:
        return (
            f"In {h.metric}, it is not decided yet whether {ours} differs from {others}: {interval(h.ci, signed=True)} "
            f"at {h.confidence:.1%}, + is {h.counted}."
        )
    if h.direction == "not worse" and h.verdict == "supported":
        return f"In {h.metric}, {ours} is not worse than {others} by {matters}: {interval(h.ci, signed=True)}."
    word = h.counted if h.effect > 0 else {"better": "worse", "worse": "better"}[h.counted]
    low, high = sorted((abs(lo), abs(hi)))
    by = f"by {number(abs(h.effect))}, between {number(low)} and {number(high)} at {h.confidence:.1%}"
    how = f"and it is open whether that reaches {matters}"
    if low >= h.delta:
        how = f"more than {matters}{'' if h.size == 'settled' else ', though not yet beyond doubt'}"
    more = " more" if h.more_than else ""
    if h.verdict == "undecided" and h.size != "open":
        but = "that is not beyond doubt yet" if h.doubt else f"{count(h.n, 'seed')} are too few for a verdict"
        return f"In {h.metric}, {ours} seems{more} {word} than {others} {by}, but {but}."
    return f"In {h.metric}, {ours} is{more} {word} than {others} {by}, {how}."


def number(value: float | None, signed: bool = False) -> str:
    """A number with four decimals, or four digits where it is large; "–" where there is none."""
    if value is None:
        return "–"
    sign = "+" if signed and abs(value) >= 5e-5 else ""
    value = value if abs(value) >= 5e-5 else 0.0
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
