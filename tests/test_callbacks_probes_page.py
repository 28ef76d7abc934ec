"""docs/probes.md says what every probe records."""

import doctest
from pathlib import Path

import keras
import numpy as np
import pytest

from callbacks import Probes
from callbacks.probes import PROBES, curvature, hidden, network
from callbacks.probes import page as page_module
from callbacks.probes.network import Network
from callbacks.probes.page import page, records
from folklore import epoch
from folklore.epoch.probed import labelled
from models import cnn, mlp

ROOT = Path(__file__).parents[1]


def test_page_is_made_from_docstrings():
    found = (ROOT / "docs" / "probes.md").read_text(encoding="utf-8")
    assert found == page(), "python -m callbacks.probes > docs/probes.md"


@pytest.mark.parametrize("name", PROBES)
def test_docstring_says_what_it_costs(name):
    assert "\nCost: " in page().partition(f"\n## {name}\n")[2].partition("\n## ")[0]


@pytest.mark.compile
def test_diverged_network_is_measured_without_failure():
    x, y = np.ones((6, 2), "float32"), np.ones((6, 1), "float32")
    model = mlp((2,), 1, widths=(3, 3), normalization="before")
    model.compile(keras.optimizers.SGD(0.1, clipnorm=1.0), "mse")
    placed = epoch.place((x, y))
    probes = Probes([*PROBES], x, lambda model: epoch.LabelledRows(model, placed, placed, 4))
    probes.set_model(model)
    probes.on_train_begin()
    probes.on_epoch_begin(0)
    for value in (1e30, np.nan):
        model.set_weights([np.full(weights.shape, value, "float32") for weights in model.get_weights()])
        logs = {}
        probes.on_epoch_end(0, logs)
        assert set(probes.before) <= {name.removeprefix("probe_") for name in logs}
    assert np.isnan(logs["probe_hessian_largest"]) and np.isnan(logs["probe_gradient_norm"])


@pytest.mark.compile
def test_every_value_is_documented_and_named_once():
    model = cnn((8, 8, 1), 3, filters=(2, 2, 2), convolutions=1, normalization="before", activation="tanh")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1, clipnorm=1.0), loss, metrics=["accuracy"])
    x, y = np.random.default_rng(0).normal(size=(12, 8, 8, 1)).astype("float32"), np.arange(12) % 3
    placed = epoch.place((x, y))
    rows = epoch.LabelledRows(model, placed, placed, 4)
    seen: dict[str, str] = {}
    for name, kind in PROBES.items():
        probe = kind()
        found = [probe.measure(Network(model, x, labelled=rows)) for _ in range(2)][-1]
        documented = {figure.partition("/")[0] for figure in records(kind)}
        figures = {figure.partition("/")[0] for figure in found}
        if name == "batch_statistics":  # a figure for each metric, size and order: three of eleven stand there
            assert documented <= figures
            assert len(figures) == 2 * 6
        else:
            assert figures == documented
        assert all(np.isfinite(value) for value in found.values())
        assert not figures & set(seen), f"{name} records what {seen} does"
        seen |= dict.fromkeys(figures, name)


@pytest.mark.compile
@pytest.mark.parametrize(
    "module", [curvature, hidden, network, page_module, labelled], ids=lambda module: module.__name__
)
def test_examples_give_what_they_show(module):
    found = doctest.testmod(module)
    assert found.attempted and not found.failed
