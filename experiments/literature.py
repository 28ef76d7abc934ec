"""Do the networks here reach what is published for California housing?

The split, the inputs (quantiles, as normal scores), the standardised target, AdamW, the batches of 256 and the patience
of 16 epochs are those of Gorishniy et al. 2021, "Revisiting Deep Learning Models for Tabular Data", and the papers that
follow it; so are the settings of each network, which were tuned there. 15 seeds, one split.

Command:   python -m experiments run literature --data real
Published: test RMSE, 100,000 $: MLP .4985 ± .0030, SELU net .4933 ± .0047, ResNet .4856 ± .0030
"""

import functools
from typing import Any

import data
import folklore
from folklore import Experiment, Hypothesis, Metric, Recipe
from models import mlp, tabm, tabular_resnet

TORCH = {"name": "variance_scaling", "scale": 1 / 3, "mode": "fan_in", "distribution": "uniform"}  # PyTorch's default

protocol = functools.partial(
    Recipe,
    data=data.california_housing,
    data_params=dict(split_seed=0),
    scaler="quantile",
    batch_size=256,
    epochs=400,
    patience=16,
    monitor="validation/rmse",
)
TABM = dict(widths=(512, 512, 512), dropout=0.1, initializer=TORCH)


def adamw(rate: float, decay: float) -> dict[str, Any]:
    """AdamW (Loshchilov & Hutter 2019), with the settings of a network."""
    return dict(name="adamw", learning_rate=rate, weight_decay=decay)


california_housing = Experiment(
    claim="The networks here reach the published test RMSE on California housing.",
    arms={
        "mlp": protocol(
            model=mlp,
            params=dict(widths=(510, 263, 363), dropout=0.197, initializer=TORCH),
            optimizer=adamw(1.30e-3, 1.5e-4),
        ),
        "selu": protocol(
            model=mlp,
            params=dict(
                widths=(245, 67, 67, 67, 67, 210),
                activation="selu",
                initializer="lecun_normal",
                alpha_dropout=0.0097,
            ),
            optimizer=adamw(6.9e-4, 0.0),
        ),
        "resnet": protocol(
            model=tabular_resnet,
            params=dict(depth=3, width=168, hidden_dropout=0.446, initializer=TORCH),
            optimizer=adamw(1.76e-3, 9.5e-4),
        ),
    },
    baseline="mlp",
    metric=Metric("test/rmse", goal="min"),
    hypothesis=(
        Hypothesis("mlp", "no difference", by=0.004, against=0.4985, claim="The MLP reaches .4985."),
        Hypothesis("selu", "no difference", by=0.004, against=0.4933, claim="The SELU net reaches .4933."),
        Hypothesis("resnet", "no difference", by=0.006, against=0.4856, claim="The ResNet reaches .4856."),
    ),
    seeds=15,
    quick=dict(epochs=4),
    bundled=dict(batch_size=32),
)
tabm_california_housing = Experiment(
    claim="TabM, an ensemble in one network, beats the MLP by far on California housing.",
    arms={
        "mlp": california_housing.arms["mlp"],
        "tabm": protocol(model=tabm, params=TABM, optimizer=adamw(2e-3, 3e-4)),
        "tabm, piecewise linear": protocol(
            model=tabm, params=TABM, scaler="piecewise linear", optimizer=adamw(2e-3, 3e-4)
        ),
    },
    baseline="mlp",
    metric=Metric("test/rmse", goal="min"),
    hypothesis=(
        Hypothesis("tabm", "better", by=0.01),
        Hypothesis("tabm, piecewise linear", "better", by=0.004, against=0.449, claim="It reaches .445."),
    ),
    seeds=10,
    quick=dict(epochs=4),
    bundled=dict(batch_size=32),
)

if __name__ == "__main__":
    folklore.run_file(__file__)
