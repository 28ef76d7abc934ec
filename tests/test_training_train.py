"""One run from its declaration to DONE, in this process, on a few rows of bundled data."""

import csv
import json
import re

import keras
import numpy as np
import pytest

import data
from folklore import Recipe
from folklore.storage import run_directory
from folklore.storage.schema import EndedRun
from folklore.task import Task
from folklore.training.model_cache import ready_model
from folklore.training.train import Control, train
from models import mlp

pytestmark = pytest.mark.compile

TABLE = Recipe(
    model=mlp, params=dict(widths=(8,)), data=data.diabetes, data_params=dict(train_size=64), epochs=3, mode="graph"
)
IMAGES = TABLE.but(data=data.digits)


def run(recipe, path, seed=0, report=lambda rows: None):
    return train(Task("topic.name", "arm", seed, recipe, path, {"code": {"commit": None}}), Control(report))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "arm" / "seed-0"
    seen = []
    return path, run(TABLE, path, report=lambda rows: seen.append(len(rows))), seen


def test_run_directory_describes_itself(trained):
    path, record, _ = trained
    assert {file.name for file in path.iterdir()} == {
        "run.json", "history.csv", "preprocessing.json", "best.weights.h5", "test_rows.npz", "train",
        "validation", "DONE",
    }  # fmt: skip
    stored = json.loads((path / "run.json").read_text())
    assert stored == json.loads(json.dumps(record))
    assert stored["status"] == "done"
    assert stored["recipe"] == TABLE.to_dict()
    assert stored["identity"] == TABLE.identity()
    assert stored["mode"] == "graph"
    assert stored["data"]["rows"] == {"train": 64, "validation": 71, "test": 89}
    assert stored["data"]["sha256"] == TABLE.data(0).sha256
    assert stored["versions"]["keras"] == keras.__version__
    assert (path / "DONE").stat().st_mtime_ns >= (path / "run.json").stat().st_mtime_ns


