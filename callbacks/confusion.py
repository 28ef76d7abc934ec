"""The confusion matrix, as a picture."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from tensorboard.compat.proto.summary_pb2 import Summary

from callbacks import pictures
from callbacks.periodic import Picture
from callbacks.predictions import check_labels, names_of, outputs

_RIGHT, _WRONG = (33, 102, 172), (178, 24, 43)
_ABOUT = "Rows are true classes, columns predicted ones. Coloured by the square root of the share of the row."
_LEGIBLE = 40  # with more classes, cells are drawn without numbers


class ConfusionMatrix(Picture):
    """Draws the confusion matrix of labelled examples: rows are true classes, columns predicted ones.

    A cell shows its count and its share of the row. It is blue on the diagonal and red elsewhere; the square root of
    the share sets the strength of the colour, so that errors of a few per cent are visible.

    Args:
        directory: the run's directory; the picture goes to its `validation/`, under the tag `confusion_matrix`.
        x: examples as the network takes them, (n, …).
        y: their class numbers, (n,).
        class_names: one for each of the network's outputs; their numbers if not given.
        every: epochs from one picture to the next; the last epoch is always drawn.

    Raises:
        ValueError: y does not hold one class number per example; or, when training begins, `class_names` does not match
            the number of outputs.

    Example:
        >>> import folklore, keras, models
        >>> import numpy as np
        >>> from callbacks import ConfusionMatrix
        >>> x, y = np.zeros((8, 8, 8, 1)), np.arange(8) % 2
        >>> model = models.mlp((8, 8, 1), 2, widths=(4,))
        >>> model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        >>> matrix = ConfusionMatrix("run", x, y, class_names=("cat", "dog"))
        >>> history = folklore.fit(model, (x, y), epochs=1, callbacks=[matrix], mode="step")
        >>> matrix.file.path.parent.as_posix()
        'run/validation'
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        x: np.ndarray,
        y: np.ndarray,
        class_names: Sequence[str] = (),
        every: int = 1,
    ) -> None:
        super().__init__(directory, "validation", every)
        check_labels(x, y)
        self.x, self.y, self.class_names = x, y, tuple(class_names)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Check the names against the network."""
        super().on_train_begin(logs)
        self.names = names_of(self.class_names, self.model)

    def draw(self) -> Iterator[Summary]:
        """The matrix."""
        (scores,) = outputs(self.model, self.x)
        if np.isfinite(scores).all():
            counts = confusion(self.y, scores.argmax(axis=1), len(self.names))
            yield pictures.image_summary("confusion_matrix", [drawn(counts, self.names)], _ABOUT)


def confusion(true: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts of examples by true class (first axis) and predicted class (second axis): (classes, classes)."""
    counts = np.zeros((classes, classes), dtype=int)
    np.add.at(counts, (true, predicted), 1)
    return counts


def drawn(counts: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """A picture of a confusion matrix (classes, classes)."""
    numbered = len(counts) <= _LEGIBLE
    width, height = (48, 44) if numbered else (14, 14)
    name_font = pictures.font_of(16 if numbered else 11)
    margin = 30 + max(round(name_font.getlength(name)) for name in names)
    canvas = Image.new("RGB", (margin + width * len(counts) + 2, height * len(counts) + margin), pictures.BACKGROUND)
    draw = ImageDraw.Draw(canvas)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    for (row, column), share in np.ndenumerate(shares):
        left, top = margin + column * width, row * height
        fill = _blend(_RIGHT if row == column else _WRONG, float(share) ** 0.5)
        draw.rectangle((left, top, left + width - 2, top + height - 2), fill)
        if numbered and counts[row, column]:
            _write_cell(draw, left + width / 2 - 1, top + height / 2 - 1, int(counts[row, column]), share)
    for number, name in enumerate(names):
        middle = number * height + height / 2
        draw.text((margin - 8, middle), name, pictures.INK, name_font, anchor="rm")
        _write_upwards(canvas, name, margin + number * width + width // 2, height * len(counts) + 6, name_font)
    title_font = pictures.font_of(14)
    _write_upwards(canvas, "true", 10, height * len(counts) // 2 - 16, title_font)
    centre = margin + width * len(counts) / 2
    draw.text((centre, canvas.height - 4), "predicted", pictures.INK, title_font, anchor="mb")
    right, rows = int(np.trace(counts)), int(counts.sum())
    shown = "percentages" if numbered else "colours"
    title = f"{right:,} of {rows:,} right ({right / max(rows, 1):.1%}); {shown} are of the row"
    return pictures.captioned(np.asarray(canvas), [title])


def _write_cell(draw: ImageDraw.ImageDraw, x: float, y: float, count: int, share: float) -> None:
    ink = (255, 255, 255) if share > 0.25 else pictures.INK
    draw.text((x, y - 8), f"{count:,}", ink, pictures.font_of(16), anchor="mm")
    draw.text((x, y + 11), f"{share:.0%}" if share >= 0.01 else "<1%", ink, pictures.font_of(12), anchor="mm")


def _write_upwards(canvas: Image.Image, text: str, x: int, top: int, font: ImageFont.FreeTypeFont) -> None:
    """Draw text that reads upwards, ends at `top` and is centred at x."""
    ascent, descent = font.getmetrics()
    turned = Image.new("RGB", (round(font.getlength(text)) + 2, ascent + descent), pictures.BACKGROUND)
    ImageDraw.Draw(turned).text((0, 0), text, pictures.INK, font)
    turned = turned.transpose(Image.Transpose.ROTATE_90)
    canvas.paste(turned, (x - turned.width // 2, top))


def _blend(colour: tuple[int, int, int], share: float) -> tuple[int, ...]:
    """The colour mixed with white; `share` is the part of the colour."""
    return tuple(round(255 + share * (channel - 255)) for channel in colour)
