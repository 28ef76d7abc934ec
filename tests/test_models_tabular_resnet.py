"""The residual network for tables."""

import numpy as np
import pytest

from models import tabular_resnet


@pytest.mark.parametrize(("depth", "width", "factor"), [(1, 4, 2), (3, 5, 1), (2, 6, 3)])
def test_parameters_are_those_of_formula(depth, width, factor):
    inside = factor * width
    block = 4 * width + (width + 1) * inside + (inside + 1) * width
    expected = (8 + 1) * width + depth * block + 4 * width + (width + 1)
    assert tabular_resnet((8,), 1, depth=depth, width=width, hidden_factor=factor).count_params() == expected


def test_block_adds_what_its_branch_makes_of_its_input():
    model = tabular_resnet((3,), 2, depth=1, width=4, batch_norm=False)
    weights = [np.random.default_rng(0).normal(size=w.shape) for w in model.get_weights()]
    model.set_weights(weights)
    (w0, b0, w1, b1, w2, b2, w3, b3), x = weights, np.random.default_rng(1).normal(size=(5, 3))
    x0 = x @ w0 + b0
    expected = np.maximum(x0 + np.maximum(x0 @ w1 + b1, 0) @ w2 + b2, 0) @ w3 + b3
    np.testing.assert_allclose(model(x), expected, rtol=1e-4, atol=1e-5)


def test_plain_twin_has_same_weights_and_no_sum():
    twins = [tabular_resnet((3,), 1, depth=2, width=4, shortcut=shortcut) for shortcut in (True, False)]
    assert [w.shape for w in twins[0].weights] == [w.shape for w in twins[1].weights]
    assert [any("_add" in layer.name for layer in twin.layers) for twin in twins] == [True, False]


def test_dropout_stands_where_asked_for():
    model = tabular_resnet((3,), 1, depth=1, width=4, hidden_dropout=0.4, residual_dropout=0.1)
    rates = {layer.name: layer.rate for layer in model.layers if hasattr(layer, "rate")}
    assert rates == {"block_1_hidden_dropout": 0.4, "block_1_dropout": 0.1}
