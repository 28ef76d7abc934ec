"""Starting from a trained network: its weights, a new head, the frozen layers, and its preprocessing."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

import models
from data import Dataset, Preprocessing
from folklore.declare.recipe import ALL_BUT_HEAD, HEAD, NOTHING, Recipe
from folklore.errors import ProblemError, did_you_mean
from folklore.storage import run_directory
from models.auxiliary import without_auxiliaries

EVERYTHING = "everything"
OWN = "own"


@dataclass(frozen=True)
class Pretrained:
    """A trained network and the preprocessing of its inputs.

    Attributes:
        model: with the weights of the epoch that validation selected; not compiled.
        preprocessing: as it was fitted to the run's training part.
        record: the content of run.json.
    """

    model: keras.Model
    preprocessing: Preprocessing
    record: dict[str, Any]

    def preprocess(self, x: np.ndarray) -> np.ndarray:
        """Inputs as they were loaded, of any dtype, as the network takes them: float32 of the same shape."""
        return self.preprocessing.transform(x)


def from_run(directory: Path | str, build: Callable[..., keras.Model] | None = None) -> Pretrained:
    """Load a finished run.

    Args:
        directory: of the run, such as "logs/quickstart.fashion_mnist/relu/seed-0".
        build: the function that its recipe names as `model`. Not needed for those of `models`; a name in a file of a
            log directory is never imported.

    Raises:
        ProblemError: there is no finished run, its network cannot be built, or its weights do not fit.

    Example:
        >>> from pathlib import Path
        >>> import data, folklore, models
        >>> from folklore.task import Task
        >>> from folklore.training.train import train
        >>> recipe = folklore.Recipe(models.mlp, data.diabetes, params=dict(widths=(4,)), epochs=1, mode="step")
        >>> run = Path("logs/topic.experiment/arm/seed-0")
        >>> record = train(Task("topic.experiment", "arm", 0, recipe, run, {}))
        >>> folklore.from_run(run).model.output_shape
        (None, 1)
    """
    directory = Path(directory)
    if not (directory / "run.json").is_file():
        raise ProblemError(f"{directory} is not a run's directory. Name one, such as logs/topic.experiment/arm/seed-0.")
    run = run_directory.read_run(directory)
    if run.ended is None or not run.ended.metrics:
        raise ProblemError(f"{directory} holds no finished run to start from. Train it first, or name another.")
    record = run.ended.to_dict()
    recipe, data = record["recipe"], record["data"]
    build = build or _builder(recipe["model"], directory)
    try:
        model = build(tuple(data["input_shape"]), data["outputs"], **recipe["params"])
        model.load_weights(directory / "best.weights.h5")
    except KeyError as error:
        raise ProblemError(f"{directory} lacks its {error}. Train that run again with --fresh.") from error
    except (ValueError, TypeError, OSError) as error:
        raise ProblemError(f"{directory} cannot be loaded: {error}") from error
    return Pretrained(model, _preprocessing(directory), record)


def preprocessing_for(recipe: Recipe, raw: Dataset, start: Path | None) -> Preprocessing:
    """The preprocessing of a run: that of the run that its network starts from, or one fitted to its own training part,
    where there is no such run or the recipe says `scaler="own"`.

    Raises:
        ProblemError: the other run's preprocessing differs in kind from the recipe's.
    """
    own = Preprocessing.fit(recipe.scaler, raw, recipe.target_scaler)
    if start is None or recipe.transfer.get("scaler") == OWN:
        return own
    theirs = _preprocessing(start)
    if theirs.kind != own.kind:
        raise ProblemError(
            f"{start} was trained on inputs scaled by {theirs.kind!r}, and the recipe that starts from it has "
            f"scaler={own.kind!r}. Give scaler={theirs.kind!r}; the numbers of that run are then used."
        )
    return dataclasses.replace(theirs, target_mean=own.target_mean, target_scale=own.target_scale)


def provenance_of(start: Path) -> dict[str, str]:
    """The run that a network starts from, and the SHA-256 of its weights."""
    with (start / "best.weights.h5").open("rb") as file:
        return {"run": str(start), "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def new_head(model: keras.Model, outputs: int) -> keras.Model:
    """The network with a new last layer, freshly initialised, for another number of outputs; it shares all others.

    The last layer is the one called "outputs"; what stands behind it (an average over places, say) stays. Auxiliary
    classifiers are dropped.

    Raises:
        ProblemError: the network has no such layer, or `outputs` is not a positive integer.

    Example:
        >>> import folklore, models
        >>> model = models.mlp((2,), 1, widths=(4,))
        >>> folklore.new_head(model, outputs=5).output_shape
        (None, 5)
    """
    if type(outputs) is not int or outputs < 1:
        raise ProblemError(f"outputs is {outputs!r}. Give a positive integer.")
    model = without_auxiliaries(model)
    _head(model)

    def renewed(layer: Any) -> Any:
        if layer.name != HEAD:
            return layer
        config = layer.get_config()
        size = "filters" if "filters" in config else "units"
        return type(layer).from_config(config | {size: outputs})

    return keras.models.clone_model(model, input_tensors=model.input, clone_function=renewed)


def freeze(model: keras.Model, frozen: str) -> None:
    """Choose which layers learn. Compile the model after this.

    Frozen batch normalisation uses its moving statistics, in training too.

    Args:
        model: a functional model.
        frozen: "nothing", "everything", "all but the head", or the name of a layer: that one and all before it.

    Raises:
        ProblemError: the network has no such layer; names the nearest.

    Example:
        >>> import folklore, models
        >>> model = models.mlp((2,), 1, widths=(4, 4))
        >>> folklore.freeze(model, "all but the head")
        >>> [layer.name for layer in model.layers if layer.trainable]
        ['outputs']
    """
    names = [layer.name for layer in model.layers]
    if frozen == ALL_BUT_HEAD:
        _head(model)
        fixed = set(names) - {HEAD}
    elif frozen in (NOTHING, EVERYTHING):
        fixed = set(names if frozen == EVERYTHING else ())
    else:
        fixed = {layer.name for layer in _until(model, "frozen", frozen, NOTHING, ALL_BUT_HEAD)}
    for layer in model.layers:
        layer.trainable = layer.name not in fixed


def carry_over(source: keras.Model, target: keras.Model, where: object, copied: str | None = None) -> None:
    """Copy the weights of all layers but the head, by name; the others stay as they are.

    Args:
        source: trained.
        target: a network of the same layers; its head may be another.
        where: the weights are from, for messages.
        copied: a layer of the target: only that one and those before it are copied.

    Raises:
        ProblemError: there is no such layer, or a layer of the target is not there, or has weights of other shapes.
    """
    theirs = {layer.name: layer for layer in source.layers}
    wanted_layers = target.layers if copied is None else _until(target, "copied", copied)
    pairs = [(layer, theirs.get(layer.name)) for layer in wanted_layers if layer.weights and layer.name != HEAD]
    for layer, twin in pairs:
        shapes, wanted = ([tuple(w.shape) for w in part.weights] if part else None for part in (twin, layer))
        if shapes != wanted:
            found = "has no such layer" if twin is None else f"has {shapes} there"
            raise ProblemError(
                f"The layer {layer.name} has weights of shapes {wanted}, and {where} {found}: only the head may differ "
                "from the network that one starts from, or what stands behind the layer `copied`. Declare the same "
                "model and params, name a layer, or start from another run."
            )
    for layer, twin in pairs:
        layer.set_weights(twin.get_weights())  # type: ignore[union-attr]


def _until(model: keras.Model, option: str, name: str, *others: str) -> list[keras.layers.Layer]:
    """A layer and all before it.

    Raises:
        ProblemError: there is no such layer; names the nearest, and the other values that the option may have.
    """
    names = [layer.name for layer in model.layers]
    if name not in names:
        neither = f"neither {' nor '.join(map(repr, others))} nor" if others else "not"
        raise ProblemError(
            f"{option} is {name!r}, which is {neither} a layer of {model.name}. {did_you_mean(name, names)}"
        )
    layers: list[keras.layers.Layer] = keras.Model(model.input, model.get_layer(name).output).layers
    return layers


def _preprocessing(directory: Path) -> Preprocessing:
    file = directory / "preprocessing.json"
    try:
        return Preprocessing.from_json(json.loads(file.read_text(encoding="utf-8")))
    except (TypeError, ValueError, AttributeError, OSError) as error:
        raise ProblemError(f"{file} is missing or damaged: {error}. Train that run again with --fresh.") from error


def _builder(name: str, directory: Path) -> Callable[..., keras.Model]:
    for build in models.BUILDERS.values():
        if f"{build.__module__}.{build.__name__}" == name:
            return build
    raise ProblemError(
        f"{directory} was built by {name}, which is not a function of models/. Give that function as build=."
    )


def _head(model: keras.Model) -> None:
    if HEAD not in (names := [layer.name for layer in model.layers]):
        raise ProblemError(
            f"{model.name} has no layer called {HEAD!r}; its last layer is {names[-1]!r}. Name the last layer {HEAD!r}."
        )
