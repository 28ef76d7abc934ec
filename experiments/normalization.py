"""What does batch normalisation do, and where does it belong?

Command:   python -m experiments run normalization --until-decided --data real
Cost:      fifteen minutes on two cores; under one minute with --budget quick
"""

import data
import folklore
from folklore import Experiment, Hypothesis, Metric, Recipe
from models import cnn, mlp

base = Recipe(
    model=mlp,
    params=dict(depth=6, width=100, normalization="before"),
    data=data.fashion_mnist,
    data_params=dict(train_size=20_000),
    schedule="cosine",
    batch_size=128,
    epochs=8,
    grid={"optimizer.learning_rate": (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)},
)
QUICK = dict(epochs=2, grid={}, data_params=dict(train_size=5_000))
ACTIVATIONS = {"relu": "he_normal", "elu": "he_normal", "tanh": "glorot_uniform"}

bn_before_after = Experiment(
    claim="Batch normalisation before or after the activation makes no practical difference.",
    arms={
        f"{activation}, {place}": base.but(
            params=dict(activation=activation, initializer=initializer, normalization=place)
        )
        for activation, initializer in ACTIVATIONS.items()
        for place in ("before", "after")
    },
    baseline="relu, before",
    metric=Metric("test/accuracy", goal="max"),
    hypothesis=tuple(
        Hypothesis(
            f"{activation}, after", "no difference", 0.005, against=f"{activation}, before",
            claim=f"With {activation}, normalising after the activation is as good as before it.",
        )
        for activation in ACTIVATIONS
    ),
    quick=QUICK,
)  # fmt: skip

# With ELU the place did matter in that experiment. Does it matter in a deeper network?
deep = base.but(params=dict(depth=16, activation="elu", initializer=ACTIVATIONS["elu"]))
bn_before_after_deep = Experiment(
    claim="Batch normalisation before or after ELU makes no practical difference (16 layers).",
    arms={"before": deep, "after": deep.but(params=dict(normalization="after"))},
    baseline="before",
    metric=Metric("test/accuracy", goal="max"),
    hypothesis=Hypothesis(
        "after", "no difference", 0.005,
        claim="With elu and 16 layers, normalising after the activation is as good as before it.",
    ),
    quick=QUICK,
)  # fmt: skip

maps = Recipe(
    model=cnn,
    params=dict(filters=(8, 16, 32), convolutions=1, head="average", normalization="before"),
    data=data.fashion_mnist,
    data_params=dict(train_size=10_000),
    schedule="cosine",
    batch_size=128,
    epochs=6,
    grid={"optimizer.learning_rate": (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)},
)
bn_before_after_cnn = Experiment(
    claim="Batch normalisation before or after ReLU makes no practical difference in a convolutional network.",
    arms={"before": maps, "after": maps.but(params=dict(normalization="after"))},
    baseline="before",
    metric=Metric("test/accuracy", goal="max"),
    hypothesis=Hypothesis(
        "after", "no difference", 0.01,
        claim="In a CNN with relu, normalising after the activation is as good as before it.",
    ),
    quick=QUICK,
)  # fmt: skip

if __name__ == "__main__":
    folklore.run_file(__file__)
