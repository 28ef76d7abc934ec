"""Probes of networks with hand-made weights."""

import keras
import numpy as np
import pytest

from callbacks import Probes
from callbacks.probes import PROBES, Probe
from callbacks.probes.hidden import Moments
from callbacks.probes.weights import rank
from data import diabetes
from folklore import Recipe
from models import mlp

ROWS = np.array([[1.0, 2.0], [-1.0, 4.0], [0.5, 0.0]], dtype="float32")


def model_with(kernel, bias, activation="relu"):
    model = mlp((2,), 1, widths=(len(bias),), activation=activation)
    model.get_layer("hidden_1").set_weights([np.array(kernel, dtype="float32"), np.array(bias, dtype="float32")])
    return model


def probe(model, *names, before_end=lambda: None):
    callback, logs = Probes(names, ROWS), {"loss": 1.0}
    callback.set_model(model)
    callback.on_train_begin()
    callback.on_epoch_begin(0)
    before_end()
    callback.on_epoch_end(0, logs)
    return {name.removeprefix("probe_"): value for name, value in logs.items() if name != "loss"}


def test_activation_moments_match_hand_calculation():
    # Units x and y after ReLU: (1, 2), (0, 4), (.5, 0).
    found = probe(model_with(np.eye(2), [0, 0]), "activations")
    numbers = np.array([1, 2, 0, 4, 0.5, 0])
    assert found == {
        "mean/hidden_1": pytest.approx(numbers.mean()),
        "std/hidden_1": pytest.approx(numbers.std()),
    }


def test_dead_units_match_hand_count():
    # The second unit is -y - 1, never above 0.
    kernel, bias = [[1, 0], [0, -1]], [0, -1]
    assert probe(model_with(kernel, bias), "dead_units") == {"dead_units": 0.5, "dead_units/hidden_1": 0.5}
    assert probe(model_with(kernel, bias, "leaky_relu"), "dead_units")["dead_units"] == 0


def test_weight_movement_matches_hand_calculation():
    model = model_with([[3, 0], [0, 4]], [0, 0])
    move = lambda: model.get_layer("hidden_1").set_weights([np.array([[3.0, 3], [0, 8]]), np.zeros(2)])  # noqa: E731
    found = probe(model, "weight_movement", before_end=move)
    assert found["weight_movement/hidden_1"] == pytest.approx(1.0)  # (3, 4) long 5, on (3, 4) long 5
    assert found["weight_movement/outputs"] == 0


def test_weights_starting_at_zero_have_no_relative_movement():
    assert "weight_movement/hidden_1" not in probe(model_with(np.zeros((2, 3)), np.zeros(3)), "weight_movement")


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        (np.zeros((3, 4)), 0),
        (np.ones((3, 4)), 1),
        (np.eye(4)[:, :3], 3),
        (np.eye(3) * [1, 1, 1e-6], 2),
        (np.full((2, 2), np.nan), 0),
        (np.ones((3, 3, 2, 5)), 1),
    ],
)
def test_rank_counts_independent_columns(kernel, expected):
    assert rank(kernel) == expected


def test_rank_is_measured_for_every_kernel():
    assert probe(model_with(np.ones((2, 2)), [0, 0]), "weight_rank") == {
        "weight_rank/hidden_1": 1,
        "weight_rank/outputs": 1,
    }


def test_moments_of_batches_equal_moments_of_all_rows():
    numbers, moments = np.random.default_rng(0).normal(2, 3, size=(7, 5, 4)), Moments()
    for batch in numbers:
        moments.add(batch)
    assert (moments.mean, moments.std) == pytest.approx((numbers.mean(), numbers.std()))


def test_probes_work_together():
    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(3), keras.layers.LeakyReLU(), keras.layers.Dense(1)]
    )
    together = ("activations", "dead_units", "weight_movement", "weight_rank")
    assert set(together) <= set(PROBES)
    assert {name.partition("/")[0] for name in probe(model, *together)} == {
        *("mean", "std", "dead_units", "weight_movement", "weight_rank"),
    }


def test_one_class_adds_probe():

    class WeightNorm(Probe):
        def measure(self, network):
            return {f"weight_norm/{layer}": float(np.linalg.norm(kernel)) for layer, kernel in network.kernels.items()}

    try:
        assert Recipe(model=mlp, data=diabetes, probes=("weight_norm",)).probes == ("weight_norm",)
        found = probe(model_with([[3, 0], [0, 4]], [0, 0]), "weight_norm")
    finally:
        del PROBES["weight_norm"]
    assert found["weight_norm/hidden_1"] == 5
