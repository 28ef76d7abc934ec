"""The most confident mistakes of a network, as pictures."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import numpy as np
from tensorboard.compat.proto.summary_pb2 import Summary

from callbacks import pictures
from callbacks.periodic import Picture
from callbacks.predictions import check_labels, names_of, outputs, softmax

MOST = 20
_ABOUT = "Wrongly classified examples with the highest probability for the wrong class."
_COLUMNS = 4
_TILE = 112  # minimum height in pixels


class ConfidentMistakes(Picture):
    """Draws the wrongly classified images with the highest probability for the wrong class, the highest first.

    They often turn out to be mislabelled or ambiguous images.

    Args:
        directory: the run's directory; the picture goes to its `validation/`, under the tag `confident_mistakes`.
        x: images as the network takes them, (n, height, width, channels).
        y: their class numbers, (n,).
        class_names: one for each of the network's outputs; their numbers if not given.
        images: the images as a person sees them, (n, height, width, channels); x if not given.
        from_logits: whether the network's outputs are logits rather than probabilities.
        every: epochs from one picture to the next; the last epoch is always drawn.

    Raises:
        ValueError: y does not hold one class number per example; or, when training begins, `class_names` does not match
            the number of outputs.

    Example:
        >>> import folklore, keras, models
        >>> import numpy as np
        >>> from callbacks import ConfidentMistakes
        >>> x, y = np.zeros((8, 8, 8, 1)), np.arange(8) % 2
        >>> model = models.mlp((8, 8, 1), 2, widths=(4,))
        >>> model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        >>> mistakes = ConfidentMistakes("run", x, y, class_names=("cat", "dog"))
        >>> history = folklore.fit(model, (x, y), epochs=1, callbacks=[mistakes], mode="step")
        >>> mistakes.file.path.parent.as_posix()
        'run/validation'
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        x: np.ndarray,
        y: np.ndarray,
        class_names: Sequence[str] = (),
        images: np.ndarray | None = None,
        from_logits: bool = True,
        every: int = 1,
    ) -> None:
        super().__init__(directory, "validation", every)
        check_labels(x, y)
        self.x, self.y, self.class_names, self.from_logits = x, y, tuple(class_names), from_logits
        self.images = pictures.as_seen(x if images is None else images)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Check the names against the network."""
        super().on_train_begin(logs)
        self.names = names_of(self.class_names, self.model)

    def draw(self) -> Iterator[Summary]:
        """The grid, or only a line of text if nothing is wrong."""
        (scores,) = outputs(self.model, self.x)
        if not np.isfinite(scores).all():
            return
        chances = softmax(scores) if self.from_logits else scores
        found = mistakes(chances, self.y)
        shown = found[:MOST]
        title = [f"{len(found):,} of {len(self.y):,} wrong"]
        picture = np.full((1, 1, 3), pictures.BACKGROUND, dtype=np.uint8)
        if len(shown):
            title[0] += f"; the {len(shown)} most confident:"
            title += ["predicted class, its probability; true class"]
            tiles = pictures.enlarge(self.images[shown], _TILE)
            texts = [self._text(chances[row], self.y[row]) for row in shown]
            drawn = [pictures.captioned(tile, lines, size=14) for tile, lines in zip(tiles, texts, strict=True)]
            picture = pictures.grid(np.stack(pictures.same_size(drawn)), _COLUMNS)
        yield pictures.image_summary("confident_mistakes", [pictures.captioned(picture, title)], _ABOUT)

    def _text(self, chances: np.ndarray, true: int) -> list[str]:
        wrong = int(chances.argmax())
        return [f"{self.names[wrong]} {as_percent(chances[wrong])}", f"true: {self.names[true]}"]


def mistakes(chances: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Row numbers of the wrongly classified, by decreasing probability of the predicted class; ties keep their order.

    Args:
        chances: probabilities (n, classes).
        true: class numbers (n,).
    """
    wrong = np.flatnonzero(chances.argmax(axis=1) != true)
    return wrong[np.argsort(-chances.max(axis=1)[wrong], kind="stable")]


def as_percent(chance: float) -> str:
    """A probability in per cent, with one decimal above 99 %; never rounded up to 100 %."""
    return f"{int(chance * 1000) / 10:.1f}%" if chance > 0.99 else f"{chance:.0%}"