def test_history_has_row_per_epoch_with_named_columns(trained):
    with (trained[0] / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert list(rows[0])[:3] == ["epoch", "seconds", "lr"]
    assert {"train/loss", "train/rmse", "validation/rmse", "validation/mae", "running/loss"} <= set(rows[0])


def test_progress_is_reported(trained):
    assert trained[2][-1] == 3


def test_test_metrics_use_selected_weights_and_target_units(trained):
    path, record, _ = trained
    raw = TABLE.data(0, train_size=64)
    preprocessing = data.Preprocessing.from_json(json.loads((path / "preprocessing.json").read_text()))
    model = mlp((10,), 1, widths=(8,))
    model.load_weights(path / "best.weights.h5")
    predicted = preprocessing.inverse_target(model.predict(preprocessing.apply(raw).test.x, verbose=0)[:, 0])
    assert record["metrics"]["test/rmse"] == pytest.approx(np.sqrt(np.mean((predicted - raw.test.y) ** 2)), rel=1e-4)
    assert record["metrics"]["test/mae"] == pytest.approx(np.mean(np.abs(predicted - raw.test.y)), rel=1e-4)


def test_selected_epoch_is_best_on_validation(trained):
    path, record, _ = trained
    with (path / "history.csv").open() as file:
        losses = [float(row["validation/loss"]) for row in csv.DictReader(file)]
    assert record["selected_epoch"] == 1 + int(np.argmin(losses))
    assert record["metrics"]["validation/loss"] == min(losses)


def test_equal_seeds_give_equal_runs_after_other_training(trained, tmp_path):
    run(TABLE, tmp_path / "seed-1", seed=1)
    again = run(TABLE, tmp_path / "seed-0")
    assert again["metrics"] == trained[1]["metrics"]
    other = json.loads((tmp_path / "seed-1" / "run.json").read_text())
    assert other["metrics"] != trained[1]["metrics"]


def test_seeds_share_one_compiled_model():
    dataset = data.Preprocessing.fit("standard", TABLE.data(0)).apply(TABLE.data(0))
    first = ready_model(TABLE, dataset, seed=0)
    assert ready_model(TABLE, dataset, seed=1) is first
    assert ready_model(TABLE.but(params={"widths": (3, 3)}), dataset, seed=1) is not first


def test_new_seed_starts_with_fresh_weights_and_optimizer():
    dataset = data.Preprocessing.fit("standard", TABLE.data(0)).apply(TABLE.data(0))
    model = ready_model(TABLE, dataset, seed=5)
    weights = model.get_weights()
    model.fit(dataset.train.x, dataset.train.y, epochs=1, verbose=0)
    model.optimizer.learning_rate = 0.5
    model = ready_model(TABLE, dataset, seed=5)
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert int(model.optimizer.iterations) == 0
    assert float(model.optimizer.learning_rate) == pytest.approx(0.001)


def test_cosine_schedule_ends_at_zero(tmp_path):
    run(TABLE.but(schedule="cosine"), tmp_path)
    with (tmp_path / "history.csv").open() as file:
        rates = [float(row["lr"]) for row in csv.DictReader(file)]
    expected = [0.001 * (1 + np.cos(np.pi * epoch / 3)) / 2 for epoch in (1, 2, 3)]
    assert rates == pytest.approx(expected, abs=1e-7)


def test_image_classification_learns(tmp_path):
    record = run(IMAGES.but(epochs=8, data_params=dict(train_size=1000)), tmp_path)
    assert record["metrics"]["test/accuracy"] > 0.5
    assert record["data"]["name"] == "digits"


def test_early_stopping_ends_run_after_patience(tmp_path):
    # A rate of 10 overshoots at once: nothing after the first few epochs is better.
    record = run(TABLE.but(optimizer=dict(name="adam", learning_rate=10.0), epochs=40, patience=2), tmp_path)
    assert record["epochs"] == record["selected_epoch"] + 2 < 40


def test_divergence_is_recorded_and_ends_run(tmp_path):
    record = run(TABLE.but(optimizer=dict(name="sgd", learning_rate=1e9), epochs=50), tmp_path)
    assert record["status"] == "diverged"
    assert record["epochs"] < 50
    assert record["divergence"]["epoch"] == record["epochs"]
    assert "nan" in record["divergence"]["reason"] or "inf" in record["divergence"]["reason"]
    assert record["metrics"] == {}
    assert run_directory.read_run(tmp_path.rename(tmp_path.parent / "seed-0")).status == "diverged"


def broken_model(input_shape, outputs):
    raise RuntimeError("no such luck")


def test_failed_run_is_recorded_without_done(tmp_path):
    record = run(Recipe(model=broken_model, data=data.digits), tmp_path)
    assert record["status"] == "failed"
    assert re.fullmatch(r"RuntimeError: no such luck \(tests/test_training_train\.py, line \d+\)", record["error"])
    assert "broken_model" in record["traceback"]
    assert json.loads((tmp_path / "run.json").read_text())["status"] == "failed"
    assert not (tmp_path / "DONE").exists()


def test_interrupted_run_without_checkpoint_starts_again(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "events.out.tfevents.1.host.1.0").write_bytes(b"half a rec")
    (tmp_path / "history.csv").write_text("epoch,sec")
    run(TABLE, tmp_path)
    assert len(list((tmp_path / "train").iterdir())) == 1
    assert len((tmp_path / "history.csv").read_text().splitlines()) == 4


class Scale(keras.layers.Layer):
    """A custom weight; the layer keeps no reference to its initializer."""

    def build(self, input_shape):
        self.scale = self.add_weight(shape=input_shape[1:], initializer="glorot_uniform", name="scale")

    def call(self, inputs):
        return inputs * self.scale


def with_layers_of_its_own(input_shape, outputs):
    inputs = keras.Input(input_shape)
    x = keras.layers.RandomRotation(0.1)(inputs)
    return keras.Model(inputs, keras.layers.Dense(outputs)(Scale()(keras.layers.Flatten()(x))))


def test_equal_seeds_give_equal_runs_with_random_layers(tmp_path):
    recipe = Recipe(
        model=with_layers_of_its_own, data=data.digits, data_params=dict(train_size=64), epochs=2, mode="graph"
    )
    first, again, other = (run(recipe, tmp_path / name, seed=seed) for name, seed in (("a", 3), ("b", 3), ("c", 4)))
    assert first["status"] == "done", first.get("error")
    assert first["metrics"] == again["metrics"] != other["metrics"]


def test_record_has_what_probes_measured_before_first_step(trained, tmp_path):
    recipe = TABLE.but(probes=("weight_rank", "gradient_norms"), epochs=1)
    record = run(recipe, tmp_path / "arm" / "seed-0")
    model = ready_model(recipe, data.diabetes(0, train_size=64), 0)
    assert record["before"]["probe/weight_rank/hidden_1"] == np.linalg.matrix_rank(model.get_layer("hidden_1").kernel)
    assert record["before"]["probe/gradient_norm"] > 0
    assert EndedRun.of(json.loads((tmp_path / "arm" / "seed-0" / "run.json").read_text())).before == record["before"]
    assert "before" not in trained[1]
