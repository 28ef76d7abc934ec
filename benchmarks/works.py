"""The timed work: networks of this suite on arrays with the shapes of the real sets, independent of any framework."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Layer = tuple[Any, ...]  # a kind and its numbers: ("dense", 300), ("conv", 32, 3, "same"), ("dropout", 0.2), ("relu",)

TABLE, IMAGES = (8,), (28, 28, 1)


@dataclass(frozen=True)
class Work:
    """A network, the shape of its data, and the wanted speed relative to each peer.

    Attributes:
        name: as in the tables of docs/performance.md.
        inputs: shape of one row.
        outputs: number of classes, or 1 for a regression.
        layers: the layers between input and output, see `Layer`.
        wanted: from a peer to the wanted ratio of its seconds over ours.
        rows: rows per epoch.
        batch: rows per step.
        epochs: epochs per measurement, so that it takes at least a tenth of a second.
    """

    name: str
    inputs: tuple[int, ...]
    outputs: int
    layers: tuple[Layer, ...]
    wanted: Mapping[str, float] = field(default_factory=dict)
    rows: int = 55_000
    batch: int = 32
    epochs: int = 1

    @property
    def convolutional(self) -> bool:
        """Whether a layer is a convolution."""
        return any(kind == "conv" for kind, *_ in self.layers)

    @property
    def small(self) -> bool:
        """Whether callbacks could cost as much as an epoch."""
        return self.name == WORKS["california-small"].name

    @property
    def operations(self) -> float:
        """Floating-point operations of an epoch.

        A multiplication with addition counts as two. There is one forward pass, and two backward passes: one for the
        weights and one for the inputs of each layer except the first.
        """
        height, width, channels = (*self.inputs, 1, 1)[:3] if len(self.inputs) == 3 else (1, 1, self.inputs[0])
        total, passes = 0.0, 2
        for kind, *numbers in (*self.layers, ("dense", self.outputs)):
            match kind:
                case "conv":
                    filters, size, padding = numbers
                    if padding == "valid":
                        height, width = height - size + 1, width - size + 1
                    total += passes * 2.0 * height * width * size * size * channels * filters
                    channels, passes = filters, 3
                case "max_pool" | "mean_pool":
                    height, width = height // 2, width // 2
                case "flatten":
                    height, width, channels = 1, 1, height * width * channels
                case "dense":
                    total += passes * 2.0 * channels * numbers[0]
                    channels, passes = numbers[0], 3
        return total * self.rows

    def data(self, rows: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Standard normal inputs float32 (rows, *inputs), and targets: float32 or class numbers int32, (rows,)."""
        rng, rows = np.random.default_rng(0), rows or self.rows
        x = rng.standard_normal((rows, *self.inputs), dtype=np.float32)
        if self.outputs == 1:
            return x, x.mean(axis=tuple(range(1, x.ndim)))
        return x, rng.integers(0, self.outputs, rows).astype(np.int32)


def _dense(*widths: int, after: tuple[Layer, ...]) -> tuple[Layer, ...]:
    return tuple(layer for width in widths for layer in (("dense", width), *after))


def _six_convolutions() -> Iterator[Layer]:
    for filters in (32, 64, 128):
        for _ in range(2):
            yield from (("conv", filters, 3, "same"), ("relu",))
        yield ("max_pool",)
    yield ("flatten",)


_LENET: tuple[Layer, ...] = (
    ("conv", 6, 5, "same"), ("tanh",), ("mean_pool",), ("conv", 16, 5, "valid"), ("tanh",), ("mean_pool",),
    ("flatten",), ("dense", 120), ("tanh",), ("dense", 84), ("tanh",),
)  # fmt: skip
_FLAT: tuple[Layer, ...] = (("flatten",),)

WORKS = {
    "california-small": Work(
        "California 8-30-30-1", TABLE, 1, _dense(30, 30, after=(("relu",),)),
        {"model.fit": 40, "torch": 15, "jax": 0.8}, rows=13_209, epochs=10,
    ),
    "california-wide": Work(
        "California 3×256", TABLE, 1, _dense(256, 256, 256, after=(("relu",),)),
        {"model.fit": 4, "torch": 2, "jax": 0.8}, rows=13_209,
    ),
    "fashion": Work(
        "Fashion-MNIST 784-300-100-10", IMAGES, 10, _FLAT + _dense(300, 100, after=(("relu",),)),
        {"model.fit": 3.5, "torch": 3, "jax": 0.8},
    ),
    "fashion-selu": Work(
        "Fashion-MNIST 20×100 SELU, alpha dropout", IMAGES, 10,
        _FLAT + _dense(*[100] * 20, after=(("selu",), ("alpha_dropout", 0.05))),
        {"model.fit": 2.5, "torch": 3, "jax": 0.8},
    ),
    "fashion-bn": Work(
        "Fashion-MNIST 20×100 BN", IMAGES, 10, _FLAT + _dense(*[100] * 20, after=(("bn",), ("relu",))),
        {"model.fit": 3.3, "torch": 4, "jax": 0.8},
    ),
    "dropout": Work(
        "510-263-363, dropout .2, batch 256", TABLE, 1,
        _dense(510, 263, 363, after=(("relu",), ("dropout", 0.2))),
        {"model.fit": 1.7, "torch": 1, "jax": 0.8}, rows=13_209, batch=256,
    ),
    "lenet": Work("LeNet", IMAGES, 10, _LENET, {"model.fit": 2.5, "torch": 1.5}),
    "convolutions": Work(
        "six 3×3 convolutions 32-64-128", IMAGES, 10, tuple(_six_convolutions()),
        {"model.fit": 2, "torch": 1.1}, rows=6_400,
    ),
}  # fmt: skip
