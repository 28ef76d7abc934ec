"""The feature maps of a network's layers for a few images, as pictures."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import keras
import numpy as np
from tensorboard.compat.proto.summary_pb2 import Summary

from callbacks import pictures
from callbacks.filters import COLUMNS
from callbacks.periodic import Picture
from callbacks.predictions import outputs
from callbacks.probes.hidden import NONLINEAR

MOST_LAYERS = 8
MOST_MAPS = 64
_ABOUT = "Activations, one tile per channel, on one scale. 0 is dark, or white if there are negative activations."
_TILE = 44  # minimum height in pixels


class FeatureMaps(Picture):
    """Draws the outputs of layers for a few fixed images: one grid per layer and image, one tile per channel.

    A grid has one scale, from 0 (dark blue) to its highest activation (yellow). If there are negative activations, the
    scale runs from blue over white at 0 to red. Dark channels are dead on this image. The image is on the left.

    Args:
        directory: the run's directory; the pictures go to its `validation/`, under the tag `feature_maps/<layer>`.
        x: the images as the network takes them, (n, height, width, channels).
        captions: a text for each image, such as its class.
        images: the images as a person sees them, (n, height, width, channels); x if not given.
        layers: names of the layers; if not given, up to eight nonlinearities with maps, spread evenly over the depth.
        every: epochs from one picture to the next; the last epoch is always drawn.

    Raises:
        ValueError: when training begins, see `mapped_layers`.

    Example:
        >>> import folklore, keras, models
        >>> import numpy as np
        >>> from callbacks import FeatureMaps
        >>> x, y = np.zeros((8, 8, 8, 1)), np.arange(8) % 2
        >>> model = models.cnn((8, 8, 1), 2, filters=(4,))
        >>> model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        >>> maps = FeatureMaps("run", x[:2], captions=("cat", "dog"))
        >>> history = folklore.fit(model, (x, y), epochs=1, callbacks=[maps], mode="step")
        >>> maps.file.path.parent.as_posix()
        'run/validation'
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        x: np.ndarray,
        captions: Sequence[str] = (),
        images: np.ndarray | None = None,
        layers: Sequence[str] = (),
        every: int = 1,
    ) -> None:
        super().__init__(directory, "validation", every)
        self.x, self.captions, self.layers = x, tuple(captions) or ("",) * len(x), tuple(layers)
        self.images = pictures.as_seen(x if images is None else images)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Find the layers."""
        super().on_train_begin(logs)
        layers = mapped_layers(self.model, self.layers)
        self.names = [layer.name for layer in layers]
        (inputs,) = self.model.inputs
        self.inner = keras.Model(inputs, [layer.output for layer in layers])

    def draw(self) -> Iterator[Summary]:
        """One summary per layer, with a picture for each image."""
        for name, found in zip(self.names, outputs(self.inner, self.x), strict=True):
            if np.isfinite(found).all():
                drawn = [self._drawn(name, number, maps) for number, maps in enumerate(found)]
                yield pictures.image_summary(f"feature_maps/{name}", pictures.same_size(drawn), _ABOUT)

    def _drawn(self, name: str, number: int, maps: np.ndarray) -> np.ndarray:
        """One grid. Its size depends on shapes only, except for the title, so that pictures of a layer are alike."""
        height, width, channels = maps.shape
        tiles = np.moveaxis(maps, -1, 0)[:MOST_MAPS]
        low, high = float(maps.min()), float(maps.max())
        if low < 0:
            limit = max(-low, high)
            coloured, scale = pictures.diverging(tiles, limit), f"blue -{limit:.2g}, white 0, red {limit:.2g}"
        else:
            coloured, scale = pictures.sequential(tiles, high), f"dark 0, yellow {high:.2g}"
        limited = "" if channels <= MOST_MAPS else f", {MOST_MAPS} drawn"
        right = pictures.grid(pictures.enlarge(coloured, _TILE), COLUMNS)
        left = pictures.enlarge(self.images[number : number + 1], 2 * _TILE)
        title = f"{name}: {channels} maps {height}x{width}{limited}; {scale}"
        return pictures.captioned(
            pictures.beside(pictures.grid(left, 1), right), [" - ".join(filter(None, [self.captions[number], title]))]
        )


def mapped_layers(model: keras.Model, names: Sequence[str] = ()) -> list[keras.layers.Layer]:
    """The named layers; without names, up to eight nonlinearities with maps, spread evenly over the depth.

    A convolution with its own activation counts as a nonlinearity. If no layer is nonlinear, convolutions are taken.

    Raises:
        ValueError: no layer has that name, its output is not (batch, height, width, channels), or no layer has maps.
    """
    with_maps = {layer.name: layer for layer in model.layers if _shape(layer) == 4}
    for name in names:
        if name not in with_maps:
            raise ValueError(
                f"The feature maps of the layer {name!r} were requested, but {model.name} has no layer of that name "
                f"with maps. Layers with maps: {', '.join(with_maps) or 'none'}."
            )
    if names:
        return [with_maps[name] for name in names]
    found = [layer for layer in with_maps.values() if _is_nonlinear(layer)]
    found = found or [layer for layer in with_maps.values() if hasattr(layer, "kernel_size")]
    if not found:
        raise ValueError(
            f"The feature maps of {model.name} were requested, but it has no convolution. Do not request feature maps "
            "for this network."
        )
    places = np.linspace(0, len(found) - 1, min(len(found), MOST_LAYERS)).round().astype(int)
    return [found[place] for place in places]


def _shape(layer: keras.layers.Layer) -> int:
    """The number of axes of the layer's output; 0 if it has several outputs, or is the input."""
    if isinstance(layer, keras.layers.InputLayer):
        return 0
    return len(getattr(layer.output, "shape", ()))


def _is_nonlinear(layer: keras.layers.Layer) -> bool:
    own = getattr(layer, "activation", None)
    return isinstance(layer, NONLINEAR) if own is None else own is not keras.activations.linear
