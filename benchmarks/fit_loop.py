"""The peer of `benchmarks.suite`: a study as a script that loops over arms and seeds with `model.fit` in one process.

    python -m benchmarks.fit_loop STUDY SEEDS

It keeps the result of `model.fit` and the test metrics. Unlike our side, it logs nothing, selects no epoch, and does
not measure train metrics in inference mode. Prints the seconds of its training.
"""

from __future__ import annotations

import sys
import time

import keras

from benchmarks.studies import STUDIES
from data import Preprocessing


def main(study: str, seeds: int) -> None:
    """Train every arm with the given number of seeds."""
    begun = time.perf_counter()
    for recipe in STUDIES[study].arms.values():
        for seed in range(seeds):
            keras.utils.set_random_seed(seed)
            raw = recipe.data(seed)
            data = Preprocessing.fit(recipe.scaler, raw).apply(raw)
            model = recipe.model(data.input_shape, data.outputs, **recipe.params)
            if data.task == "classification":
                loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
                model.compile(recipe.optimizer_name, loss, metrics=["accuracy"])
            else:
                model.compile(recipe.optimizer_name, "mse", metrics=[keras.metrics.RootMeanSquaredError(), "mae"])
            validation = (data.validation.x, data.validation.y)
            model.fit(data.train.x, data.train.y, epochs=recipe.epochs, validation_data=validation, verbose=0)
            model.evaluate(data.test.x, data.test.y, verbose=0)
    print(time.perf_counter() - begun)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
