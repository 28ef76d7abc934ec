"""The kernels of a network's first layer, as pictures."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator

import keras
import numpy as np
from tensorboard.compat.proto.summary_pb2 import Summary

from callbacks import pictures
from callbacks.periodic import Picture

MOST = 128
COLUMNS = 8  # TensorBoard shows pictures 350 pixels wide until they are clicked
_ABOUT = "Kernels of the first layer, on one scale that is symmetric around 0."
_TILE = 44  # minimum height in pixels
_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)


class Filters(Picture):
    """Draws the kernels of the first convolution as one grid, or of the first dense layer if there is no convolution.

    All kernels share one scale, symmetric around 0. Kernels on three channels are drawn in colour with 0 in grey,
    others channel by channel from blue (negative) over white to red (positive). A dense kernel is drawn only if its
    inputs are the image's pixels.

    Args:
        directory: the run's directory; the pictures go to its `train/`, under the tag `filters/<layer>`.
        every: epochs from one picture to the next; the last epoch is always drawn.

    Raises:
        ValueError: when training begins, see `first_layer`.

    Example:
        >>> import folklore, keras, models
        >>> import numpy as np
        >>> from callbacks import Filters
        >>> x, y = np.zeros((8, 8, 8, 1)), np.arange(8) % 2
        >>> model = models.cnn((8, 8, 1), 2, filters=(4,))
        >>> model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        >>> filters = Filters("run")
        >>> history = folklore.fit(model, (x, y), epochs=1, callbacks=[filters], mode="step")
        >>> filters.file.path.parent.as_posix()
        'run/train'
    """

    def __init__(self, directory: str | os.PathLike[str], every: int = 1) -> None:
        super().__init__(directory, "train", every)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Find the layer."""
        super().on_train_begin(logs)
        self.layer = first_layer(self.model)

    def draw(self) -> Iterator[Summary]:
        """The grid."""
        kernel = keras.ops.convert_to_numpy(self.layer.kernel).astype(np.float32)
        if not np.isfinite(kernel).all():
            return
        if kernel.ndim == 2:
            kernel = kernel.reshape(*self.model.input_shape[1:], -1)
        height, width, channels, units = kernel.shape
        limit = float(np.abs(kernel).max())
        tiles = tiles_of(kernel[..., :MOST], limit)[:MOST]
        scale = (
            f"grey 0, full colour +-{limit:.2g}" if channels == 3 else f"blue -{limit:.2g}, white 0, red {limit:.2g}"
        )
        all_tiles = units if channels == 3 else units * channels
        limited = f", {len(tiles)} tiles drawn of {all_tiles}" if all_tiles > len(tiles) else ""
        title = f"{self.layer.name}: {units} kernels {height}x{width}x{channels}{limited}; {scale}"
        picture = pictures.grid(pictures.enlarge(tiles, _TILE), COLUMNS, (190, 190, 190))
        yield pictures.image_summary(f"filters/{self.layer.name}", [pictures.captioned(picture, [title])], _ABOUT)


def tiles_of(kernel: np.ndarray, limit: float) -> np.ndarray:
    """A kernel (height, width, channels, units) as tiles: one per unit in colour, or one per unit and channel."""
    kernel = kernel.transpose(3, 2, 0, 1)  # units, channels, height, width
    if kernel.shape[1] == 3:
        shares = kernel.transpose(0, 2, 3, 1) / (2 * limit or 1.0) + 0.5
        return (255 * shares).round().astype(np.uint8)
    return pictures.diverging(kernel.reshape(-1, *kernel.shape[2:]), limit)


def first_layer(model: keras.Model) -> keras.layers.Layer:
    """The model's first convolution, or else its first dense layer on the image's pixels.

    Raises:
        ValueError: the model has neither.
    """
    shape = model.input_shape[1:]
    for layer in model.layers:
        if isinstance(layer, _CONVOLUTIONS):
            return layer
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dense) and len(shape) == 3 and layer.kernel.shape[0] == math.prod(shape):
            return layer
    raise ValueError(
        f"The filters of {model.name} were requested, but it has neither a two-dimensional convolution nor a dense "
        f"layer on all pixels of an image; its inputs have the shape {shape}. Do not request filters for this network."
    )
