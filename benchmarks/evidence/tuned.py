"""Equal arms that are tuned: does the luck of tuning become a verdict?

Both arms have the same grid of five points, whose qualities are known, and are tuned with a few seeds each. A score is
the point's quality plus noise of standard deviation 1 from seed to seed, of which a part is common to all runs of a
seed, as the split of the data is, and cancels wherever runs of one seed are compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.evidence.studies import END, LOOKS, WRONG_OF_EQUAL_ARMS, Row, percent
from folklore.evidence.sample import Means
from folklore.evidence.tuning_choice import point_of, variance_from_tuning
from folklore.evidence.verdict import Evidence, judge
from folklore.storage.schema import Tried, Tuned
from folklore.study.tuning import SEEDS

DELTA = 0.1  # the size is rarely settled, so studies run long
FIRST_EDITION = 3  # tuning seeds; all seeds of the comparison had the best point over them
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


@dataclass(frozen=True)
class Study:
    """A comparison of two equal arms that were tuned.

    Attributes:
        effects: by seed of the comparison.
        points: of each arm, by seed, as text.
        tuned: each arm; () to leave the luck of tuning out of the interval.
    """

    effects: np.ndarray
    points: tuple[list[str], ...] = ()
    tuned: tuple[Tuned, ...] = ()

    def sample(self, n: int) -> Means:
        """The effect in the first `n` seeds."""
        effects, points = self.effects[:n], [each[:n] for each in self.points]
        return Means(effects, 0.0, variance_from_tuning(effects, points, [(1.0, each) for each in self.tuned]))


def studies_by_way(setting: Setting, rng: np.random.Generator) -> dict[str, Study]:
    """One study of two equal arms, by each way of choosing their points."""
    scores = [setting.scores(rng, len(SEEDS)) for _ in range(2)]
    arms = tuple(map(tuned, scores))
    chosen = [[point_of(arm, seed)["point"] for seed in range(END)] for arm in arms]
    effects = setting.effects(rng, *map(np.array, chosen))
    first = [np.full(END, each[:, :FIRST_EDITION].mean(axis=1).argmax()) for each in scores]
    own = [setting.scores(rng, END).argmax(axis=0) for _ in range(2)]
    return {
        NOW: Study(effects, tuple(list(map(str, each)) for each in chosen), arms),
        "without the\nluck of tuning": Study(effects),
        "first\nedition": Study(setting.effects(rng, *first)),
        "a search\na seed": Study(setting.effects(rng, *own)),
    }


NOW = "as it is"


def tuned(scores: np.ndarray) -> Tuned:
    """An arm whose points have these scores, (points, tuning seeds); higher is better."""
    means = scores.mean(axis=1).tolist()
    tried = [Tried(point={"point": place}, scores=row.tolist(), mean=means[place]) for place, row in enumerate(scores)]
    best = tried[int(np.argmax(means))].point
    return Tuned(goal="max", by_seed=True, tried=tried, best=best, edges={})


def says_wrong(study: Study) -> bool:
    """Whether equal arms are called better or worse at any planned look."""
    for look, n in enumerate(LOOKS):
        one = Evidence(study.sample(n), tuple(range(n)), "better", DELTA, LOOKS[:look])
        if judge([one])[0].word in WRONG_OF_EQUAL_ARMS["better"]:
            return True
    return False


def row(name: str, common: float, studies: int, seed: int) -> Row:
    """One row of the table: the shares of wrong words by way, and what covering the luck of tuning costs in width."""
    rng, setting = np.random.default_rng(seed), Setting(np.array(GRIDS[name]), float(np.sqrt(1 - common)))
    drawn = [studies_by_way(setting, rng) for _ in range(studies)]
    cells = {"points": name, "common": f"{common:.0%}".replace("%", " %")}
    cells |= {way: percent(says_wrong(study[way]) for study in drawn) for way in drawn[0]}
    plain = list(drawn[0])[1]
    for n in (LOOKS[0], END):
        widths = [np.median([study[way].sample(n).error for study in drawn]) for way in (NOW, plain)]
        cells[f"width,\nn = {n}"] = f"{widths[0] / widths[1]:.2f}"
    return cells
