"""Regression metrics in the target's own units."""

import keras
import numpy as np
import pytest

import folklore
from folklore.training.unit_metrics import in_units, metrics_of
from models import mlp

pytestmark = pytest.mark.compile

RMSE, MAE = in_units(keras.metrics.RootMeanSquaredError), in_units(keras.metrics.MeanAbsoluteError)
TRUE, PREDICTED = np.array([0.0, 0, 0, 0]), np.array([1.0, -1, 3, -5])  # squares 1, 1, 9, 25: mean 9
X = np.random.default_rng(2).normal(size=(20, 3)).astype("float32")
Y = X.sum(axis=1)


def compiled():
    metrics = metrics_of("regression")
    model = mlp((3,), 1, widths=(4,))
    model.compile("sgd", "mse", metrics=metrics)
    return model, metrics


def errors(model, unit):
    difference = unit * (model.predict(X, verbose=0)[:, 0] - Y)
    return {"rmse": np.sqrt(np.mean(difference**2)), "mae": np.mean(np.abs(difference))}


def figures(logs):
    return {"rmse": logs["rmse"], "mae": logs["mae"]}


@pytest.mark.parametrize(("kind", "value"), [(RMSE, 3.0), (MAE, 2.5)])
@pytest.mark.parametrize("unit", [None, 1, 2, 115395.5])
def test_metric_equals_numpy_times_unit(kind, value, unit):
    metric = kind()
    if unit is not None:
        metric.unit.assign(unit)
    for part in (slice(0, 3), slice(3, 4)):  # batches of unequal size
        metric.update_state(TRUE[part], PREDICTED[part, None])  # a column, as a model gives it
    assert float(metric.result()) == value * (unit or 1)


@pytest.mark.parametrize("kind", [RMSE, MAE])
def test_reset_forgets_data_and_keeps_unit(kind):
    metric = kind()
    metric.unit.assign(7)
    metric.update_state(TRUE, PREDICTED)
    metric.reset_state()
    assert float(metric.result()) == 0
    metric.update_state([0.0], [2.0])
    assert float(metric.result()) == 14


@pytest.mark.parametrize("mode", ["xla", "graph", "step"])
def test_unit_is_unchanged_by_training(mode):
    model, metrics = compiled()
    for metric in metrics:
        metric.unit.assign(10)
    history = folklore.fit(model, (X, Y), epochs=2, batch_size=8, validation_data=(X, Y), mode=mode).history
    last = {name: history[f"val_{name}"][-1] for name in ("rmse", "mae")}
    assert last == pytest.approx(errors(model, unit=10), rel=1e-5)
    assert history["rmse"][0] > 0


def test_unit_can_change_without_compilation():
    model, metrics = compiled()
    measured = []
    for unit in (1, 250):
        for metric in metrics:
            metric.unit.assign(unit)
        measured.append(folklore.evaluate(model, (X, Y)))
        assert figures(measured[-1]) == pytest.approx(errors(model, unit), rel=1e-5)
        assert figures(model.evaluate(X, Y, verbose=0, return_dict=True)) == pytest.approx(figures(measured[-1]))
    assert measured[0]["loss"] == measured[1]["loss"]  # what is minimised stays standardised
    assert model._folklore_program.evaluations["graph"].experimental_get_tracing_count() == 1


def test_unit_is_not_model_weight():
    model, _ = compiled()
    uncompiled = mlp((3,), 1, widths=(4,))
    assert [weight.path for weight in model.weights] == [weight.path for weight in uncompiled.weights]
