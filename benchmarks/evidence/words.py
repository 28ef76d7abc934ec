"""Verdicts on simulated differences of known mean: equal arms, true effects, and an arm with bad seeds.

Differences have the standard deviation 1 from seed to seed. δ = 0.3 is small, and most studies need all 30 seeds;
δ = 1 is typical.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.evidence.studies import (
    END,
    LOOKS,
    WRONG_OF_EQUAL_ARMS,
    Reading,
    Row,
    end,
    percent,
    read,
    says,
    seeds_taken,
)
from folklore.declare.hypothesis import Direction
from folklore.evidence import statistics

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]
SMALL, TYPICAL = 0.3, 1.0


def _normal(rng: np.random.Generator, size: tuple[int, ...]) -> np.ndarray:
    return rng.normal(size=size)


def _t3(rng: np.random.Generator, size: tuple[int, ...]) -> np.ndarray:
    return rng.standard_t(3, size=size) / np.sqrt(3)


def _uniform(rng: np.random.Generator, size: tuple[int, ...]) -> np.ndarray:
    return rng.uniform(-np.sqrt(3), np.sqrt(3), size=size)


def _exponential(rng: np.random.Generator, size: tuple[int, ...]) -> np.ndarray:
    return rng.exponential(size=size) - 1


def _arms(draw: Draw, rng: np.random.Generator, size: tuple[int, ...]) -> np.ndarray:
    """The difference of two independent arms."""
    return (draw(rng, size) - draw(rng, size)) / np.sqrt(2)


SHAPES: dict[str, Draw] = {
    "normal": _normal,
    "t(3)": _t3,
    "t(3), both arms": partial(_arms, _t3),
    "uniform": _uniform,
    "uniform, both arms": partial(_arms, _uniform),
    "exponential": _exponential,
    "exponential, both arms": partial(_arms, _exponential),
}
SHARES = (0.5, 0.75, 1.0, 1.5)  # of δ, true effects
EFFECTS = [("normal", delta, share) for delta in (SMALL, 0.6, TYPICAL) for share in (0.0, *SHARES)]
for _shape in list(SHAPES)[1:]:
    EFFECTS += [(_shape, SMALL, share) for share in SHARES] + [(_shape, TYPICAL, share) for share in SHARES[:2]]
BAD_SEEDS = 0.05
SHOWN = {
    "supported": "at the end:\nsupported",
    "refuted": "refuted",
    "no practical difference": "no practical\ndifference",
    "undecided": "undecided",
}
NONE_BETTER: tuple[Direction, ...] = ("no difference", "not worse")


def coverage(draw: Draw, n: int, studies: int, rng: np.random.Generator) -> str:
    """The share of studies of `n` seeds whose 95 % interval covers the true mean, 0."""
    found = (statistics.t_interval(values) for values in draw(rng, (studies, n)))
    return percent(lo <= 0 <= hi for lo, hi in found)


def wrong_of_equal_arms(
    draw: Draw, hypotheses: int, direction: Direction, delta: float, studies: int, rng: np.random.Generator
) -> str:
    """The share of studies of equal arms with a wrong word on any hypothesis at any of the five looks."""
    drawn = draw(rng, (studies, hypotheses, END))
    wrong = WRONG_OF_EQUAL_ARMS[direction]
    return percent(says(read(study, direction, delta, until_decided=False), wrong) for study in drawn)


def equal_arms(name: str, draw: Draw, studies: int, seed: int) -> Row:
    """One row of the table of equal arms."""
    rng = np.random.default_rng(seed)
    row = {"differences": name}
    row |= {f"covered,\nn = {n}": coverage(draw, n, studies, rng) for n in (LOOKS[0], END)}
    for hypotheses in (1, 3, 5):
        found = wrong_of_equal_arms(draw, hypotheses, "better", SMALL, studies, rng)
        row[f"better,\n{hypotheses} of them"] = found
    for direction in NONE_BETTER:
        row[direction.replace(" ", "\n")] = wrong_of_equal_arms(draw, 1, direction, SMALL, studies, rng)
    row["better,\nδ = 1"] = wrong_of_equal_arms(draw, 1, "better", TYPICAL, studies, rng)
    return row | {"1.96 errors\nat each look": percent(map(false_rule, draw(rng, (studies, END))))}


def effect(name: str, delta: float, share: float, studies: int, seed: int) -> Row:
    """One row of the table of true effects: two claims, each read until it is decided."""
    rng = np.random.default_rng(seed)
    truth = share * delta
    drawn = SHAPES[name](rng, (studies, 1, END)) + truth
    better = [read(study, "better", delta, until_decided=True) for study in drawn]
    equal = [read(study, "no difference", delta, until_decided=True) for study in drawn]
    words = Counter(f"{end(reading).word}, {end(reading).size}" for reading in better)

    def said(*which: str) -> str:
        return f"{sum(words[each] for each in which) / studies:.1%}".replace("%", " %")

    return {
        "differences": name,
        "δ": f"{delta:g}",
        "effect": f"{share:g} δ",
        "better:\nsupported": said("supported, settled"),
        "size\nopen": said("supported, open"),
        "refuted": said("refuted, settled", "refuted, open"),
        "no practical\ndifference": said("no practical difference, settled"),
        "no difference:\nsupported": percent(end(reading).word == "supported" for reading in equal),
        "refuted ": percent(end(reading).word == "refuted" for reading in equal),
        "covered\nat the end": percent(covers(reading[-1:], truth) for reading in better),
        "at all\nlooks": percent(covers(reading, truth) for reading in better),
        "seeds": f"{np.mean([seeds_taken(reading) for reading in better]):.0f}",
    }


def covers(reading: Reading, truth: float) -> bool:
    """Whether the intervals of all these looks hold the true effect."""
    return all(verdict.lo <= truth <= verdict.hi for verdicts in reading for verdict in verdicts)


def bad_seeds(depth: float, delta: float, studies: int, seed: int) -> Row:
    """One row of the table of contaminated arms: equal but for 5 % of one arm's seeds, which end far below.

    The hypothesis says that this arm is better. By its mean it is worse.
    """
    rng = np.random.default_rng(seed)
    drawn = _normal(rng, (studies, 1, END)) - depth * (rng.random((studies, 1, END)) < BAD_SEEDS)
    readings = [read(study, "better", delta, until_decided=True) for study in drawn]
    doubts = Counter(_short(end(reading).doubt) for reading in readings)
    row = {"bad seeds": f"−{depth:g} sd", "true\neffect": f"{-depth * BAD_SEEDS:+.2g}", "δ": f"{delta:g}"}
    row["supported\nat any look"] = percent(says(reading, ("supported",)) for reading in readings)
    for word, shown in SHOWN.items():
        row[shown] = percent(end(reading).word == word for reading in readings)
    for doubt in ("one seed", "sign flips"):
        row[f"in doubt for\n{doubt}"] = f"{doubts[doubt] / studies:.1%}".replace("%", " %")
    return row | {"seeds": f"{np.mean([seeds_taken(reading) for reading in readings]):.0f}"}


def _short(doubt: str) -> str:
    return "one seed" if "not without seed" in doubt else "sign flips" if "sign-flip" in doubt else ""


def false_rule(effects: np.ndarray) -> bool:
    """Whether the mean of (seeds,) is ever 1.96 standard errors from 0 at a planned look, as many people would test."""
    looks = [effects[:n] for n in LOOKS]
    return any(abs(seen.mean()) > 1.96 * statistics.sample_std(seen) / np.sqrt(len(seen)) for seen in looks)
