"""The seconds of a training step of dense networks in each mode: below how many products XLA is evidently fastest.

    python -m benchmarks.modes

On one thread, as in a worker; on random data. Products are weights times rows of a batch.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

from rich.console import Console

from folklore.report.tables import table
from folklore.study.resources import environment

os.environ.update(environment(threads=1))  # before Keras imports TensorFlow

import numpy as np

from folklore import epoch
from folklore.epoch import choice
from models import mlp

ROWS = 20_000
BN: dict[str, Any] = {"normalization": "before"}
# Inputs, depth, width, batch size and further options.
NETWORKS: list[tuple[int, int, int, int, dict[str, Any]]] = [
    (8, 2, 32, 32, {}),
    (8, 4, 64, 32, {}),
    (8, 4, 64, 32, BN),
    (8, 4, 64, 512, {}),
    (784, 20, 100, 32, {}),
    (784, 3, 300, 32, {}),
    (784, 20, 100, 128, {}),
    (784, 20, 100, 128, BN),
    (784, 3, 300, 128, {}),
    (784, 3, 300, 512, {}),
    (784, 3, 1000, 128, {}),
]


def main() -> None:
    """Measure and print a table."""
    rng = np.random.default_rng(0)
    rows = []
    for inputs, depth, width, batch, options in NETWORKS:
        x = rng.normal(size=(ROWS, inputs)).astype("float32")
        model = mlp((inputs,), 1, depth=depth, width=width, **options)
        model.compile("adam", "mse")
        data = epoch.place((x, x[:, 0]))
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(choice, "FEW_PRODUCTS", 0):
            timings = epoch.choose_mode(model, data, batch, steps=10**6, folder=Path(folder)).timings
        milliseconds = {mode: f"{timing.step * 1e3:.3f}" for mode, timing in timings.items()}
        rows.append(
            {
                "network": f"{inputs}-{depth}×{width}{' BN' if options else ''}, batch {batch}",
                "products": f"{model.count_params() * batch / 1e6:.1f} million",
                **{mode: milliseconds.get(mode, "") for mode in ("graph", "xla", "step")},
                "xla / graph": f"{timings['xla'].step / timings['graph'].step:.2f}",
            }
        )
    Console(width=130).print(table(rows, title="Milliseconds a step"))


if __name__ == "__main__":
    main()
