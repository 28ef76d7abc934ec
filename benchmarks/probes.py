"""How much longer an epoch takes with probes: an epoch with all probes of a kind over one without.

    python -m benchmarks.probes

Fashion-MNIST, 784-300-100-10, with batch normalisation where its statistics are probed, batch 32. Epochs with and
without the probes of a kind take turns, five of each after one of each that compiles. The ratio is the median of the
five epochs with probes over the median of the five without. Processor time, of which a busy machine changes less,
gives the same ratio in the last column.
"""

from __future__ import annotations

import os
import time
from statistics import median
from typing import Any

from folklore.study.resources import environment

os.environ.update(environment(threads=2))  # before Keras imports TensorFlow

import keras

import data
import folklore
from callbacks import Probes
from data import Preprocessing
from folklore import epoch
from models import mlp

ROUNDS, BATCH = 5, 32
PROBED_ROWS = 10_000
KINDS = {
    "gradients": ("gradient_norms", "clip_fraction"),
    "activations": ("activations", "dead_units", "zeros"),
    "pre-activations": ("never_positive", "unit_fates", "saturation", "preactivation_drift"),
    "weights": ("weight_movement", "weight_steps", "small_weights"),
    "rank": ("weight_rank",),
    "batch statistics": ("batch_statistics",),
    "curvature": ("hessian_extremes",),
}
GOALS = {"gradients": 1.10}


class Turns(keras.callbacks.Callback):
    """Calls `probes` after every other epoch, and keeps the seconds of each."""

    def __init__(self, probes: Probes) -> None:
        super().__init__()
        self.probes = probes
        self.times: dict[bool, list[tuple[float, float]]] = {True: [], False: []}  # of the clock, of processors

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Prepare the probes: they also measure before the first step, which is not timed."""
        self.probes.set_model(self.model)
        self.probes.on_train_begin()
        self.probes.on_epoch_begin(0)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Start the clock."""
        self.begun = _now()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Measure in every other epoch, and stop the clock; the first two compile."""
        if epoch % 2:
            self.probes.on_epoch_end(epoch, {})
        if epoch >= 2:
            self.times[bool(epoch % 2)].append((_now()[0] - self.begun[0], _now()[1] - self.begun[1]))


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def measure(kind: str, train: epoch.Placed, validation: epoch.Placed, rows: Any) -> dict[str, str]:
    """One row of the table."""
    normalization: Any = "before" if kind == "batch statistics" else "none"
    model = mlp(rows.shape[1:], 10, widths=(300, 100), normalization=normalization, activation="tanh")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3, global_clipnorm=1.0), loss, metrics=["accuracy"])
    turns = Turns(Probes(KINDS[kind], rows, lambda model: epoch.LabelledRows(model, train, validation, BATCH)))
    folklore.fit(model, train, epochs=2 + 2 * ROUNDS, batch_size=BATCH, callbacks=turns, mode="xla")
    with_probes, without = ([median(times) for times in zip(*turns.times[side], strict=True)] for side in (True, False))
    goal = f" (goal: {GOALS[kind]:.2f})" if kind in GOALS else ""
    return {
        "probes": ", ".join(f"`{name}`" for name in KINDS[kind]),
        "an epoch": f"{without[0]:.2f} s",
        "with probes": f"{with_probes[0]:.2f} s",
        "ratio": f"{with_probes[0] / without[0]:.2f}{goal}",
        "of processor time": f"{with_probes[1] / without[1]:.2f}",
    }


def main() -> None:
    """Measure and print a table in Markdown."""
    raw = data.fashion_mnist(0)
    parts = Preprocessing.fit("standard", raw).apply(raw)
    train, validation = (epoch.place((part.x, part.y)) for part in (parts.train, parts.validation))
    found = [measure(kind, train, validation, parts.train.x[:PROBED_ROWS]) for kind in KINDS]
    lines = [list(found[0]), ["---"] * len(found[0]), *(list(row.values()) for row in found)]
    print("\n".join(f"| {' | '.join(line)} |" for line in lines))


if __name__ == "__main__":
    main()
