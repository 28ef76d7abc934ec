"""The largest difference of weights after an epoch of `model.fit` and one of `folklore.fit` on the same batches.

    python -m benchmarks.same_weights WORK

With plain SGD: optimizers that divide by the gradient's size magnify rounding. Fails above 1e-4.
"""

from __future__ import annotations

import sys

import keras
import numpy as np

from benchmarks.sides.keras_model import keras_model
from benchmarks.works import WORKS, Work
from folklore import epoch
from folklore.random_numbers import counted


def worst_difference(work: Work, rows: int = 2048) -> float:
    """Of any weight; both sides have the same dropout masks."""
    x, y = work.data(rows)
    order = epoch.epoch_order(0, 0, len(x))
    ours, theirs = (keras_model(work, keras.optimizers.SGD(0.01)) for _ in range(2))
    epoch.fit(ours, (x, y), epochs=1, batch_size=work.batch)
    with counted():
        theirs.fit(x[order], y[order], batch_size=work.batch, shuffle=False, verbose=0)
    return max(float(np.abs(a - b).max()) for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True))


if __name__ == "__main__":
    difference = worst_difference(WORKS[sys.argv[1]])
    print(f"{WORKS[sys.argv[1]].name}: weights differ by {difference:.0e}")
    sys.exit(difference > 1e-4)
