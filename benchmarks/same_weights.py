"""Whether `folklore.fit` arrives where `model.fit` does: what is timed must first be right."""

from __future__ import annotations

import keras
import numpy as np

from benchmarks.sides.keras_model import keras_model
from benchmarks.works import Work
from folklore import epoch
from folklore.declare.recipe import Mode
from folklore.epoch.dropout_masks import counted


def worst_difference(work: Work, steps: int = 4) -> float:
    """The largest difference of a weight after so many steps of each, and one of 7 rows, on the same batches and masks.

    In float64 and few steps, since deep networks are chaotic: with batch normalisation in twenty layers, a difference
    of 1e-15 after the first step is one of 1e-9 after eight, and of 0.1 after sixteen. With plain SGD, since optimizers
    that divide by the gradient's size magnify rounding. Sets Keras' float type for the whole process.
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
