"""The records that `compare` returns and prints as JSON, and that a report keeps."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Strict

from folklore.declare.hypothesis import Direction
from folklore.evidence.verdict import Word
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
        failed: runs that ended without one, though the metric was recorded.
        difference: None for the baseline.
    """

    n: int
    mean: Number | None
    std: Number | None
    ci: Bounds
    values: dict[str, Number]
    failed: int
    difference: Difference | None


class JudgedHypothesis(Record):
    """A hypothesis with its verdict and the numbers behind it; those that do not exist for lack of seeds are None.

    Attributes:
        counted: what a positive effect means, "better" or "worse".
        withheld: the reason why no verdict is given, or None.
        ci: the interval that the verdict was read from, at `confidence`.
        delta: the smallest effect that matters.
        effects: by seed.
        bca: the BCa bootstrap interval.
        p: Holm-adjusted within the experiment, unlike `p_unadjusted`.
    """

    claim: str
    arm: str | list[str]
    against: str | Number | None
    metric: str
    goal: Goal
    direction: Direction
    counted: Literal["better", "worse"]
    verdict: Word
    withheld: str | None = None
    effect: Number | None
    ci: Bounds
    confidence: Number
    delta: Number
    n: int
    effects: dict[str, Number | None]
    seeds_needed: int | None = None
    bca: Bounds = (None, None)
    p_sign_flip: Number | None = None
    p: Number | None = None
    p_unadjusted: Number | None = None


class Comparison(Record):
    """The arms of one experiment by one metric. A claim that computation settles has facts in place of arms."""

    experiment: str
    claim: str | None = None
    kind: str | None = None
    baseline: str | None = None
    facts: list[StoredFact] | None = None
    tuning: dict[str, Tuned] | None = None
    options: list[str] | None = None
    metric: str | None = None
    goal: Goal | None = None
    data: DataSet | None = None
    arms: dict[str, ComparedArm]
    hypotheses: list[JudgedHypothesis]
    unfinished: int
    notes: list[str]
