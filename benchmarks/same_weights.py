"""A check that `folklore.fit` reaches the same weights as `model.fit`, before anything is timed."""

from __future__ import annotations

import keras
import numpy as np

from benchmarks.sides.keras_model import keras_model
from benchmarks.works import Work
from folklore import epoch
from folklore.declare.recipe import Mode
from folklore.epoch.dropout_masks import counted


def worst_difference(work: Work, steps: int = 4) -> float:
    """The largest difference between weights after `steps` steps and one of 7 rows, on the same batches and masks.

    Uses float64 and few steps, because deep networks are chaotic: with batch normalisation in twenty layers, a
    difference of 1e-15 after the first step grows to 1e-9 after eight steps and to 0.1 after sixteen. Uses plain SGD,
    because optimizers that divide by the gradient's size magnify rounding. Sets Keras' float type for the process.
    """
    keras.config.set_floatx("float64")
    x, y = work.data(steps * work.batch + 7)
    order = epoch.epoch_order(0, 0, len(x))
    theirs = keras_model(work, keras.optimizers.SGD(0.01))
    with counted():
        theirs.fit(x[order], y[order], batch_size=work.batch, shuffle=False, verbose=0)
    differences = []
    modes: tuple[Mode, ...] = ("graph",) if work.convolutional else ("graph", "xla")  # XLA's convolutions take minutes
    for mode in modes:
        ours = keras_model(work, keras.optimizers.SGD(0.01))
        epoch.fit(ours, (x, y), epochs=1, batch_size=work.batch, mode=mode)
        pairs = zip(ours.get_weights(), theirs.get_weights(), strict=True)
        differences.append(max(float(np.abs(a - b).max()) for a, b in pairs))
    return max(differences)
