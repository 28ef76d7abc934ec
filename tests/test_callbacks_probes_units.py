"""Probes of units and weights on networks in which the answer was planted."""

import keras
import numpy as np
import pytest

from callbacks.probes.hidden import Hidden, limits_of, responding
from callbacks.probes.network import Network
from callbacks.probes.units import NeverPositive, PreactivationDrift, Saturation, UnitFates, Zeros
from callbacks.probes.weights import SmallWeights, WeightMovement, WeightSteps
from models import mlp

ROWS = np.array([[1.0, 2.0], [-1.0, 4.0], [0.5, 0.0]], dtype="float32")


def with_units(*units, activation="relu"):
    """A network of one hidden layer; each unit is its two weights and its bias."""
    model = mlp((2,), 1, widths=(len(units),), activation=activation)
    set_units(model, *units)
    return model


def set_units(model, *units):
    numbers = np.array(units, dtype="float32")
    model.get_layer("hidden_1").set_weights([numbers[:, :2].T, numbers[:, 2]])


def figures(probe, model, rows=ROWS):
    return dict(probe.measure(Network(model, rows)))


X, DEAD, ALIVE = (1, 0, 0), (0, -1, -1), (0, 1, 1)  # x; -y - 1 is never above 0; y + 1 always


def test_planted_dead_unit_is_counted_under_any_activation():
    for activation in ("relu", "leaky_relu", "elu"):
        found = figures(NeverPositive(), with_units(X, DEAD, DEAD, ALIVE, activation=activation))
        assert found == {"never_positive": 0.5, "never_positive/hidden_1": 0.5}


def test_planted_death_and_revival_are_followed():
    probe, model = UnitFates(), with_units(DEAD, ALIVE, ALIVE, DEAD)
    course = [figures(probe, model)]
    for units in ((DEAD, DEAD, ALIVE, ALIVE), (DEAD, ALIVE, ALIVE, ALIVE), (DEAD, ALIVE, ALIVE, DEAD)):
        set_units(model, *units)
        course.append(figures(probe, model))
    names = ("born_dead", "deaths", "revivals", "ever_dead", "dead_for_good", "revived")
    assert [tuple(found[name] for name in names) for found in course] == [
        (0.5, 0, 0, 0.5, 0.5, 0),
        (0.5, 0.25, 0.25, 0.75, 0.5, pytest.approx(1 / 3)),
        (0.5, 0, 0.25, 0.75, 0.25, pytest.approx(2 / 3)),
        (0.5, 0.25, 0, 0.75, 0.25, pytest.approx(1 / 3)),  # the fourth came back before, so it is not dead for good
    ]
    assert all(course[1][f"{name}/hidden_1"] == course[1][name] for name in names)


def test_network_without_deaths_has_none_revived():
    assert figures(UnitFates(), with_units(ALIVE))["revived"] == 0


def test_zeros_are_exact_zeros():
    # x, -y - 1 and y + 1 after ReLU: (1, 0, .5), (0, 0, 0), (3, 5, 1).
    assert figures(Zeros(), with_units(X, DEAD, ALIVE)) == {"zeros": 4 / 9, "zeros/hidden_1": 4 / 9}
    assert figures(Zeros(), with_units(X, DEAD, ALIVE, activation="elu"))["zeros"] == 0


def test_zeros_before_and_behind_pooling():
    inputs = keras.Input((2, 2, 1))
    x = keras.layers.Activation("relu", name="conv_activation")(inputs)
    model = keras.Model(inputs, keras.layers.Flatten()(keras.layers.MaxPooling2D(2, name="pool")(x)))
    images = np.array([[[-1, 2], [-3, 0]], [[-1, -2], [-3, 0]]], dtype="float32")[..., None]
    # Of the first image one of four values is above 0, of the second none.
    assert figures(Zeros(), model, images) == {"zeros": 7 / 8, "zeros/conv": 7 / 8, "zeros/pool": 0.5}


