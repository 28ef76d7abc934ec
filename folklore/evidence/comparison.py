"""The records that `compare` returns and prints as JSON, and that a report keeps."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Strict

from folklore.declare.hypothesis import Direction
from folklore.evidence.verdict import Size, Word
from folklore.storage.schema import DataSet, Goal, Number, Record, StoredFact, Tuned

Bounds = Annotated[tuple[Number | None, Number | None], Strict(False)]  # JSON has no tuples


class Difference(Record):
    """An arm's difference from the baseline, with its 95 % interval. Only logs of others say whether it is `paired`."""

    n: int
    mean: Number | None
    ci: Bounds
    paired: bool = True


class ComparedArm(Record):
    """An arm's values of the metric by seed, and their summary.

    Attributes:
        n: seeds with a value.
        failed: runs that ended without one, though the metric was recorded, and those that collapsed.
        difference: None for the baseline.
    """

    n: int
    mean: Number | None
    std: Number | None
    ci: Bounds
    values: dict[str, Number]
    failed: int
    difference: Difference | None


class Failures(Record):
    """How many of an arm's runs failed, of those that a hypothesis is about."""

    arm: str
    failed: int
    runs: int


class Step(Record):
    """A step of a trend from one arm to the next, counted in the claimed direction."""

    step: str
    effect: Number | None
    ci: Bounds


class AtPoint(Record):
    """The effect in the seeds whose arms were trained at one combination of points of their grids."""

    point: str
    n: int
    effect: Number


class JudgedHypothesis(Record):
    """A hypothesis with its verdict and the numbers behind it; those that do not exist for lack of seeds are None.

    Attributes:
        more_than: the other two arms of a difference of differences.
        counted: what a positive effect means, "better" or "worse".
        size: "settled", or "open" where the verdict says that there is an effect, and not whether it matters.
        withheld: the reason why no verdict is given, or None.
        doubt: why a word that the interval alone would give is not given, or None.
        ci: the interval that the verdict was read from, at `confidence`.
        covers: what the interval covers, such as "seeds", "seeds and test rows", "seeds, test rows and tuning".
        ci_seeds: the interval over seeds only, at the same confidence.
        ci_resplit: Nadeau & Bengio's, where seeds split the set again.
        variance: of the effect, in parts: "seeds", "rows" and "tuning".
        delta: the smallest effect that matters.
        effects: by seed.
        looks: the numbers of seeds at which the verdict was read, this one last.
        seeds_needed: by which there is an even chance of a verdict, or of a settled size.
        seeds_needed_90: by which there are nine chances in ten.
        failures: of each arm.
        unseen: the rate of failures that runs without a failure leave possible, in the arm with the fewest runs.
        steps: of a trend.
        at_points: where an arm's seeds were trained at several points, because they tie.
        bca: the BCa bootstrap interval.
        e_value: of the verdict's own claim, valid however often one looks.
        p: of the verdict's own claim, adjusted for looks and, by Holm's method, for the experiment's other hypotheses;
            `p_unadjusted` is adjusted for looks only.
    """

    claim: str
    arm: str | list[str]
    against: str | Number | None
    more_than: list[str] | None = None
    metric: str
    goal: Goal
    direction: Direction
    counted: Literal["better", "worse"]
    verdict: Word
    size: Size | None = None
    withheld: str | None = None
    doubt: str | None = None
    effect: Number | None
    ci: Bounds
    confidence: Number
    covers: str = "seeds"
    ci_seeds: Bounds = (None, None)
    ci_resplit: Bounds = (None, None)
    variance: dict[str, Number | None] | None = None
    delta: Number
    n: int
    effects: dict[str, Number | None]
    looks: list[int] | None = None
    seeds_needed: int | None = None
    seeds_needed_90: int | None = None
    failures: list[Failures] | None = None
    unseen: Number | None = None
    steps: list[Step] | None = None
    at_points: list[AtPoint] | None = None
    bca: Bounds = (None, None)
    p_sign_flip: Number | None = None
    e_value: Number | None = None
    p: Number | None = None
    p_unadjusted: Number | None = None


class Comparison(Record):
    """The arms of one experiment by one metric. A claim that computation settles has facts in place of arms.

    Attributes:
        edition: "first" for runs that kept no test rows and were judged again from their kept seeds.
        file: the name of the file that declares the experiment, where it is not one of `experiments/`.
        covers: what the arms' intervals cover: "seeds and test rows" or "seeds".
        ended: runs that came to an end.
        judged_seeds: behind every hypothesis, those that are not shown included; 0 where the verdict is withheld.
        warnings: what was changed after runs existed, and runs that are missing.
    """

    experiment: str
    edition: str | None = None
    claim: str | None = None
    kind: str | None = None
    baseline: str | None = None
    facts: list[StoredFact] | None = None
    tuning: dict[str, Tuned] | None = None
    options: list[str] | None = None
    file: str = ""
    metric: str | None = None
    goal: Goal | None = None
    data: DataSet | None = None
    covers: str = "seeds"
    arms: dict[str, ComparedArm]
    hypotheses: list[JudgedHypothesis]
    ended: int = 0
    judged_seeds: list[int] = []
    unfinished: int
    warnings: list[str] = []
    notes: list[str]
