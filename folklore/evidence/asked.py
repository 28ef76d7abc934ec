"""The hypotheses of a stored experiment, filled in: which arms they need, with which weights."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from folklore.declare import metrics
from folklore.declare.hypothesis import Direction
from folklore.evidence import statistics
from folklore.storage.schema import StoredExperiment, StoredMetric


@dataclass(frozen=True)
class AskedHypothesis:
    """A stored hypothesis with the experiment's metric, baseline and claim where it names none of its own.

    Attributes:
        arm: an arm, or those of a trend in order.
        against: an arm, or a number; None for a trend.
        metric, direction, by, claim: as declared.
        places: of a trend's arms on its line.
        more_than: the other two arms of a difference of differences.
    """

    arm: str | list[str]
    against: str | float | None
    metric: StoredMetric
    direction: Direction
    by: float
    claim: str
    places: tuple[float, ...] = ()
    more_than: tuple[str, ...] = ()

    @property
    def weights(self) -> dict[str, float]:
        """Of the arms in the effect, which is positive in the claimed direction."""
        if isinstance(self.arm, list):
            parts = list(zip(self.arm, statistics.linear_contrast(self.places).tolist(), strict=True))
        else:
            parts = [(self.arm, 1.0), *([(self.against, -1.0)] if isinstance(self.against, str) else [])]
            parts += zip(self.more_than, (-1.0, 1.0), strict=False)
        found = dict.fromkeys((arm for arm, _ in parts), 0.0)
        for arm, weight in parts:
            found[arm] += self.sign * weight
        return found

    @property
    def needed(self) -> list[str]:
        """The arms that it is about, and those that they are compared with."""
        return list(self.weights)

    @property
    def steps(self) -> list[dict[str, float]]:
        """The weights of each step of a trend, from one arm to the next."""
        pairs = pairwise(self.arm) if isinstance(self.arm, list) else ()
        return [{before: -float(self.sign), after: float(self.sign)} for before, after in pairs]

    @property
    def is_rate(self) -> bool:
        """Whether the metric is 0 or 1, so that its mean is a rate."""
        return metrics.parse(self.metric.name).is_rate

    @property
    def sign(self) -> int:
        """1 where a larger metric is in the claimed direction; only "worse" counts against the metric's goal."""
        return (1 if self.metric.goal == "max" else -1) * (-1 if self.direction == "worse" else 1)


def asked(declared: StoredExperiment) -> list[AskedHypothesis]:
    """The hypotheses of an experiment, filled in."""
    return [
        AskedHypothesis(
            stored.arm,
            declared.baseline if stored.against is None and isinstance(stored.arm, str) else stored.against,
            stored.metric or declared.metric,
            stored.direction,
            stored.by,
            stored.claim or declared.claim,
            # Trends that were stored before they had values took their arms as equally far apart.
            tuple(stored.values or range(len(stored.arm))) if isinstance(stored.arm, list) else (),
            tuple(stored.more_than or ()),
        )
        for stored in declared.hypotheses
    ]
