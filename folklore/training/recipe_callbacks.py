"""What a recipe asks to see of a training, beside its curves: probes, and pictures of the validation part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import keras
import numpy as np

from callbacks import ConfidentMistakes, ConfusionMatrix, Embedding, FeatureMaps, Filters, Probes
from callbacks.feature_maps import mapped_layers
from callbacks.filters import first_layer
from data import Dataset
from folklore.declare.recipe import Recipe

DRAWN_A_RUN = 5
PROBED_ROWS = 10_000
MAPPED_IMAGES = 3
Scaling = tuple[float, float] | None


def every(recipe: Recipe) -> int:
    """Epochs between two drawings of what need not be seen after every epoch."""
    return max(1, recipe.epochs // DRAWN_A_RUN)


def watchers_of(recipe: Recipe, data: Dataset, scaling: Scaling, path: Path) -> Iterator[keras.callbacks.Callback]:
    """The callbacks for `recipe.probes` and `recipe.pictures`.

    They change nothing of what is trained. They stand before what restores the best weights when training ends, so that
    pictures show those of the last epoch.

    Args:
        recipe: names what is watched.
        data: of which the training part, which its split has shuffled, is probed, and the validation part drawn.
        scaling: what is left to do before the network takes the inputs, see `Preprocessing.apply_beside_device`.
        path: the run's directory.
    """
    if recipe.probes:
        yield Probes(recipe.probes, _as_taken(data.train.x[:PROBED_ROWS], scaling))
    if recipe.pictures:
        part, names, often = data.validation, data.class_names, every(recipe)
        x = _as_taken(part.x, scaling)
        captions = [names[label] for label in part.y[:MAPPED_IMAGES]] if names else ()
        mapped = (x[:MAPPED_IMAGES], captions, part.x[:MAPPED_IMAGES])
        drawn = {
            "filters": lambda: Filters(path, every=often),
            "feature_maps": lambda: FeatureMaps(path, *mapped, every=often),
            "confusion": lambda: ConfusionMatrix(path, x, part.y, names, every=often),
            "mistakes": lambda: ConfidentMistakes(path, x, part.y, names, part.x, every=often),
            "embedding": lambda: Embedding(path, x, part.y, names, part.x, every=often),
        }
        yield from (drawn[name]() for name in recipe.pictures)


def check_pictures(names: Sequence[str], model: keras.Model) -> None:
    """Find the layers that are to be drawn.

    Raises:
        ValueError: the model has none that could be.
    """
    if "filters" in names:
        first_layer(model)
    if "feature_maps" in names:
        mapped_layers(model)


def _as_taken(rows: np.ndarray, scaling: Scaling) -> np.ndarray:
    """Inputs as the network takes them."""
    return rows if scaling is None else (rows.astype(np.float32) - np.float32(scaling[0])) / np.float32(scaling[1])
