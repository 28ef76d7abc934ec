"""Drawing with NumPy and Pillow: tiles in a grid, colour scales, captions, and the summary that TensorBoard shows.

A picture is a uint8 array (height, width, 3); tiles are pictures of equal size, (n, height, width, 3).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.plugins.image import metadata

BACKGROUND = (255, 255, 255)
INK = (32, 33, 36)
GAP = 3  # pixels between two tiles
# Evenly spaced colours. Blue, white, red are ColorBrewer's RdBu; the other scale is matplotlib's viridis.
_DIVERGING = ((33, 102, 172), (146, 197, 222), (247, 247, 247), (244, 165, 130), (178, 24, 43))
_SEQUENTIAL = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))


def diverging(values: np.ndarray, limit: float) -> np.ndarray:
    """Numbers of any shape as colours: blue at -limit, white at 0, red at limit; uint8, with an axis of 3 added."""
    return _colours(values / (2 * limit or 1.0) + 0.5, _DIVERGING)


def sequential(values: np.ndarray, highest: float) -> np.ndarray:
    """Numbers from 0 to `highest`, of any shape, as colours: dark blue to yellow; uint8, with an axis of 3 added."""
    return _colours(values / (highest or 1.0), _SEQUENTIAL)


def _colours(shares: np.ndarray, stops: Sequence[tuple[int, int, int]]) -> np.ndarray:
    levels = np.linspace(0, 1, len(stops))
    channels = [np.interp(shares, levels, [stop[channel] for stop in stops]) for channel in range(3)]
    return np.stack(channels, axis=-1).round().astype(np.uint8)


def as_seen(images: np.ndarray) -> np.ndarray:
    """Images (n, height, width, channels) in any unit as tiles, scaled from the lowest value of all to the highest.

    Three channels are red, green and blue; any other number of channels is averaged and shown in grey.
    """
    if images.shape[-1] != 3:
        images = images.mean(axis=-1, keepdims=True, dtype=np.float32)
    low, high = float(images.min()), float(images.max())
    seen = ((images - np.float32(low)) * np.float32(255 / ((high - low) or 1.0))).round().astype(np.uint8)
    return seen if seen.shape[-1] == 3 else seen.repeat(3, axis=-1)


def enlarge(tiles: np.ndarray, least: int) -> np.ndarray:
    """Tiles with every pixel repeated until they are at least `least` pixels high."""
    times = max(1, -(-least // tiles.shape[1]))
    return tiles.repeat(times, axis=1).repeat(times, axis=2)


def grid(tiles: np.ndarray, columns: int, background: tuple[int, int, int] = BACKGROUND) -> np.ndarray:
    """Tiles arranged row by row, with gaps between and around them."""
    n, height, width, _ = tiles.shape
    columns = min(columns, n)
    rows = -(-n // columns)
    picture = np.full((rows * (height + GAP) + GAP, columns * (width + GAP) + GAP, 3), background, dtype=np.uint8)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        top, left = row * (height + GAP) + GAP, column * (width + GAP) + GAP
        picture[top : top + height, left : left + width] = tile
    return picture


def beside(left: np.ndarray, right: np.ndarray, gap: int = 12) -> np.ndarray:
    """Two pictures in a row, aligned at the top."""
    height, widths = max(len(left), len(right)), (left.shape[1], right.shape[1])
    picture = np.full((height, sum(widths) + gap, 3), BACKGROUND, dtype=np.uint8)
    picture[: len(left), : widths[0]] = left
    picture[: len(right), widths[0] + gap :] = right
    return picture


def captioned(picture: np.ndarray, lines: Sequence[str], size: int = 15) -> np.ndarray:
    """The picture with lines of text above it, as wide as the wider of the two."""
    font = font_of(size)
    line_height = round(1.4 * size)
    width = max(picture.shape[1], *(round(font.getlength(line)) + 8 for line in lines))
    canvas = Image.new("RGB", (width, len(lines) * line_height + 4 + len(picture)), BACKGROUND)
    draw = ImageDraw.Draw(canvas)
    for number, line in enumerate(lines):
        draw.text((4, number * line_height + line_height / 2), line, INK, font, anchor="lm")
    canvas.paste(Image.fromarray(picture), (0, len(lines) * line_height + 4))
    return np.asarray(canvas)


@cache
def font_of(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's own font, the same on every machine; `size` in pixels. It has little beyond ASCII: no × and no –.

    Raises:
        RuntimeError: this Pillow was built without FreeType, and so has one font size only.
    """
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("This Pillow was built without FreeType. Install the wheel: pip install --force pillow.")
    return font


def same_size(pictures: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The pictures, padded to the right and below so that all are as large as the largest."""
    height, width = (max(picture.shape[axis] for picture in pictures) for axis in (0, 1))
    pad = lambda picture: ((0, height - picture.shape[0]), (0, width - picture.shape[1]), (0, 0))  # noqa: E731
    return [np.pad(picture, pad(picture), constant_values=255) for picture in pictures]


def png(picture: np.ndarray) -> bytes:
    """The picture as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "png")
    return file.getvalue()


def image_summary(tag: str, pictures: Sequence[np.ndarray], description: str) -> Summary:
    """The summary that TensorBoard's Images tab shows under `tag`: pictures of equal size, described in Markdown.

    It has the form of `tf.summary.image` (tensorboard/plugins/image/summary_v2.py): a tensor of strings that holds the
    width, the height and the PNG files.
    """
    height, width, _ = pictures[0].shape
    values = [str(width).encode(), str(height).encode(), *map(png, pictures)]
    tensor = TensorProto(dtype=DT_STRING, string_val=values)
    tensor.tensor_shape.dim.add(size=len(values))
    about = metadata.create_summary_metadata(display_name=None, description=description)
    return Summary(value=[Summary.Value(tag=tag, tensor=tensor, metadata=about)])
