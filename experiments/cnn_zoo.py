"""How do the classic convolutional networks compare on small images?

Command:   python -m experiments run cnn_zoo.side_by_side --budget quick
Cost:      ten minutes on two cores with --budget quick; the full budget is meant for a GPU
"""

from collections.abc import Iterator
from typing import Any

import data
import folklore
from folklore import Experiment, Fact, Hypothesis, Metric, Recipe
from models import SMALL, cnn, lenet

images = Recipe(
    model=lenet,
    data=data.fashion_mnist,
    optimizer={"name": "adam", "learning_rate": 0.002},
    schedule="cosine",
    batch_size=128,
    epochs=30,
)

side_by_side = Experiment(
    claim="Every design after LeNet classifies better than LeNet, in a small form and at an equal budget.",
    arms={name: images.but(model=network.build, params=network.params) for name, network in SMALL.items()},
    baseline="lenet",
    metric=Metric("test/accuracy", goal="max"),
    hypothesis=tuple(
        Hypothesis(name, "better", 0.005, claim=f"A small {name} classifies better than LeNet.")
        for name in SMALL
        if name != "lenet"
    ),
    seeds=6,
    quick=dict(epochs=2, batch_size=32, data_params=dict(train_size=3_000)),
)

LIGHT: dict[str, Any] = dict(filters=(16, 32, 64), normalization="before", head="average", spatial_dropout=0.05)


def fewer_than_100_000() -> Iterator[Fact]:
    """Count the parameters of the light network for 28×28 pixels and ten classes."""
    parameters = cnn((28, 28, 1), 10, **LIGHT).count_params()
    yield Fact(f"The light network has {parameters:,} parameters, fewer than 100,000", True, parameters < 100_000)


light = Experiment(
    claim="A convolutional network with fewer than 100,000 parameters passes 92 % on Fashion-MNIST.",
    arms={"lenet": images.but(epochs=10), "light": images.but(model=cnn, params=LIGHT, epochs=10)},
    baseline="lenet",
    metric=Metric("test/accuracy", goal="max"),
    hypothesis=(
        Hypothesis("light", "better", 0.002, against=0.92, claim="The light network passes 92 %."),
        Hypothesis("lenet", "better", 0.002, against=0.89, claim="LeNet passes 89 %."),
    ),
    check=fewer_than_100_000,
    quick=dict(epochs=2, data_params=dict(train_size=5_000)),
)

if __name__ == "__main__":
    folklore.run_file(__file__)
