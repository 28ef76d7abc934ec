"""Equal arms whose metric is the accuracy on 10,000 test images that all seeds share.

The arms learn different functions, which are right equally often in the population that the images come from. On the
10,000 images that happen to be the test part one of them is ahead, in every seed, and more seeds do not average that
out. An image has a difficulty, of which a part is common to all networks, a part depends on the arm, and a part on the
seed: seed s of arm a is right where μ + common · g + arm · h[a] + seed · e[a, s] > 0, with standard normal g, h and e.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import special

from benchmarks.evidence.studies import END, LOOKS, WRONG_OF_EQUAL_ARMS, Row, evidence, percent
from folklore.evidence import statistics
from folklore.evidence.two_way import variance_from_rows
from folklore.evidence.verdict import judge

IMAGES = 10_000
ACCURACY = 0.9
COMMON, ARM, SEED = np.sqrt((0.85, 0.08, 0.07))  # two seeds of an arm differ on 5.2 % of the images, two arms on 7.6 %
DELTAS = (0.001, 0.005)  # an effect's standard deviation is .0023 between seeds, and .0015 between sets of images


def arms(rng: np.random.Generator, count: int, seeds: int = END, images: int = IMAGES) -> np.ndarray:
    """Whether each image is classified correctly, booleans (arms, seeds, images)."""
    difficulty = special.ndtri(ACCURACY) + COMMON * rng.normal(size=images) + ARM * rng.normal(size=(count, images))
    right = special.ndtr(difficulty / SEED).astype(np.float32)
    return rng.random((count, seeds, images), dtype=np.float32) < right[:, None]


def rates(right: np.ndarray) -> np.ndarray:
    """Accuracies, of booleans (..., images)."""
    return np.count_nonzero(right, axis=-1) / right.shape[-1]


def from_rows(differences: np.ndarray) -> float:
    """The variance that shared images add to the mean over seeds of differences, {-1, 0, 1} of (seeds, images)."""
    rows = np.arange(differences.shape[1])
    return variance_from_rows({seed: (rows, by_row - by_row.mean()) for seed, by_row in enumerate(differences)})


def coverage(studies: int, seed: int) -> Row:
    """How often the 95 % intervals of two arms, over seeds and over seeds and images, cover 0; and their widths."""
    rng = np.random.default_rng(seed)
    found: dict[str, list[bool]] = {f"{kind}, n = {n}": [] for n in (LOOKS[0], END) for kind in ("seeds", "two-way")}
    widths = []
    for _ in range(studies):
        one, other = arms(rng, 2)
        differences = one.astype(np.int8) - other
        for n in (LOOKS[0], END):
            effects = rates(one[:n]) - rates(other[:n])
            intervals = [statistics.t_interval(effects, 0.95, extra) for extra in (0.0, from_rows(differences[:n]))]
            for kind, (lo, hi) in zip(("seeds", "two-way"), intervals, strict=True):
                found[f"{kind}, n = {n}"].append(lo <= 0 <= hi)
        (lo, hi), (low, high) = intervals
        widths.append((high - low) / (hi - lo))
    return {name: percent(covered) for name, covered in found.items()} | {
        f"width, n = {END}": f"{np.median(widths):.2f}"
    }


def wrong(hypotheses: int, delta: float, studies: int, seed: int) -> Row:
    """How often a wrong word is said at any look, of arms that share their baseline: over seeds only, and two-way."""
    rng = np.random.default_rng(seed)
    found = np.array([_says_wrong(rng, hypotheses, delta) for _ in range(studies)])
    return {
        "hypotheses": str(hypotheses),
        "δ": f"{delta:g}",
        "wrong, seeds only": percent(found[:, 0]),
        "wrong, two-way": percent(found[:, 1]),
    }


def _says_wrong(rng: np.random.Generator, hypotheses: int, delta: float) -> tuple[bool, bool]:
    baseline, *others = arms(rng, hypotheses + 1)
    differences = [other.astype(np.int8) - baseline for other in others]
    effects = np.array([rates(other) - rates(baseline) for other in others])
    by_seeds = two_way = False
    for look in range(len(LOOKS)):
        verdicts = judge(evidence(effects, "better", delta, look))
        by_seeds |= _any_wrong([verdict.word for verdict in verdicts])
        # A wider interval says nothing where the narrower one says nothing, so its rows need not be counted.
        rows = [
            from_rows(each[: LOOKS[look]]) if verdict.size else 0.0
            for each, verdict in zip(differences, verdicts, strict=True)
        ]
        words = [verdict.word for verdict in judge(evidence(effects, "better", delta, look, rows))]
        two_way |= _any_wrong(words)
    return by_seeds, two_way


def _any_wrong(words: Sequence[str]) -> bool:
    return any(word in WRONG_OF_EQUAL_ARMS["better"] for word in words)