def test_planted_saturated_units_are_counted():
    # Inputs are 0.5 to 4 in absolute value, but one 0 of y: 100 y saturates on two rows, 0.1 y on none, 20 x on all.
    units = (0, 100, 0), (0, 0.1, 0), (20, 0, 0)
    for activation in ("tanh", "sigmoid"):
        found = figures(Saturation(), with_units(*units, activation=activation))
        assert found == {"saturation": 5 / 9, "saturation/hidden_1": 5 / 9}


@pytest.mark.parametrize("activation", ["relu", "elu", "selu", "gelu", "linear", "softmax", "leaky_relu"])
def test_unbounded_activation_does_not_saturate(activation):
    assert figures(Saturation(), with_units(X, activation=activation)) == {}


@pytest.mark.parametrize(
    ("activation", "value", "tolerance"),
    [("tanh", np.arctanh(np.sqrt(0.99)), 2e-3), ("sigmoid", np.log((1 + np.sqrt(0.99)) / (1 - np.sqrt(0.99))), 2e-2),
     ("softsign", 9.0, 2e-2), ("hard_sigmoid", 3.0, 2e-3)],
)  # fmt: skip
def test_limits_are_where_derivative_falls_to_hundredth(activation, value, tolerance):
    low, high = limits_of(keras.layers.Activation(activation))
    assert (low, high) == (pytest.approx(-value, abs=tolerance), pytest.approx(value, abs=tolerance))


def test_limits_do_not_depend_on_precision():
    policy = keras.layers.Activation("tanh", dtype="mixed_float16")
    assert limits_of(policy) == limits_of(keras.layers.Activation("tanh"))


def test_constant_function_never_responds():
    assert responding(np.zeros_like) is None


def test_drift_is_in_units_of_earlier_spread():
    probe, model = PreactivationDrift(), with_units((1, 0, 0), (0, 1, 0), (0, 0, 1))
    assert figures(probe, model) == {}
    set_units(model, (1, 0, 3), (0, 3, 0), (1, 0, 0))  # x + 3: mean moves; 3 y: both move; the third had no spread
    found = figures(probe, model)
    x_std, y_mean, y_std = ROWS[:, 0].std(), ROWS[:, 1].mean(), ROWS[:, 1].std()
    assert found["mean_drift"] == pytest.approx(np.median([3 / x_std, 2 * y_mean / y_std]))
    assert found["spread_drift/hidden_1"] == pytest.approx(np.median([0, 2]), abs=1e-6)


def test_small_weights_are_below_thousandth():
    model = with_units((0.0009, -0.0009, 5), (0.0011, 0, 0))
    model.get_layer("outputs").set_weights([np.ones((2, 1)), np.zeros(1)])
    assert figures(SmallWeights(), model) == {
        "small_weights": 3 / 6, "small_weights/hidden_1": 3 / 4, "small_weights/outputs": 0
    }  # fmt: skip


def test_movement_is_from_first_and_steps_from_before():
    movement, steps, model = WeightMovement(), WeightSteps(), with_units((3, 0, 0), (0, 4, 0))
    model.get_layer("outputs").set_weights([np.zeros((2, 1)), np.zeros(1)])
    assert figures(movement, model)["weight_movement"] == 0 and figures(steps, model) == {}
    course = []
    for units in (((3, 0, 0), (0, 9, 0)), ((3, 0, 0), (0, 4, 0))):  # away by 5 from a length of 5, and back
        set_units(model, *units)
        course.append((figures(movement, model)["weight_movement"], figures(steps, model)["weight_steps/hidden_1"]))
    assert course == [(1, 1), (0, pytest.approx(5 / np.sqrt(90)))]


def test_rows_are_divided_where_values_are_many(monkeypatch):
    model, rows = with_units(X, DEAD, ALIVE), np.random.default_rng(0).normal(1, 2, (50, 2)).astype("float32")
    whole = Hidden(model).preactivations(rows)["hidden_1"]
    monkeypatch.setattr("callbacks.probes.hidden.VALUES", 21)
    hidden = Hidden(model)
    assert hidden.preactivations.batch == 7
    parts = hidden.preactivations(rows)["hidden_1"]
    assert (parts.unit_mean, parts.unit_std) == (pytest.approx(whole.unit_mean), pytest.approx(whole.unit_std))
    assert parts.never_positive.tolist() == whole.never_positive.tolist()
