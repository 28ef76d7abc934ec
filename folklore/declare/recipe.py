"""One way of training, as a declaration: `Recipe`. Frozen, and checked when it is declared.

Nothing here imports Keras: a declaration costs microseconds, and a misspelt name fails before anything is trained.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Any, Literal, get_args

from callbacks.names import PICTURES
from callbacks.probes import PROBES
from data import Source
from folklore.declare import callback_factories, checks
from folklore.declare.metrics import names_of
from folklore.declare.settings import nested
from folklore.errors import DeclarationError

Mode = Literal["auto", "xla", "graph", "step"]
Schedule = Literal["constant", "cosine", "plateau"]
Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]
Order = Literal["fresh", "replayed"]
# What is minimised, by task; the first is the default. `training.losses` has each.
LOSSES = {
    "classification": ("softmax", "sigmoid", "softmax twice"),
    "multilabel": ("sigmoid", "softmax"),
    "regression": ("squared error",),
}
_OPTION_FIELDS = ("params", "data_params", "optimizer", "transfer")
# Fields that the first stored recipes do not have, each with what it was then.
_LATER_FIELDS: dict[str, tuple[Any, ...]] = {
    "pictures": ([],),
    "transfer": ({},),
    "callbacks": ([],),
    "loss": ("softmax", "squared error"),
    "order": ("fresh",),
    "target_scaler": ("",),
}
_STREAMS = 2_654_435_761  # far apart, so that no seed meets one of another stream (Knuth's multiplicative hash)
HEAD = "outputs"  # the last layer of every network, by name
NOTHING, ALL_BUT_HEAD = "nothing", "all but the head"
Point = dict[str, Any]  # settings by name, such as {"optimizer.learning_rate": 0.01}


@checks.names_nearest
@dataclass(frozen=True)
class Recipe:
    """One way of training.

    Attributes:
        model: a module-level function `(input_shape, outputs, **params)` that returns a functional `keras.Model`
            ending in logits or a linear output.
        data: where the data come from, e.g. `data.california_housing`.
        params: options of `model`, beside the shapes.
        data_params: options of `data`, beside the seed: `train_size`, `split_seed`, and the changes that
            `data.changes.CHANGES` lists, such as `classes=(0, 1, 2)` or `noise_columns=8`.
        scaler: preprocessing, fitted on the training part only: "standard", "minmax" or "none"; for tables also
            "quantile" and "piecewise linear", for images "standard per pixel"; and, for claims about it, "leaky
            standard" and the like, which are fitted before the split, to the test part too, see `data.Preprocessing`.
        target_scaler: of regression targets, "standard" or "none"; "" takes "none" where the scaler is "none", else
            "standard".
        optimizer: a Keras optimizer's name, or a mapping with its `name` and its options.
        schedule: "constant", or "cosine": the learning rate falls to zero along half a cosine over all epochs
            (Loshchilov & Hutter 2017, "SGDR", equation 5, without restarts), or "plateau": it is halved after three
            epochs without a better `monitor`.
        batch_size: rows a step.
        epochs: epochs at most.
        patience: epochs without a better `monitor` after which training stops; None never stops early.
        monitor: the metric that selects the epoch whose weights are tested, such as "validation/loss".
        mode: how the compiled epoch runs, see `folklore.fit`.
        precision: Keras' dtype policy while the model is built: "float32", or "mixed_bfloat16" or "mixed_float16",
            whose layers compute in 16 bits and keep float32 weights, which is what makes GPUs fast; under
            "mixed_float16" Keras scales the loss.
        grid: what is tuned for each arm separately, on seeds of its own, before the arms are compared: settings mapped
            to the values that are tried, such as `{"optimizer.learning_rate": (1e-3, 3e-3, 1e-2)}`, in order.
        probes: what is measured inside the network before the first step and after every epoch, see docs/probes.md.
        pictures: what is drawn for TensorBoard about five times a run and after its last epoch, on the validation part:
            "filters", "feature_maps", "confusion", "mistakes", "embedding", see `folklore.training.recipe_callbacks`.
        transfer: how to start from a trained network, see `checks.transfer`: `start`, an experiment and an arm in the
            same log directory, "topic.experiment/arm", whose run of the same seed gives weights and preprocessing;
            `frozen`, the layers that do not learn; `head_epochs` and `head_learning_rate`, for training only the head
            first.
        stream: which random numbers beside the split: first weights, order of rows and masks depend on (seed, stream).
            Two arms that differ only in this differ only by chance.
        callbacks: callbacks of your own: classes or functions at the top level of a module that take no arguments and
            return a Keras callback, or a `functools.partial` of one with plain arguments. Each is called once for
            every run. Their callbacks are called after all of the suite's, see `training.recipe_callbacks`; one that
            remembers something from epoch to epoch has `get_state` and `set_state`, see `callbacks.Checkpoints`, so
            that a resumed run ends as one that was never interrupted.
            A subclass of Keras' class imports TensorFlow where it is defined: in an experiment's file that makes `list`
            slow. A function that imports the class when it is called does not.
        loss: what is minimised, and recorded as `…/loss`, with penalties on weights, see `training.losses`. For
            classification "softmax", cross-entropy of the softmax of the outputs; "sigmoid", the mean over the classes
            of each one's binary cross-entropy; or "softmax twice", the first one given a softmax of the outputs, as by
            mistake. For regression "squared error". None stands for the task's first. Losses of different kinds have no
            common unit: an experiment compares such arms by their accuracy.
        order: the order in which epochs visit the rows: "fresh", a permutation of its own for each epoch, or
            "replayed", that of the first epoch in all of them, as `keras.Model.fit` does under a global seed.

    Example:
        >>> from data import diabetes
        >>> from folklore import Recipe
        >>> from models import mlp
        >>> base = Recipe(model=mlp, params=dict(widths=(16,)), data=diabetes, epochs=5)
        >>> wide = base.but(params=dict(widths=(64,)))
        >>> wide.params, wide.epochs
        ({'widths': (64,)}, 5)
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
    grid: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    probes: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()
    transfer: Mapping[str, Any] = field(default_factory=dict)
    stream: int = 0
    callbacks: tuple[Callable[[], Any], ...] = ()
    target_scaler: str = ""
    loss: str | None = None
    order: Order = "fresh"

    def __post_init__(self) -> None:
        for name in _OPTION_FIELDS:  # its own copies: what is checked here stays as it is
            object.__setattr__(self, name, checks.options(name, getattr(self, name)))
        checks.model(self.model, self.params)
        if not isinstance(self.data, Source):
            raise DeclarationError(f"data is {self.data!r}. Give a source such as data.california_housing.")
        checks.data(self.data, self.data_params)
        checks.scalers(self.data, self.scaler, self.target_scaler)
        if (wanted := getattr(self.model, "scaler", self.scaler)) != self.scaler:
            raise DeclarationError(
                f"The scaler is {self.scaler!r}, and {self.model.__name__} preprocesses its inputs itself, as its "
                f"weights need it: give scaler={wanted!r}."
            )
        checks.one_of("The mode", self.mode, get_args(Mode))
        checks.one_of("The schedule", self.schedule, get_args(Schedule))
        checks.one_of("The precision", self.precision, get_args(Precision))
        checks.one_of("The order", self.order, get_args(Order))
        if self.loss is not None:
            checks.one_of(f"The loss for {self.data.task}", self.loss, LOSSES[self.data.task])
        checks.optimizer(dict(self.optimizer))  # type: ignore[arg-type]
        for name in ("batch_size", "epochs", "patience"):
            if not (name == "patience" and self.patience is None):
                checks.whole_number(name, getattr(self, name))
        monitors = [f"{split}/{metric}" for split in ("train", "validation") for metric in names_of(self.data.task)]
        checks.one_of("The monitor", self.monitor, monitors)
        checks.kind("probes", self.probes, tuple | list, f"Write a tuple of names out of {', '.join(PROBES)}.")
        object.__setattr__(self, "probes", tuple(dict.fromkeys(self.probes)))
        checks.allowed_names("probes", self.probes, PROBES)
        checks.kind("pictures", self.pictures, tuple | list, f"Write a tuple of names out of {', '.join(PICTURES)}.")
        object.__setattr__(self, "pictures", tuple(dict.fromkeys(self.pictures)))
        checks.pictures(self.pictures, self.data)
        checks.transfer(self.transfer)
        checks.whole_number("stream", self.stream, least=0)
        object.__setattr__(self, "callbacks", callback_factories.checked(self.callbacks))
        self._check_grid()

    def _check_grid(self) -> None:
        given = checks.options("grid", self.grid)
        for name, values in given.items():
            if not isinstance(values, tuple | list) or len(values) < 3:
                raise DeclarationError(
                    f"The grid for {name} is {values!r}. Give three values or more, in order: the best of two lies at "
                    "an edge, and an edge withholds the verdict."
                )
        object.__setattr__(self, "grid", {name: tuple(values) for name, values in given.items()})
        for point in self.points():
            self.at(point)

    def but(self, **changes: Any) -> Recipe:
        """This recipe with some fields changed; params, data_params and optimizer are merged, not replaced."""
        checks.allowed_names("Recipe", changes, [f.name for f in dataclasses.fields(self)])
        changes |= {name: checks.options(name, changes[name]) for name in _OPTION_FIELDS if name in changes}
        if changes.get("optimizer", {}).get("name", self.optimizer_name) != self.optimizer_name:
            merged = set(_OPTION_FIELDS) - {"optimizer"}  # another optimizer starts from its own defaults
        else:
            merged = set(_OPTION_FIELDS)
        for name in merged & set(changes):
            changes[name] = {**getattr(self, name), **changes[name]}
        return dataclasses.replace(self, **changes)

    def points(self) -> Iterator[Point]:
        """Every combination of the grid's values; none where there is no grid."""
        if self.grid:
            yield from (dict(zip(self.grid, values, strict=True)) for values in product(*self.grid.values()))

    def at(self, point: Point) -> Recipe:
        """This recipe with the settings of a point of its grid, and without a grid.

        Raises:
            DeclarationError: it has no such setting, or one that does not take this value; names the nearest.
        """
        return self.but(**nested(point, SETTINGS), grid={})

    def chance(self, seed: int) -> int:
        """The seed of everything random in a run except the split of the data."""
        return (seed + self.stream * _STREAMS) % 2**32

    @property
    def optimizer_name(self) -> str:
        """The optimizer's name, such as "adam"."""
        return str(dict(self.optimizer)["name"])  # type: ignore[arg-type]

    @property
    def optimizer_options(self) -> dict[str, Any]:
        """The optimizer's options, without its name."""
        return {key: value for key, value in dict(self.optimizer).items() if key != "name"}  # type: ignore[arg-type]

    @property
    def loss_name(self) -> str:
        """The loss that is minimised, such as "softmax"."""
        return self.loss or LOSSES[self.data.task][0]

    def to_dict(self) -> dict[str, Any]:
        """The recipe as data for JSON; model, data and callbacks by name."""
        record = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        record |= {"model": f"{self.model.__module__}.{self.model.__qualname__}", "data": self.data.name}
        record |= {"callbacks": [callback_factories.factory_name(factory) for factory in self.callbacks]}
        record |= {"loss": self.loss_name}
        return json.loads(json.dumps(record, default=dict))

    def identity(self) -> str:
        """SHA-256 of `to_dict`: equal for recipes that would train the same and leave the same behind."""
        return self._identity

    @cached_property
    def _identity(self) -> str:
        import hashlib  # loads OpenSSL, which declarations do not need

        return hashlib.sha256(json.dumps(without_later_defaults(self.to_dict()), sort_keys=True).encode()).hexdigest()


def without_later_defaults(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe as data, without the fields that came later where they say what was done before there were such fields:
    runs that were stored then are still runs of the same recipe.
    """
    return {name: value for name, value in recipe.items() if value not in _LATER_FIELDS.get(name, ())}


# What text can set: by --set, by a grid, under --budget quick.
SETTINGS = tuple(field.name for field in dataclasses.fields(Recipe) if field.name not in ("model", "data", "callbacks"))
