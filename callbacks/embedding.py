"""Examples as the last hidden layer represents them, for TensorBoard's Projector tab."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from google.protobuf import text_format
from PIL import Image
from tensorboard.plugins.projector import metadata, projector_config_pb2

from callbacks import pictures
from callbacks.files import write_bytes
from callbacks.periodic import Periodic
from callbacks.predictions import check_labels, names_of, outputs

MOST = 1_000  # points, for which the projector still computes t-SNE and UMAP immediately
_SPRITE = (28, 64)  # an image's height in the projector in pixels: minimum, maximum


class Embedding(Periodic):
    """Writes the inputs of the last layer for up to a thousand examples, with their classes and images.

    The projector draws the points by PCA, t-SNE or UMAP, coloured by true class, by predicted class, or by whether the
    two are equal. Every write replaces the previous one.

    Args:
        directory: the run's directory; the files go to its `validation/`.
        x: examples as the network takes them, (n, …); the first thousand are used.
        y: their class numbers, (n,).
        class_names: one for each of the network's outputs; their numbers if not given.
        images: the examples as a person sees them, (n, height, width, channels). If not given, x is used if it has that
            shape; otherwise points are drawn without images.
        every: epochs from one write to the next; the last epoch is always written.

    Raises:
        ValueError: y does not hold one class number per example; or, when training begins, `class_names` does not match
            the number of outputs.

    Example:
        >>> import folklore, keras, models
        >>> import numpy as np
        >>> from callbacks import Embedding
        >>> x, y = np.zeros((8, 8, 8, 1)), np.arange(8) % 2
        >>> model = models.mlp((8, 8, 1), 2, widths=(4,))
        >>> model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        >>> embedding = Embedding("run", x, y, class_names=("cat", "dog"))
        >>> history = folklore.fit(model, (x, y), epochs=1, callbacks=[embedding], mode="step")
        >>> sorted(path.name for path in embedding.folder.glob("embedding/*"))
        ['classes.tsv', 'images.png', 'points.tsv']
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        x: np.ndarray,
        y: np.ndarray,
        class_names: Sequence[str] = (),
        images: np.ndarray | None = None,
        every: int = 1,
    ) -> None:
        super().__init__(every)
        check_labels(x, y)
        self.folder = Path(directory) / "validation"
        self.x, self.y, self.class_names = x[:MOST], y[:MOST], tuple(class_names)
        images = x if images is None else images
        self.images = pictures.as_seen(images[:MOST]) if images.ndim == 4 else None

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Find the last layer's input."""
        super().on_train_begin(logs)
        self.names = [" ".join(name.split()) for name in names_of(self.class_names, self.model)]
        (inputs,), answer = self.model.inputs, self.model.outputs[0]  # further outputs are auxiliary classifiers
        weighted = [layer for layer in self.model.layers if layer.weights] or self.model.layers
        last = next((layer for layer in weighted if layer.name == "outputs"), weighted[-1])
        self.inner = keras.Model(inputs, [last.input, answer])

    def act(self, epoch: int) -> None:
        """Write the points if they are finite. The configuration comes last, because it names the other files."""
        points, scores = outputs(self.inner, self.x)
        points = points.mean(axis=tuple(range(1, points.ndim - 1)))  # feature maps, if the head is a convolution
        if not (np.isfinite(points).all() and np.isfinite(scores).all()):
            return
        config = projector_config_pb2.ProjectorConfig()
        embedding = config.embeddings.add(tensor_name="last hidden layer", tensor_shape=points.shape)
        embedding.tensor_path, embedding.metadata_path = "embedding/points.tsv", "embedding/classes.tsv"
        written = io.StringIO()
        np.savetxt(written, points, fmt="%.6g", delimiter="\t")
        write_bytes(self.folder / embedding.tensor_path, written.getvalue().encode())
        write_bytes(self.folder / embedding.metadata_path, self._classes(scores.argmax(axis=1)).encode())
        if self.images is not None:
            picture, (height, width) = sprite(self.images)
            embedding.sprite.image_path = "embedding/images.png"
            embedding.sprite.single_image_dim.extend([width, height])
            write_bytes(self.folder / embedding.sprite.image_path, pictures.png(picture))
        write_bytes(self.folder / metadata.PROJECTOR_FILENAME, text_format.MessageToString(config).encode())

    def _classes(self, predicted: np.ndarray) -> str:
        rows = [("true class", "predicted class", "prediction")]
        for wanted, found in zip(self.y, predicted, strict=True):
            rows.append((self.names[wanted], self.names[found], "right" if wanted == found else "wrong"))
        return "".join("\t".join(row) + "\n" for row in rows)


def sprite(images: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
    """Tiles (n, height, width, 3) arranged in a square, as the projector expects; and the size of a tile."""
    images = pictures.enlarge(images, _SPRITE[0])
    if (factor := max(images.shape[1:3]) / _SPRITE[1]) > 1:
        size = tuple(max(1, round(length / factor)) for length in images.shape[2:0:-1])
        images = np.stack([np.asarray(Image.fromarray(image).resize(size)) for image in images])
    n, height, width, _ = images.shape
    side = math.ceil(math.sqrt(n))
    cells = np.zeros((side * side, height, width, 3), dtype=np.uint8)
    cells[:n] = images
    rows = cells.reshape(side, side, height, width, 3).transpose(0, 2, 1, 3, 4)
    return rows.reshape(side * height, side * width, 3), (height, width)
