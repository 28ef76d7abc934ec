"""Equal arms that are tuned: does the luck of tuning become a verdict?

Both arms have the same grid of five points, whose qualities are known, and are tuned with a few seeds each. A score is
the point's quality plus noise of standard deviation 1 from seed to seed, of which a part is common to all runs of a
seed, as the split of the data is, and cancels wherever runs of one seed are compared.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from benchmarks.evidence.studies import END, LOOKS, WRONG_OF_EQUAL_ARMS, Row, evidence, percent, says
from folklore.evidence.sample import Means
from folklore.evidence.tuning_choice import point_of
from folklore.evidence.verdict import judge
from folklore.storage.schema import Tried, Tuned

DELTA = 0.1  # the size is rarely settled, so studies run long
TUNING_SEEDS, FIRST_EDITION, MORE = 4, 3, 8
GRIDS = {
    "all equal": (0.0, 0.0, 0.0, 0.0, 0.0),
    "steps of .25": (-0.5, -0.25, 0.0, -0.25, -0.5),
    "steps of .5": (-1.0, -0.5, 0.0, -0.5, -1.0),
    "steps of 3": (-6.0, -3.0, 0.0, -3.0, -6.0),
    "one better by .5": (0.0, 0.0, 0.5, 0.0, 0.0),
    "one better by 1": (0.0, 0.0, 1.0, 0.0, 0.0),
}
SETTINGS = [(name, 0.0) for name in GRIDS] + [("steps of .5", 0.5), ("one better by .5", 0.5), ("one better by 1", 0.5)]


@dataclass(frozen=True)
class Setting:
    """A grid and the noise of its scores.

    Attributes:
        quality: shape (points,).
        own: the standard deviation of what a run shares with no other.
    """

    quality: np.ndarray
    own: float

    def scores(self, rng: np.random.Generator, seeds: int) -> np.ndarray:
        """Of one arm, shape (points, seeds), without what all runs of a seed share: it changes no choice."""
        return self.quality[:, None] + self.own * rng.normal(size=(len(self.quality), seeds))

    def effects(self, rng: np.random.Generator, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """The difference of two arms by seed, given the point that each seed has in each, shape (seeds,)."""
        noise = rng.normal(size=END) - rng.normal(size=END)
        return self.quality[one] - self.quality[other] + self.own * noise


Study = tuple[np.ndarray, float]  # effects by seed, and what is added to the variance of their mean


def studies_by_way(setting: Setting, rng: np.random.Generator) -> dict[str, Study]:
    """One study of two equal arms, by each way of choosing their points."""
    few = [setting.scores(rng, TUNING_SEEDS) for _ in range(2)]
    many = [setting.scores(rng, MORE) for _ in range(2)]
    first = [np.full(END, scores[:, :FIRST_EDITION].mean(axis=1).argmax()) for scores in few]
    own = [setting.scores(rng, END).argmax(axis=0) for _ in range(2)]
    of_few, of_many = (setting.effects(rng, *map(points_by_seed, arms)) for arms in (few, many))
    return {
        NOW: (of_few, 0.0),
        "one for all,\n3 seeds": (setting.effects(rng, *first), 0.0),
        "4 seeds,\n+ spread": (of_few, sum(map(spread, few))),
        "8 tuning\nseeds": (of_many, 0.0),
        "8 seeds,\n+ jackknife": (of_many, sum(map(jackknife, many))),
        "a search\na seed": (setting.effects(rng, *own), 0.0),
    }


NOW = "each seed\nits own"


def points_by_seed(scores: np.ndarray) -> np.ndarray:
    """The point of each seed of the comparison, by the suite's own choice; higher scores are better."""
    means = scores.mean(axis=1).tolist()
    tried = [Tried(point={"point": place}, scores=row.tolist(), mean=means[place]) for place, row in enumerate(scores)]
    tuned = Tuned(goal="max", by_seed=True, tried=tried, best=tried[int(np.argmax(means))].point, edges={})
    return np.array([point_of(tuned, seed)["point"] for seed in range(END)])


def spread(scores: np.ndarray) -> float:
    """The variance of the chosen points' mean scores over bootstrap samples of the tuning seeds."""
    return float(_chosen(scores)[0].var())


def jackknife(scores: np.ndarray) -> float:
    """The variance that the tuning seeds leave in a mean over bootstrap samples of them.

    Efron 2014, "Estimation and accuracy after model selection", equation 3.7, the infinitesimal jackknife for bagged
    choices: the sum over tuning seeds of the squared covariance of how often a sample has the seed and what it chooses.
    """
    qualities, counts = _chosen(scores)
    covariances = (counts - counts.mean(axis=1, keepdims=True)) @ (qualities - qualities.mean()) / len(qualities)
    return float(covariances @ covariances)


def _chosen(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of bootstrap samples: the chosen points' mean scores, (samples,), and the seeds' counts, (seeds, samples)."""
    counts = _samples(scores.shape[1])
    return scores.mean(axis=1)[(scores @ counts).argmax(axis=0)], counts


@functools.cache
def _samples(seeds: int) -> np.ndarray:
    return np.random.default_rng(0).multinomial(seeds, np.full(seeds, 1 / seeds), 1_000).T


def says_wrong(study: Study) -> bool:
    """Whether equal arms are called better or worse at any planned look."""
    effects, extra = study
    reading = [judge(evidence(effects[None], "better", DELTA, look, [extra])) for look in range(len(LOOKS))]
    return says(reading, WRONG_OF_EQUAL_ARMS["better"])


def row(name: str, common: float, studies: int, seed: int) -> Row:
    """One row of the table: the shares of wrong words by way, and widths relative to the suite's way."""
    rng, setting = np.random.default_rng(seed), Setting(np.array(GRIDS[name]), float(np.sqrt(1 - common)))
    drawn = [studies_by_way(setting, rng) for _ in range(studies)]
    cells = {"points": name, "common": f"{common:.0%}".replace("%", " %")}
    cells |= {way: percent(says_wrong(study[way]) for study in drawn) for way in drawn[0]}
    widths = {way: np.median([Means(*study[way]).error for study in drawn]) for way in drawn[0]}
    relative = [f"{widths[way] / widths[NOW]:.2f}" for way in list(widths)[2:]]
    return cells | {"widths of the\nlast four": ", ".join(relative)}
