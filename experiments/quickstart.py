"""Which of five designs of a deep multilayer perceptron trains best, on images and on a table?

Command:   python -m experiments run quickstart
"""

import data
import folklore
from folklore import Experiment, Hypothesis, Metric, Recipe
from models import mlp

SELU = dict(activation="selu", initializer="lecun_normal", alpha_dropout=0.01)


def five_ways(relu: Recipe) -> dict[str, Recipe]:
    """The same network: plain, self-normalising, with batch normalisation in two places, and with shortcuts."""
    return {
        "relu": relu,
        "selu + alpha dropout": relu.but(params=SELU),
        "bn before": relu.but(params=dict(normalization="before")),
        "bn after": relu.but(params=dict(normalization="after")),
        "residual": relu.but(params=dict(residual=True)),
    }


images = Recipe(
    model=mlp,
    params=dict(depth=20, width=100, activation="relu", initializer="he_normal"),
    data=data.fashion_mnist,
    schedule="cosine",
    batch_size=128,
    epochs=7,
)
table = Recipe(
    model=mlp,
    params=dict(depth=4, width=64, activation="relu", initializer="he_normal"),
    data=data.california_housing,
    schedule="cosine",
    epochs=20,
    patience=8,
)

fashion_mnist = Experiment(
    claim="With shortcuts a 20-layer MLP classifies better than without.",
    arms=five_ways(images),
    baseline="relu",
    metric=Metric("test/accuracy", goal="max"),
    hypothesis=Hypothesis("residual", "better", by=0.005),
    seeds=8,
    quick=dict(epochs=2, data_params=dict(train_size=10_000)),
    bundled=dict(epochs=80, batch_size=32),
)
california_housing = Experiment(
    claim="A self-normalising network predicts house prices better than a plain ReLU network.",
    arms=five_ways(table),
    baseline="relu",
    metric=Metric("test/rmse", goal="min"),
    hypothesis=Hypothesis("selu + alpha dropout", "better", by=0.005),
    seeds=8,
    quick=dict(epochs=4),
    bundled=dict(epochs=100, patience=30, optimizer=dict(learning_rate=0.003)),
)

if __name__ == "__main__":
    folklore.run_file(__file__)
