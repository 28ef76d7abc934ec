"""Declarations: `Experiment`, `Recipe`, `Metric`, `Hypothesis`, `Fact`. Frozen, and checked when they are declared.

Nothing here imports Keras: a declaration costs microseconds, and a misspelt name fails before anything is trained.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from data import Source
from folklore.declare import checks, metrics
from folklore.declare.hypothesis import Direction, Fact, Hypothesis, Metric
from folklore.declare.recipe import SETTINGS, Mode, Order, Precision, Recipe, Schedule
from folklore.declare.settings import flatten
from folklore.errors import DeclarationError

__all__ = [
    "Direction",
    "Experiment",
    "Fact",
    "Hypothesis",
    "Metric",
    "Mode",
    "Order",
    "Precision",
    "Recipe",
    "Schedule",
]


@checks.names_nearest
@dataclass(frozen=True)
class Experiment:
    """One question: a claim, the arms that answer it, and the metric and hypotheses by which they do.

    Attributes:
        claim: the advice on trial, as a sentence.
        arms: name to recipe. Names are used as directory names.
        baseline: the arm that every other is compared with.
        metric: the one by which the arms are compared.
        hypothesis: one, or several, about arms other than the baseline.
        seeds: the number of seeds, unless the run command is given another.
        quick: changes to every recipe, as for `Recipe.but`, under `--budget quick`.
        bundled: changes to every recipe where the data's bundled stand-in takes its place: it is small, and a budget
            made for the real set would take too few steps. `--budget quick` and other options still change these.
        may_diverge: arms whose divergence is an outcome to count, not a failure of the run command.
        check: returns facts that computation settles without seeds. A claim may have arms, a check, or both.
        note: one or two sentences that a reader should know, which the report shows beside the verdict: what a critic
            said of the recipe, or why the claim may fail elsewhere.
        about: what the file says of its experiments; `catalog` takes it from the file's docstring.
        file: the name of the file, where it is not one of `experiments/`; set by `catalog`.

    Example:
        >>> from data import diabetes
        >>> from folklore import Experiment, Hypothesis, Metric, Recipe
        >>> from models import mlp
        >>> base = Recipe(model=mlp, params=dict(widths=(16,)), data=diabetes)
        >>> experiment = Experiment(
        ...     claim="Dropout makes a small regression network worse.",
        ...     arms={"plain": base, "dropout": base.but(params=dict(dropout=0.2))},
        ...     baseline="plain",
        ...     metric=Metric("test/rmse", goal="min"),
        ...     hypothesis=Hypothesis("dropout", "worse", by=0.5),
        ... )
        >>> list(experiment.arms)
        ['plain', 'dropout']
    """

    claim: str
    arms: Mapping[str, Recipe] = field(default_factory=dict)
    baseline: str = ""
    metric: Metric = None  # type: ignore[assignment]  # only where there are no arms
    hypothesis: Hypothesis | tuple[Hypothesis, ...] = ()
    seeds: int = 10
    quick: Mapping[str, Any] = field(default_factory=dict)
    bundled: Mapping[str, Any] = field(default_factory=dict)
    may_diverge: tuple[str, ...] = ()
    check: Callable[[], Iterable[Fact]] | None = None
    note: str = ""
    about: str = ""
    file: str = ""

    def __post_init__(self) -> None:
        self._check_kinds()
        if not self.claim.strip():
            raise DeclarationError("The claim is empty. Write the advice on trial as one sentence.")
        if self.arms:
            self._check_arms()
        elif self.check is None:
            raise DeclarationError("There are no arms and no check. Give at least the baseline's recipe.")
        elif self.hypotheses or self.baseline or self.metric:
            raise DeclarationError("There are no arms, yet a baseline, a metric or a hypothesis about arms. Give arms.")

    def _check_arms(self) -> None:
        for name in self.arms:
            checks.directory_name("The arm", name)
        for role, names in (
            ("baseline", [self.baseline]),
            ("hypothesis' arm", [name for h in self.hypotheses for name in h.named]),
            ("arm in may_diverge", self.may_diverge),
        ):
            for name in names:
                checks.one_of(f"The {role}", name, self.arms)
        for hypothesis in self.hypotheses:
            if hypothesis.arm == (self.baseline if hypothesis.against is None else hypothesis.against):
                role = "the baseline" if hypothesis.against is None else "the arm it is compared with"
                raise DeclarationError(f"A hypothesis is about {hypothesis.arm!r}, {role}. Name another arm.")
        sources = {recipe.data for recipe in self.arms.values()}
        if len(sources) > 1:
            given = ", ".join(sorted(source.name for source in sources))
            raise DeclarationError(
                f"The arms use different data ({given}), so they cannot be compared. Use one source."
            )
        self._check_losses(self.metric, self.arms)
        for hypothesis in self.hypotheses:
            self._check_probes(hypothesis)
            self._check_losses(self.metric_of(hypothesis), self._compared(hypothesis))
            if hypothesis.is_trend:
                self.values_of(hypothesis)
        task = self.data.task
        of_several = [h for h in self.hypotheses if (h.is_trend or h.more_than) and not h.metric]
        if metrics.parse(self.metric.name).is_rate and of_several:
            raise DeclarationError(
                f"There cannot be a trend, or a difference of differences, of a rate such as {self.metric.name!r}. "
                "Compare two arms."
            )
        for metric in (self.metric, *(h.metric for h in self.hypotheses if h.metric)):
            metrics.check_task(metric.name, task)
        checks.whole_number("seeds", self.seeds)
        for name, changes in (("quick", self.quick), ("bundled", self.bundled)):
            checks.allowed_names(name, changes, SETTINGS)
            self.but(**changes)

    def _check_probes(self, hypothesis: Hypothesis) -> None:
        """Refuse a hypothesis about a probe that runs of one of its arms will not record."""
        for arm in self._compared(hypothesis):
            if metrics.is_probe(name := self.metric_of(hypothesis).name) and not self.arms[arm].probes:
                raise DeclarationError(
                    f"A hypothesis is about {name!r}, and the recipe of the arm {arm!r} names no probes, so its runs "
                    "will not record it. Give the recipe probes=(…)."
                )

    def _check_losses(self, metric: Metric, arms: Iterable[str]) -> None:
        """Refuse to compare the losses of arms that minimise different ones."""
        losses = {arm: self.arms[arm].loss_name for arm in arms}
        if metrics.is_loss(metric.name) and len(set(losses.values())) > 1:
            given = ", ".join(f"{arm!r}: {loss}" for arm, loss in losses.items())
            raise DeclarationError(
                f"The metric is {metric.name!r}, and the arms minimise different losses ({given}), which have no "
                "common unit. Compare their accuracy."
            )

    def _compared(self, hypothesis: Hypothesis) -> tuple[str, ...]:
        """The arms that a hypothesis compares."""
        baseline = (self.baseline,) if hypothesis.against is None and not hypothesis.is_trend else ()
        return (*hypothesis.named, *baseline)

    def _check_kinds(self) -> None:
        """The types of the arguments: one clear error here, where Python would fail somewhere later."""
        checks.kind("claim", self.claim, str, "Write the advice on trial as one sentence.")
        checks.kind("arms", self.arms, Mapping, 'Write a mapping, such as arms={"base": base, "deep": base.but(…)}.')
        for name, recipe in self.arms.items():
            checks.kind(f"The arm {name!r}", recipe, Recipe, "Give a recipe: Recipe(…), or another's but(…).")
        checks.kind(
            "metric",
            self.metric,
            Metric if self.arms else Metric | None,
            'Write, say, metric=Metric("test/rmse", goal="min").',
        )
        advice = 'Write hypothesis=Hypothesis("arm", "better", by=0.01), or a tuple of several.'
        checks.kind("hypothesis", self.hypothesis, Hypothesis | tuple | list, advice)
        for hypothesis in self.hypotheses:
            checks.kind("A hypothesis", hypothesis, Hypothesis, advice)
        checks.kind("may_diverge", self.may_diverge, tuple | list, 'Write a tuple, such as may_diverge=("arm",).')
        if self.check is not None and not callable(self.check):
            raise DeclarationError(f"check is {self.check!r}. Give a function that returns facts.")
        checks.options("quick", self.quick)
        checks.options("bundled", self.bundled)
        for name in ("note", "about"):
            checks.kind(name, getattr(self, name), str, "Write one or two sentences.")

    @property
    def hypotheses(self) -> tuple[Hypothesis, ...]:
        """The hypotheses, always as a tuple."""
        return (self.hypothesis,) if isinstance(self.hypothesis, Hypothesis) else tuple(self.hypothesis)

    @property
    def kind(self) -> str:
        """ "stat", "mech" (a hypothesis about a probe) or "exact" (a check), or several joined by "+"."""
        probed = [metrics.is_probe(self.metric_of(h).name) for h in self.hypotheses]
        kinds = {"stat": bool(self.arms) and not all(probed or [False]), "mech": any(probed), "exact": bool(self.check)}
        return "+".join(kind for kind, holds in kinds.items() if holds)

    def metric_of(self, hypothesis: Hypothesis) -> Metric:
        """The metric of a hypothesis."""
        return hypothesis.metric or self.metric

    def values_of(self, hypothesis: Hypothesis) -> tuple[float, ...]:
        """Where the arms of a trend stand on its line: the numbers that it gives, or in which their recipes differ.

        Raises:
            DeclarationError: it gives none, and the recipes differ in no number, or in several settings.
        """
        if hypothesis.values is not None:
            return hypothesis.values
        flat = [dict(flatten(self.arms[arm].to_dict())) for arm in hypothesis.arms]
        names = dict.fromkeys(name for recipe in flat for name in recipe)
        differing = [name for name in names if any(recipe.get(name) != flat[0].get(name) for recipe in flat)]
        values = tuple(recipe.get(differing[0]) for recipe in flat) if len(differing) == 1 else ()
        if values and checks.rising_or_falling(values):
            return values  # type: ignore[return-value]
        why = f"they differ in {', '.join(differing)}" if differing else "they do not differ"
        example = ", ".join(f"{arm!r}: {place}" for place, arm in enumerate(hypothesis.arms, 1))
        raise DeclarationError(
            f"The trend over {hypothesis.arms!r} needs one number that rises or falls from recipe to recipe, and "
            f"{why}. Give each arm its number: Hypothesis({{{example}}}, …)."
        )

    @property
    def data(self) -> Source:
        """The source that all arms share."""
        return self.arms[self.baseline].data

    def but(self, **changes: Any) -> dict[str, Recipe]:
        """The arms, every recipe changed as by `Recipe.but`."""
        return {name: recipe.but(**changes) for name, recipe in self.arms.items()}

    def to_dict(self) -> dict[str, Any]:
        """The declaration as JSON-able data, as stored in experiment.json."""
        return {
            "claim": self.claim,
            "kind": self.kind,
            "baseline": self.baseline,
            "metric": dataclasses.asdict(self.metric) if self.arms else None,
            "hypotheses": [
                h.to_dict() | ({"values": list(self.values_of(h))} if h.is_trend else {}) for h in self.hypotheses
            ],
            "may_diverge": list(self.may_diverge),
            "arms": {name: recipe.to_dict() for name, recipe in self.arms.items()},
        } | {name: text for name in ("note", "about", "file") if (text := getattr(self, name))}
