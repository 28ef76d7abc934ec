"""Activations given by name, with options."""

import keras
import numpy as np
import pytest

from models import mlp

pytestmark = pytest.mark.compile

X = np.random.default_rng(0).normal(size=(4, 8)).astype("float32")


def test_activation_takes_option():
    model = mlp((1,), 1, widths=(1,), activation={"name": "leaky_relu", "negative_slope": 0.01})
    assert keras.ops.convert_to_numpy(model.get_layer("hidden_1_activation")(np.float32([[-1.0]]))) == pytest.approx(
        -0.01
    )


@pytest.mark.parametrize(
    "activation", ["relu", "leaky_relu", "elu", "selu", "tanh", "sigmoid", "linear", "gelu", {"name": "prelu"}]
)
def test_every_activation_trains(activation):
    model = mlp((8,), 1, widths=(4,), activation=activation)
    model.compile("sgd", "mse", run_eagerly=True)
    before = model.get_layer("hidden_1").kernel.numpy()
    assert np.isfinite(model.train_on_batch(X, X[:, :1]))
    assert not np.array_equal(before, model.get_layer("hidden_1").kernel.numpy())
