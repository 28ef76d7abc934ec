"""What a network's layers make of a few images."""

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
from callbacks.probes import NONLINEAR

MOST_LAYERS = 8
MOST_MAPS = 64
_ABOUT = "Activations, a tile a channel, on one scale. What stays dark, or white where there are signs, is 0."
_TILE = 44  # pixels, at least


class FeatureMaps(Picture):
    """Draws the activations after given layers for a few fixed images: one grid a layer and image, a tile a channel.

    A grid has one scale, from 0 (dark blue) to its highest activation (yellow); where there are negative ones, from
    blue over white at 0 to red. Channels that stay dark are dead on this image. The image itself stands to the left.

    Args:
        directory: the run's directory; the pictures go to its `validation/`, under the tag `feature_maps/<layer>`.
        x: the images as the network takes them, (n, height, width, channels).
        captions: a text for each image, such as its class.
        images: the images as a person sees them, (n, height, width, channels); x if not given.
        layers: names of the layers; if not given, nonlinearities with maps, up to eight, evenly over the depth.
        every: epochs from one picture to the next; the last epoch is always drawn.

    Raises:
        ValueError: when training begins, see `mapped_layers`.
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
        """One summary a layer, with a picture for each image."""
        for name, found in zip(self.names, outputs(self.inner, self.x), strict=True):
            if np.isfinite(found).all():
                drawn = [self._drawn(name, number, maps) for number, maps in enumerate(found)]
                yield pictures.image_summary(f"feature_maps/{name}", pictures.same_size(drawn), _ABOUT)

    def _drawn(self, name: str, number: int, maps: np.ndarray) -> np.ndarray:
        """One grid. All but the title hangs on shapes alone, so that pictures of a layer have one size."""
        height, width, channels = maps.shape
        tiles = np.moveaxis(maps, -1, 0)[:MOST_MAPS]
        low, high = float(maps.min()), float(maps.max())
        if low < 0:
            limit = max(-low, high)
            coloured, scale = pictures.diverging(tiles, limit), f"blue -{limit:.2g}, white 0, red {limit:.2g}"
        else:
            coloured, scale = pictures.sequential(tiles, high), f"dark 0, yellow {high:.2g}"
        few = "" if channels <= MOST_MAPS else f", {MOST_MAPS} drawn"
        right = pictures.grid(pictures.enlarge(coloured, _TILE), COLUMNS)
        left = pictures.enlarge(self.images[number : number + 1], 2 * _TILE)
        title = f"{name}: {channels} maps {height}x{width}{few}; {scale}"
        return pictures.captioned(
            pictures.beside(pictures.grid(left, 1), right), [" - ".join(filter(None, [self.captions[number], title]))]
        )


def mapped_layers(model: keras.Model, names: Sequence[str] = ()) -> list[keras.layers.Layer]:
    """The named layers; without names, nonlinearities whose outputs are maps, up to eight, evenly over the depth.

    A convolution with an activation of its own counts as one. Where no layer is nonlinear, convolutions are taken.

    Raises:
        ValueError: there is no layer of a name, it gives no maps (batch, height, width, channels), or no layer does.
    """
    with_maps = {layer.name: layer for layer in model.layers if _shape(layer) == 4}
    for name in names:
        if name not in with_maps:
            raise ValueError(
                f"The feature maps of the layer {name!r} were asked for, and {model.name} has no layer of that name "
                f"that gives maps. Name some of: {', '.join(with_maps) or 'none, for it has no such layer'}."
            )
    if names:
        return [with_maps[name] for name in names]
    found = [layer for layer in with_maps.values() if _is_nonlinear(layer)]
    found = found or [layer for layer in with_maps.values() if hasattr(layer, "kernel_size")]
    if not found:
        raise ValueError(
            f"The feature maps of {model.name} were asked for, and it has no convolution. Leave the feature maps out "
            "for this network."
        )
    places = np.linspace(0, len(found) - 1, min(len(found), MOST_LAYERS)).round().astype(int)
    return [found[place] for place in places]


def _shape(layer: keras.layers.Layer) -> int:
    """How many axes the layer's output has; 0 where it has several outputs, or is the input."""
    if isinstance(layer, keras.layers.InputLayer):
        return 0
    return len(getattr(layer.output, "shape", ()))


def _is_nonlinear(layer: keras.layers.Layer) -> bool:
    own = getattr(layer, "activation", None)
    return isinstance(layer, NONLINEAR) if own is None else own is not keras.activations.linear
