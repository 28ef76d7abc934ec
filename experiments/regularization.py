"""What does regularisation cost, and what does it gain?

Command:   python -m experiments run regularization --until-decided --data real
Cost:      fifteen minutes on two cores; under one minute with --budget quick
"""

import data
import folklore
from folklore import Experiment, Hypothesis, Metric, Recipe
from models import mlp

RATES = (0.0, 0.05, 0.1, 0.2, 0.5)
large = Recipe(
    model=mlp,
    params=dict(widths=(256, 256, 256), initializer="he_normal"),
    data=data.california_housing,
    schedule="cosine",
    batch_size=64,
    epochs=25,
    grid={"optimizer.learning_rate": (3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)},
)


def dropout(recipe: Recipe) -> dict[str, Recipe]:
    """One arm for each rate."""
    return {f"dropout {rate:g}": recipe.but(params=dict(dropout=rate)) for rate in RATES}


def dropout_hypotheses() -> tuple[Hypothesis, ...]:
    """The error grows with the rate, and is larger already at a usual rate."""
    along = tuple(f"dropout {rate:g}" for rate in RATES)
    return (
        Hypothesis(along, "worse", 0.005, claim="The more dropout, the larger the error of a regression net."),
        Hypothesis("dropout 0.1", "worse", 0.005, claim="A dropout rate of 0.1 makes regression worse."),
    )


dropout_regression = Experiment(
    claim="Dropout makes regression worse (three layers of 256).",
    arms=dropout(large),
    baseline="dropout 0",
    metric=Metric("test/rmse", goal="min"),
    hypothesis=dropout_hypotheses(),
    quick=dict(epochs=3, grid={}),
)
dropout_regression_small = Experiment(
    claim="Dropout makes regression worse (two layers of 30).",
    arms=dropout(large.but(params=dict(widths=(30, 30)))),
    baseline="dropout 0",
    metric=Metric("test/rmse", goal="min"),
    hypothesis=dropout_hypotheses(),
    quick=dict(epochs=3, grid={}),
)

if __name__ == "__main__":
    folklore.run_file(__file__)
