"""What is asked: `Experiment`, `Recipe`, `Metric`, `Hypothesis`. Frozen, and checked when they are declared.

Nothing here imports Keras: a declaration costs microseconds, and a misspelt name fails before anything is trained.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from data import Source
from data.preprocessing import KINDS as SCALERS
from folklore import checks
from folklore.errors import DeclarationError, did_you_mean

SPLITS = ("train", "validation", "test")
METRICS = {"classification": ("loss", "accuracy"), "regression": ("loss", "rmse", "mae")}
FIGURES = {f"{split}/{figure}" for split in SPLITS for figures in METRICS.values() for figure in figures}
Mode = Literal["auto", "xla", "graph", "step"]
Schedule = Literal["constant", "cosine"]
Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]
Direction = Literal["better", "worse", "no difference"]
_OPTION_FIELDS = ("params", "data_params", "optimizer")


@dataclass(frozen=True)
class Metric:
    """A recorded figure, such as "test/rmse", and whether smaller ("min") or larger ("max") is better."""

    name: str
    goal: Literal["min", "max"]

    def __post_init__(self) -> None:
        checks.kind("Metric's name", self.name, str, "Write, say, Metric('test/accuracy', goal='max').")
        checks.one_of("Metric's goal", self.goal, ("min", "max"))
        split, _, figure = self.name.partition("/")
        if split not in SPLITS or not figure:
            raise DeclarationError(
                f"The metric {self.name!r} is not of the form split/figure with a split out of {', '.join(SPLITS)}, as "
                f"in Metric('test/accuracy', goal='max'). {did_you_mean(self.name, FIGURES)}"
            )
        if self.goal != goal_of(self.name) and self.name in FIGURES:
            raise DeclarationError(
                f"The metric {self.name!r} has the goal {self.goal!r}, which would count worse as better: "
                f"write Metric({self.name!r}, goal={goal_of(self.name)!r})."
            )


@dataclass(frozen=True)
class Hypothesis:
    """That `arm` is better or worse than the baseline, or does not differ; `by` is the smallest effect that matters."""

    arm: str
    direction: Direction
    by: float

    def __post_init__(self) -> None:
        checks.one_of("Hypothesis' direction", self.direction, get_args(Direction))
        if not checks.is_positive(self.by):
            raise DeclarationError(
                f"Hypothesis({self.arm!r}) has by={self.by!r}. Give the smallest effect that would matter, above 0, "
                "in units of the metric."
            )


@dataclass(frozen=True)
class Recipe:
    """One way of training.

    Attributes:
        model: a module-level function `(input_shape, outputs, **params)` that returns a functional `keras.Model`
            ending in logits or a linear output.
        data: where the data come from, e.g. `data.california_housing`.
        params: what `model` is given beside the shapes.
        data_params: what `data` is given beside the seed: `train_size`, `split_seed`.
        scaler: preprocessing, fitted on the training part alone: "standard", "minmax", "quantile" or "none".
        optimizer: a Keras optimizer's name, or a mapping with its `name` and its options.
        schedule: "constant", or "cosine": the learning rate falls to zero along half a cosine over all epochs
            (Loshchilov & Hutter 2017, "SGDR", equation 5, without restarts).
        batch_size: rows a step.
        epochs: epochs at most.
        patience: epochs without a better `monitor` after which training stops; None never stops early.
        monitor: the figure that selects the epoch whose weights are tested, such as "validation/loss".
        mode: how the compiled epoch runs, see `folklore.fit`.
        precision: Keras' dtype policy while the model is built: "float32", or "mixed_bfloat16" or "mixed_float16",
            whose layers compute in 16 bits and keep float32 weights, which is what makes GPUs fast; under
            "mixed_float16" Keras scales the loss.
    """

    model: Callable[..., Any]
    data: Source
    params: Mapping[str, Any] = field(default_factory=dict)
    data_params: Mapping[str, Any] = field(default_factory=dict)
    scaler: str = "standard"
    optimizer: str | Mapping[str, Any] = "adam"
    schedule: Schedule = "constant"
    batch_size: int = 32
    epochs: int = 20
    patience: int | None = None
    monitor: str = "validation/loss"
    mode: Mode = "auto"
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        for name in _OPTION_FIELDS:  # its own copies: what is checked here stays as it is
            object.__setattr__(self, name, checks.options(name, getattr(self, name)))
        checks.model(self.model, self.params)
        if not isinstance(self.data, Source):
            raise DeclarationError(f"data is {self.data!r}. Give a source such as data.california_housing.")
        checks.known_names(f"{self.data.name}'s data_params", self.data_params, ("train_size", "split_seed"))
        checks.one_of("The scaler", self.scaler, SCALERS)
        checks.one_of("The mode", self.mode, get_args(Mode))
        checks.one_of("The schedule", self.schedule, get_args(Schedule))
        checks.one_of("The precision", self.precision, get_args(Precision))
        checks.optimizer(dict(self.optimizer))  # type: ignore[arg-type]
        for name in ("batch_size", "epochs", "patience"):
            if not (name == "patience" and self.patience is None):
                checks.whole_number(name, getattr(self, name))
        checks.one_of("The monitor", self.monitor, [f"{s}/{m}" for s in SPLITS[:2] for m in METRICS[self.data.task]])

    def but(self, **changes: Any) -> Recipe:
        """This recipe with some fields changed; params, data_params and optimizer are merged, not replaced."""
        checks.known_names("Recipe", changes, [f.name for f in dataclasses.fields(self)])
        changes |= {name: checks.options(name, changes[name]) for name in _OPTION_FIELDS if name in changes}
        if changes.get("optimizer", {}).get("name", self.optimizer_name) != self.optimizer_name:
            merged = {"params", "data_params"}  # another optimizer starts from its own defaults
        else:
            merged = set(_OPTION_FIELDS)
        for name in merged & set(changes):
            changes[name] = {**getattr(self, name), **changes[name]}
        return dataclasses.replace(self, **changes)

    @property
    def optimizer_name(self) -> str:
        """The optimizer's name, such as "adam"."""
        return str(dict(self.optimizer)["name"])  # type: ignore[arg-type]

    @property
    def optimizer_options(self) -> dict[str, Any]:
        """What the optimizer is given beside its name."""
        return {key: value for key, value in dict(self.optimizer).items() if key != "name"}  # type: ignore[arg-type]

    def to_dict(self) -> dict[str, Any]:
        """The recipe as JSON-able data; model and data by name."""
        record = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        record |= {"model": f"{self.model.__module__}.{self.model.__qualname__}", "data": self.data.name}
        return json.loads(json.dumps(record, default=dict))

    def identity(self) -> str:
        """SHA-256 of `to_dict`: equal for recipes that would train the same."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Experiment:
    """One question: a claim, the arms that answer it, and the metric and hypotheses by which they do.

    Attributes:
        claim: the advice on trial, as a sentence.
        arms: name to recipe. Names are used as directory names.
        baseline: the arm that every other is compared with.
        metric: what the arms are compared by.
        hypothesis: one, or several, about arms other than the baseline.
        seeds: how many seeds `run` takes unless told otherwise.
        quick: changes to every recipe, as for `Recipe.but`, under `--budget quick`.
        may_diverge: arms whose divergence is an outcome to count and no failure of `run`.
        kind: "stat", "mech", "exact", or several joined by "+".
    """

    claim: str
    arms: Mapping[str, Recipe]
    baseline: str
    metric: Metric
    hypothesis: Hypothesis | tuple[Hypothesis, ...] = ()
    seeds: int = 10
    quick: Mapping[str, Any] = field(default_factory=dict)
    may_diverge: tuple[str, ...] = ()
    kind: str = "stat"

    def __post_init__(self) -> None:
        self._check_kinds()
        if not self.claim.strip():
            raise DeclarationError("The claim is empty. Write the advice on trial as one sentence.")
        if not self.arms:
            raise DeclarationError("There are no arms. Give at least the baseline's recipe.")
        for name in self.arms:
            checks.directory_name("The arm", name)
        for role, names in (
            ("baseline", [self.baseline]),
            ("hypothesis' arm", [h.arm for h in self.hypotheses]),
            ("arm in may_diverge", self.may_diverge),
        ):
            for name in names:
                checks.one_of(f"The {role}", name, self.arms)
        if self.baseline in [h.arm for h in self.hypotheses]:
            raise DeclarationError(
                f"A hypothesis is about {self.baseline!r}, the baseline: name the arm compared with it."
            )
        sources = {recipe.data for recipe in self.arms.values()}
        if len(sources) > 1:
            given = ", ".join(sorted(source.name for source in sources))
            raise DeclarationError(
                f"The arms use different data ({given}), so they cannot be compared. Use one source."
            )
        task = self.data.task
        checks.one_of(f"The metric for {task}", self.metric.name, [f"{s}/{m}" for s in SPLITS for m in METRICS[task]])
        for kind in self.kind.split("+"):
            checks.one_of("The kind", kind, ("stat", "mech", "exact"))
        checks.whole_number("seeds", self.seeds)
        checks.known_names(
            "quick", self.quick, [f.name for f in dataclasses.fields(Recipe) if f.name not in ("model", "data")]
        )
        self.but(**self.quick)

    def _check_kinds(self) -> None:
        """The types of what was given: one error in our words, where Python would stumble somewhere later."""
        checks.kind("claim", self.claim, str, "Write the advice on trial as one sentence.")
        checks.kind("arms", self.arms, Mapping, 'Write a mapping, such as arms={"base": base, "deep": base.but(…)}.')
        for name, recipe in self.arms.items():
            checks.kind(f"The arm {name!r}", recipe, Recipe, "Give a recipe: Recipe(…), or another's but(…).")
        checks.kind("metric", self.metric, Metric, 'Write, say, metric=Metric("test/rmse", goal="min").')
        advice = 'Write hypothesis=Hypothesis("arm", "better", by=0.01), or a tuple of several.'
        checks.kind("hypothesis", self.hypothesis, Hypothesis | tuple | list, advice)
        for hypothesis in self.hypotheses:
            checks.kind("A hypothesis", hypothesis, Hypothesis, advice)
        checks.kind("may_diverge", self.may_diverge, tuple | list, 'Write a tuple, such as may_diverge=("arm",).')
        checks.kind("kind", self.kind, str, 'Write kind="stat", "mech" or "exact", or several joined by "+".')
        checks.options("quick", self.quick)

    @property
    def hypotheses(self) -> tuple[Hypothesis, ...]:
        """The hypotheses, always as a tuple."""
        return (self.hypothesis,) if isinstance(self.hypothesis, Hypothesis) else tuple(self.hypothesis)

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
            "metric": dataclasses.asdict(self.metric),
            "hypotheses": [dataclasses.asdict(h) for h in self.hypotheses],
            "may_diverge": list(self.may_diverge),
            "arms": {name: recipe.to_dict() for name, recipe in self.arms.items()},
        }


def goal_of(figure: str) -> Literal["min", "max"]:
    """Whether smaller or larger is better, for the figures that every run records."""
    return "max" if figure.endswith("/accuracy") else "min"
