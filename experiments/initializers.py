"""How should weights be initialised?

Command:   python -m experiments run initializers --until-decided --data real
Cost:      two minutes on two cores; under one minute with --budget quick
"""

from collections.abc import Iterator

import data
import folklore
from folklore import Experiment, Fact, Hypothesis, Metric, Recipe
from models import mlp

base = Recipe(
    model=mlp,
    params=dict(depth=3, width=100, activation="relu", initializer="he_normal"),
    data=data.fashion_mnist,
    data_params=dict(train_size=20_000),
    batch_size=128,
    epochs=8,
    probes=("weight_rank",),
)


def units_stay_identical() -> Iterator[Fact]:
    """Train networks on the bundled digits: from zero weights, the units of a layer stay equal, for every activation.

    From He's weights all units differ.
    """
    import keras
    import numpy as np

    digits = data.digits(0)
    x, y = digits.train.x / np.float32(16), digits.train.y
    for initializer, activation, units in (
        ("zeros", "relu", 1),
        ("zeros", "tanh", 1),
        ("zeros", "sigmoid", 1),
        ("he_normal", "relu", 16),
    ):
        model = mlp(x.shape[1:], 10, depth=2, width=16, activation=activation, initializer=initializer)
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        folklore.fit(model, (x, y), epochs=5, mode="graph")
        for layer in model.layers[:-1]:
            if isinstance(layer, keras.layers.Dense):
                kernel = keras.ops.convert_to_numpy(layer.kernel)
                distinct = len(np.unique(kernel.round(6), axis=1).T)
                what = f"{initializer}, {activation}: distinct units among the 16 of {layer.name} after 5 epochs"
                yield Fact(what, units, distinct)


def from_zero(he: Recipe) -> dict[str, Recipe]:
    """He's weights, and zero weights with two activations: one is zero at zero, the other is not."""
    return {
        "he normal": he,
        "zeros, relu": he.but(params=dict(initializer="zeros")),
        "zeros, sigmoid": he.but(params=dict(initializer="zeros", activation="sigmoid")),
    }


HYPOTHESES = (
    Hypothesis("zeros, relu", "no difference", 0.01, against=0.1, claim="A zero ReLU net stays at chance, 10 %."),
    Hypothesis("zeros, sigmoid", "no difference", 0.01, against=0.1, claim="A zero sigmoid net stays at chance."),
    Hypothesis("zeros, sigmoid", "worse", 0.01, claim="A zero sigmoid net is worse than one with He's weights."),
)
QUICK = dict(epochs=2, data_params=dict(train_size=5_000))

zero_init = Experiment(
    claim="With all weights zero, the units of a layer stay identical and the net does not learn.",
    arms=from_zero(base),
    baseline="he normal",
    metric=Metric("test/accuracy", goal="max"),
    hypothesis=HYPOTHESES,
    check=units_stay_identical,
    quick=QUICK,
)
# With Adam the zero sigmoid net learnt a little. Plain SGD, which courses assume, takes smaller steps.
zero_init_sgd = Experiment(
    claim="With all weights zero the net does not learn (plain SGD).",
    arms=from_zero(base.but(optimizer={"name": "sgd", "learning_rate": 0.05})),
    baseline="he normal",
    metric=Metric("test/accuracy", goal="max"),
    hypothesis=HYPOTHESES,
    quick=QUICK,
)

if __name__ == "__main__":
    folklore.run_file(__file__)
