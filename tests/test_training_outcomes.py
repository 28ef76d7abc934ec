"""What a run keeps of its test rows, and whether it collapsed."""

import dataclasses
import json

import numpy as np
import pytest

import data
from data import Split
from folklore import Recipe
from folklore.declare.recipe import LOSSES
from folklore.storage import row_outcomes, run_directory, run_paths
from folklore.storage.row_outcomes import FILE
from folklore.task import Task
from folklore.training.collapse import collapse, constant_metric
from folklore.training.outcomes import row_outcomes_of
from folklore.training.train import train
from models import mlp

TABLE = Recipe(model=mlp, params=dict(widths=(8,)), data=data.diabetes, epochs=3, mode="graph")
IMAGES = TABLE.but(data=data.digits, params=dict(l2=0.01))
# A recipe refuses a learning rate of 0.
CONSTANT = TABLE.but(
    optimizer=dict(name="sgd", learning_rate=1e-30), params=dict(initializer="zeros", activation="relu")
)
ZEROS = CONSTANT.but(data=data.digits, optimizer="adam")


def run(recipe, path):
    record = train(Task("topic.name", "arm", 0, recipe, path, {"code": {"commit": None}}))
    assert record["status"] == "done", record.get("traceback")
    return record


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The outcomes of a trained run and its record, by the task."""
    found = {}
    for kind, recipe in (("regression", TABLE), ("classification", IMAGES)):
        path = tmp_path_factory.mktemp(kind) / "arm" / "seed-0"
        record = run(recipe, path)
        found[kind] = row_outcomes.read(path), record
    return found


@pytest.mark.compile
def test_rows_are_those_of_whole_set(trained):
    outcomes, _ = trained["classification"]
    whole, test = data.digits.read(), data.digits(0).test
    assert outcomes.rows.tolist() == sorted(test.rows)
    np.testing.assert_array_equal(outcomes.target, whole.y[outcomes.rows])
    regression, _ = trained["regression"]
    assert regression.rows.tolist() == sorted(data.diabetes(0).test.rows)


@pytest.mark.compile
def test_recorded_accuracy_follows_from_rows(trained):
    outcomes, record = trained["classification"]
    right = np.mean(outcomes.predicted == outcomes.target)
    assert record["metrics"]["test/accuracy"] == pytest.approx(right, abs=1e-7)
    # The network has penalties, which the recorded loss includes and the rows' losses do not.
    assert 0 < outcomes.loss.mean() < record["metrics"]["test/loss"]


@pytest.mark.compile
@pytest.mark.parametrize("loss", LOSSES["classification"])
def test_recorded_loss_follows_from_rows_without_penalties(tmp_path, loss):
    record = run(IMAGES.but(params=dict(l2=0.0), loss=loss), tmp_path)
    assert record["recipe"]["loss"] == loss
    assert record["metrics"]["test/loss"] == pytest.approx(row_outcomes.read(tmp_path).loss.mean(), rel=1e-3)


@pytest.mark.compile
def test_recorded_errors_follow_from_rows(trained):
    outcomes, record = trained["regression"]
    in_units = outcomes.error * outcomes.unit
    assert record["metrics"]["test/loss"] == pytest.approx(np.mean(outcomes.error**2), rel=1e-3)
    assert record["metrics"]["test/rmse"] == pytest.approx(np.mean(in_units**2) ** 0.5, rel=1e-3)
    assert record["metrics"]["test/mae"] == pytest.approx(np.abs(in_units).mean(), rel=1e-3)


@pytest.mark.compile
def test_run_that_tries_a_point_keeps_no_rows(tmp_path):
    path = run_paths.tuning_path(tmp_path, "topic.name", "arm", {"batch_size": 32}, 0)
    run(TABLE, path)
    assert (path / "DONE").exists() and not (path / FILE).exists()


@pytest.mark.compile
def test_diverged_run_has_neither_rows_nor_collapse(tmp_path):
    recipe = TABLE.but(optimizer=dict(name="sgd", learning_rate=1e9), epochs=50)
    record = train(Task("topic.name", "arm", 0, recipe, tmp_path, {"code": {"commit": None}}))
    assert (record["status"], record["collapse"]) == ("diverged", None)
    assert not (tmp_path / FILE).exists()


@pytest.mark.compile
@pytest.mark.parametrize(
    ("monitor", "loss"),
    [
        ("validation/loss", "softmax"),
        ("validation/accuracy", "softmax"),
        ("train/loss", "softmax"),
        ("validation/loss", "sigmoid"),
        ("validation/loss", "softmax twice"),
    ],
)
def test_network_of_zeros_is_recorded_as_collapsed(tmp_path, monitor, loss):
    path = tmp_path / "seed-0"
    record = run(ZEROS.but(monitor=monitor, loss=loss), path)
    assert record["collapse"]["epoch"] == record["selected_epoch"]
    assert record["collapse"]["reason"].startswith(f"{monitor} is ")
    ended = run_directory.read_run(path).ended
    assert (ended.status, ended.collapse.reason) == ("done", record["collapse"]["reason"])


@pytest.mark.compile
@pytest.mark.parametrize("monitor", ["validation/loss", "validation/rmse", "validation/mae", "train/rmse"])
def test_regression_that_does_not_learn_is_recorded_as_collapsed(tmp_path, monitor):
    record = run(CONSTANT.but(monitor=monitor), tmp_path)
    assert record["collapse"]["epoch"] == 1
    # An output of 0 is the training targets' mean, as they are standardised.
    assert record["metrics"][monitor] == pytest.approx(constant_of(monitor), rel=1e-5)


def constant_of(monitor):
    raw = data.diabetes(0)
    scaling = data.Preprocessing.fit("standard", raw)
    return constant_metric(monitor, scaling.apply(raw), "squared error", scaling.target_scale)


@pytest.mark.compile
def test_trained_network_is_not_collapsed(trained, tmp_path):
    assert trained["classification"][1]["collapse"] is None
    record = run(TABLE.but(epochs=15, optimizer=dict(name="adam", learning_rate=0.01)), tmp_path)
    assert record["collapse"] is None
    assert json.loads((tmp_path / "run.json").read_text())["collapse"] is None


def made(train, validation, classes=()):
    """A data set with these targets."""
    parts = {
        name: Split(np.zeros((len(y), 1)), np.array(y)) for name, y in (("train", train), ("validation", validation))
    }
    names = dict(class_names=classes, task="classification" if classes else "regression")
    return dataclasses.replace(data.diabetes(0), **names, **parts)


TWICE = np.exp([0.75, 0.25]) / np.exp([0.75, 0.25]).sum()


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("softmax", -(np.log(0.75) + 3 * np.log(0.25)) / 4),
        ("softmax twice", -(np.log(TWICE[0]) + 3 * np.log(TWICE[1])) / 4),
        # Of two classes, the second sigmoid says what the first one leaves: both have the softmax's loss.
        ("sigmoid", -(np.log(0.75) + 3 * np.log(0.25)) / 4),
    ],
)
def test_constant_of_classes(loss, expected):
    dataset = made([0, 0, 0, 1], [0, 1, 1, 1], classes=("a", "b"))
    assert constant_metric("train/accuracy", dataset, loss) == 0.75
    assert constant_metric("validation/accuracy", dataset, loss) == 0.25
    assert constant_metric("validation/loss", dataset, loss) == pytest.approx(expected)
    assert constant_metric("validation/top3", dataset, loss) is None


def test_constant_of_numbers_is_mean_of_training_part():
    dataset = made([1.0, 3.0], [2.0, 5.0])
    assert constant_metric("validation/loss", dataset, "squared error", unit=10.0) == 4.5
    assert constant_metric("validation/rmse", dataset, "squared error", unit=10.0) == pytest.approx(10 * 4.5**0.5)
    assert constant_metric("validation/mae", dataset, "squared error", unit=10.0) == 15.0
    assert constant_metric("validation/r2", dataset, "squared error") is None


def test_better_by_less_than_a_thousandth_part_is_no_better():
    numbers, classes = made([1.0, 3.0], [2.0, 5.0]), made([0, 0, 0, 1], [0, 1, 1, 1], classes=("a", "b"))
    assert collapse("validation/loss", 4.4956, 2, numbers, "squared error") == {
        "epoch": 2,
        "reason": "validation/loss is 4.4956, no better than the 4.5 of a constant prediction",
    }
    assert collapse("validation/loss", 4.4954, 2, numbers, "squared error") is None
    assert collapse("validation/accuracy", 0.2502, 2, classes, "softmax")
    assert collapse("validation/accuracy", 0.2503, 2, classes, "softmax") is None
    assert collapse("validation/top3", 0.0, 2, classes, "softmax") is None


def test_class_that_training_lacks_makes_no_collapse():
    dataset = made([0, 0, 1], [0, 1, 2], classes=("a", "b", "c"))
    assert constant_metric("validation/loss", dataset, "softmax") == np.inf
    assert constant_metric("validation/loss", dataset, "sigmoid") == np.inf
    assert collapse("validation/loss", 50.0, 1, dataset, "softmax") is None


def test_outcomes_of_outputs():
    part = Split(np.zeros((2, 1)), np.array([0.5, 2.0], np.float32), np.array([9, 4]))
    found = row_outcomes_of(np.array([[1.0], [1.0]], np.float32), part, "regression", "squared error", 3.0)
    assert (found.rows.tolist(), found.error.tolist(), found.unit) == ([9, 4], [0.5, -1.0], 3.0)


@pytest.mark.compile
def test_penalties_on_weights_do_not_look_like_collapse(tmp_path):
    penalised = IMAGES.but(params=dict(widths=(64, 64), l2=0.03), epochs=3)
    record = run(penalised, tmp_path)
    assert record["metrics"]["validation/loss"] > constant_metric("validation/loss", data.digits(0), "softmax")
    assert record["metrics"]["validation/accuracy"] > 0.5
    assert record["collapse"] is None
