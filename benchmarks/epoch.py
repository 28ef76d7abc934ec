"""Seconds an epoch: `keras.Model.fit` against `folklore.fit`, callbacks off.

    python -m benchmarks.epoch [--rounds 7]

Both sides train the same network, with Adam and a metric, on the same arrays, which have the real sets' shapes. What
TensorFlow reads from the environment is left at its defaults.
First it is checked that both arrive at the same weights when they are fed the same batches; then they take turns.
Compilation is not in these figures: it is paid once a model, and shown as "first".
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import keras
import numpy as np
import typer
from rich.console import Console

from benchmarks.timing import Pairs, interleaved
from folklore import epoch
from folklore.random_numbers import counted
from folklore.tables import table
from models import mlp


@dataclass(frozen=True)
class Work:
    """One network, its data's shape, and epochs enough for a call to take a tenth of a second or more."""

    name: str
    rows: int
    inputs: tuple[int, ...]
    outputs: int
    params: Mapping[str, Any]
    epochs: int
    target: float
    batch: int = 32

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Standard normal inputs and targets of the task's kind."""
        rng = np.random.default_rng(0)
        x = rng.normal(size=(self.rows, *self.inputs)).astype("float32")
        if self.outputs == 1:
            return x, x.mean(axis=tuple(range(1, x.ndim)))
        return x, rng.integers(0, self.outputs, self.rows).astype("int32")

    def model(self, optimizer: str | keras.Optimizer = "adam") -> keras.Model:
        """The network with seeded weights, compiled as most users do: Adam, and a metric beside the loss."""
        keras.utils.set_random_seed(0)
        model = mlp(self.inputs, self.outputs, **self.params)
        if self.outputs == 1:
            model.compile(optimizer, "mse", metrics=["mae"])
        else:
            model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
        return model


IMAGES, TABLE = (28, 28, 1), (8,)
SELU = dict(depth=20, width=100, activation="selu", initializer="lecun_normal", alpha_dropout=0.05)
DROPOUT = dict(widths=(510, 263, 363), dropout=0.2)
WORKS = (
    Work("California 8-30-30-1", 13_209, TABLE, 1, dict(widths=(30, 30)), epochs=3, target=30),
    Work("California 510-263-363, dropout", 13_209, TABLE, 1, DROPOUT, epochs=2, target=1.7, batch=256),
    Work("Fashion-MNIST 784-300-100-10", 55_000, IMAGES, 10, dict(widths=(300, 100)), epochs=1, target=3),
    Work("Fashion-MNIST 20x100 SELU, alpha dropout", 55_000, IMAGES, 10, SELU, epochs=1, target=2.5),
)


def worst_difference(work: Work, rows: int = 4096) -> float:
    """The largest difference of weights after an epoch of `model.fit` and one of `folklore.fit` on the same batches.

    With plain SGD: optimizers that divide by the gradient's size magnify rounding.
    """
    x, y = (array[:rows] for array in work.data())
    order = epoch.epoch_order(0, 0, len(x))
    ours, theirs = (work.model(keras.optimizers.SGD(0.01)) for _ in range(2))
    epoch.fit(ours, (x, y), epochs=1, batch_size=work.batch)
    with counted():  # the same masks on both sides
        theirs.fit(x[order], y[order], batch_size=work.batch, shuffle=False, verbose=0)
    return max(float(np.abs(a - b).max()) for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True))


def measure(work: Work, rounds: int) -> tuple[Pairs, float]:
    """Seconds an epoch of both sides, and seconds of the first epoch of ours with its compilation."""
    data, ours, theirs = work.data(), work.model(), work.model()

    def by_folklore(epochs: int = work.epochs) -> None:
        epoch.fit(ours, data, epochs=epochs, batch_size=work.batch)

    def by_keras(epochs: int = work.epochs) -> None:
        theirs.fit(*data, epochs=epochs, batch_size=work.batch, verbose=0)

    first = _seconds(lambda: by_folklore(1))
    by_keras(1)
    pairs = interleaved(by_folklore, by_keras, rounds)
    return Pairs(*(tuple(s / work.epochs for s in side) for side in (pairs.ours, pairs.theirs))), first


def main(rounds: Annotated[int, typer.Option(min=5, help="pairs measured")] = 7) -> None:
    """Check, measure, and print a table."""
    rows = []
    for work in WORKS:
        difference = worst_difference(work)
        assert difference < 1e-4, f"{work.name}: weights differ by {difference}"
        pairs, first = measure(work, rounds)
        rows.append(
            {
                "work": work.name,
                "batch": str(work.batch),
                "model.fit": f"{statistics.median(pairs.theirs):.3f} s",
                "folklore.fit": f"{statistics.median(pairs.ours):.4f} s",
                "ratio": f"{pairs.ratio:.1f}",
                "from-to": f"{min(pairs.ratios):.1f}-{max(pairs.ratios):.1f}",
                "wanted": f">= {work.target:g}",
                "first": f"{first:.1f} s",
                "weights differ by": f"{difference:.0e}",
            }
        )
    title = f"Seconds an epoch, medians of {rounds} interleaved pairs"
    Console(width=130).print(table(rows, title=title))


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    typer.run(main)
