"""Which activation should a hidden layer have?

Command:   python -m experiments run activations --until-decided --data real
Cost:      ten minutes per experiment on two cores; under one minute with --budget quick
"""

import data
import folklore
from folklore import Experiment, Hypothesis, Metric, Recipe
from models import mlp

RATES = {"optimizer.learning_rate": (3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)}
QUICK = dict(epochs=3, grid={}, data_params=dict(train_size=5_000))

table = Recipe(
    model=mlp,
    params=dict(depth=8, width=64, activation="relu", initializer="he_normal"),
    data=data.california_housing,
    schedule="cosine",
    batch_size=64,
    epochs=30,
    grid=RATES,
    probes=("activations",),
)
images = Recipe(
    model=mlp,
    params=dict(depth=20, width=100, activation="relu", initializer="he_normal"),
    data=data.fashion_mnist,
    data_params=dict(train_size=20_000),
    schedule="cosine",
    batch_size=128,
    epochs=8,
    grid=RATES,
    probes=("activations",),
)


def selu(relu: Recipe) -> dict[str, Recipe]:
    """ReLU, ReLU with batch normalisation, and SELU with its own initializer."""
    return {
        "relu": relu,
        "relu + bn": relu.but(params=dict(normalization="before")),
        "selu": relu.but(params=dict(activation="selu", initializer="lecun_normal")),
    }


def selu_hypotheses(by: float) -> tuple[Hypothesis, ...]:
    """SELU is better than plain ReLU, and equal to ReLU with batch normalisation."""
    return (
        Hypothesis("selu", "better", by, claim="A deep SELU net generalises better than a deep ReLU net."),
        Hypothesis(
            "selu", "no difference", by, against="relu + bn",
            claim="A deep SELU net and a ReLU net with batch normalisation generalise equally well.",
        ),
    )  # fmt: skip


selu_accuracy = Experiment(
    claim="A deep SELU net generalises better than a deep ReLU net, and as well as ReLU with BN (8 layers, a table).",
    arms=selu(table),
    baseline="relu",
    metric=Metric("test/rmse", goal="min"),
    hypothesis=selu_hypotheses(0.005),
    quick=QUICK,
)
selu_accuracy_images = Experiment(
    claim="A deep SELU net generalises better than a deep ReLU net, and as well as ReLU with BN (20 layers, images).",
    arms=selu(images),
    baseline="relu",
    metric=Metric("test/accuracy", goal="max"),
    hypothesis=selu_hypotheses(0.005),
    quick=QUICK,
)


def leaky_hypotheses(arm: str) -> tuple[Hypothesis, ...]:
    """The arm has fewer dead units, and the same accuracy."""
    return (
        Hypothesis(arm, "better", 0.02, Metric("probe/dead_units", goal="min"), claim="Fewer units are dead."),
        Hypothesis(arm, "no difference", 0.005, claim="Leaky ReLU ends at the same accuracy as ReLU."),
    )


narrow = images.but(params=dict(depth=4), probes=("dead_units",))
leaky_relu = Experiment(
    claim="Leaky ReLU keeps units alive, yet ends at the same accuracy.",
    arms={"relu": narrow, "leaky relu": narrow.but(params=dict(activation="leaky_relu"))},
    baseline="relu",
    metric=Metric("test/accuracy", goal="max"),
    hypothesis=leaky_hypotheses("leaky relu"),
    quick=QUICK,
)
# Keras' slope is .2; the first leaky ReLU had .01 (Maas et al. 2013).
leaky_relu_slight = Experiment(
    claim="Leaky ReLU keeps units alive, yet ends at the same accuracy (slope .01 in place of .2).",
    arms={
        "relu": narrow,
        "leaky relu, .01": narrow.but(params=dict(activation={"name": "leaky_relu", "negative_slope": 0.01})),
    },
    baseline="relu",
    metric=Metric("test/accuracy", goal="max"),
    hypothesis=leaky_hypotheses("leaky relu, .01"),
    quick=QUICK,
)

if __name__ == "__main__":
    folklore.run_file(__file__)
