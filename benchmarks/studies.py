"""The studies that `benchmarks.suite` times, declared like experiments."""

from __future__ import annotations

from data import california_housing, fashion_mnist
from folklore import Experiment, Metric, Recipe
from models import mlp

_table = Recipe(model=mlp, params=dict(widths=(30, 30)), data=california_housing, epochs=50)
_images = Recipe(model=mlp, params=dict(widths=(300, 100)), data=fashion_mnist, epochs=5)

STUDIES = {
    "california": Experiment(
        claim="California 8-30-30-1: 5 arms, 10 seeds, 50 epochs.",
        baseline="relu",
        arms={
            "relu": _table,
            "selu": _table.but(params=dict(activation="selu", initializer="lecun_normal")),
            "tanh": _table.but(params=dict(activation="tanh")),
            "bn": _table.but(params=dict(normalization="before")),
            "dropout": _table.but(params=dict(dropout=0.1)),
        },
        metric=Metric("test/rmse", goal="min"),
        seeds=10,
    ),
    "fashion": Experiment(
        claim="Fashion-MNIST 784-300-100-10: 3 arms, 4 seeds, 5 epochs.",
        baseline="relu",
        arms={
            "relu": _images,
            "selu": _images.but(params=dict(activation="selu", initializer="lecun_normal")),
            "tanh": _images.but(params=dict(activation="tanh")),
        },
        metric=Metric("test/accuracy", goal="max"),
        seeds=4,
    ),
}
