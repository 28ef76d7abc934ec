"""A training of one's own, logged as a run that the suite reads."""

import json

import keras
import numpy as np
import pytest

import folklore
from callbacks import Logger, TrainMetrics
from folklore.storage import run_directory
from folklore.storage.schema import EndedRun
from tests.callback_training import NAN, X, Y, call

LOGS = [{"loss": 9.0, "val_loss": 8.0}, {"loss": 5.0, "val_loss": 6.0}]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "my.width" / "wide" / "seed-3"


def small():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Dense(2, "relu"), keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    return model


@pytest.mark.compile
def test_model_fit_leaves_a_run_of_the_suite(folder):
    model, logger = small(), Logger(folder)
    model.fit(X, Y, epochs=2, validation_split=0.5, verbose=0, callbacks=[logger])
    logger.test(model.evaluate(X, Y, return_dict=True, verbose=0))
    run = run_directory.read_run(folder)
    assert (run.status, run.arm, run.seed) == ("done", "wide", 3)
    history = run_directory.read_history(folder)
    assert list(history) == ["epoch", "seconds", "lr", "train/loss", "train/mae", "validation/loss", "validation/mae"]
    assert run.ended.metrics["validation/mae"] == history["validation/mae"][-1]
    assert run.ended.metrics["test/mae"] == pytest.approx(float(abs(model.predict(X, verbose=0)[:, 0] - Y).mean()))
    assert run.ended.versions["keras"] == keras.__version__
    assert (run.ended.data, run.ended.recipe) == (None, {})
    assert sorted(path.name for path in folder.iterdir()) == [
        "DONE", "history.csv", "run.json", "test", "train", "validation",
    ]  # fmt: skip
    frame = folklore.runs(folder.parents[2])
    assert frame["validation/mae"].tolist() == [history["validation/mae"][-1]]


@pytest.mark.compile
def test_measured_train_metrics_keep_averages_apart(folder):
    model = small()
    measure = TrainMetrics(lambda: {"loss": 0.5})
    history = model.fit(X, Y, epochs=1, verbose=0, callbacks=[measure, Logger(folder)])
    assert run_directory.read_history(folder)["train/loss"] == [0.5]
    assert run_directory.read_history(folder)["running/loss"] == history.history["loss"]


@pytest.mark.compile
def test_curves_of_train_and_validation_share_a_tag(folder):
    call(Logger(folder), LOGS, model=small())
    compared = folklore.compare(folder.parents[1], "best validation/loss")
    assert compared.comparison.arms["wide"].values == {"3": 6.0}


@pytest.mark.compile
def test_nan_is_recorded_as_divergence(folder):
    logger = Logger(folder)
    call(logger, [*LOGS, {"loss": NAN, "val_loss": 6.0}, {"loss": NAN, "val_loss": NAN}], model=small())
    logger.test({"loss": NAN})
    ended = run_directory.read_run(folder).ended
    assert (ended.status, ended.metrics, ended.selected_epoch) == ("diverged", {}, None)
    assert (ended.divergence.epoch, ended.divergence.reason) == (3, "loss is nan")


class StoppedError(Exception):
    pass


@pytest.mark.compile
def test_interrupted_training_does_not_count_and_is_replaced(folder):
    def stop(epoch, logs):
        raise StoppedError

    model, logger = small(), Logger(folder)
    with pytest.raises(StoppedError):
        model.fit(X, Y, epochs=9, validation_split=0.5, verbose=0,
                  callbacks=[logger, keras.callbacks.LambdaCallback(on_epoch_end=stop)])  # fmt: skip
    logger._parts[1].on_train_end()  # an interrupted process would close its files too
    assert run_directory.read_run(folder).status == "incomplete"
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[Logger(folder)])
    assert run_directory.read_run(folder).status == "done"
    assert len(list((folder / "train").iterdir())) == 1
    assert not list((folder / "validation").iterdir())


@pytest.mark.compile
def test_finished_run_is_refused(folder):
    early = Logger(folder)
    call(Logger(folder), LOGS, model=small())
    before = (folder / "run.json").read_bytes()
    with pytest.raises(ValueError, match="holds a finished run, and nothing is overwritten"):
        Logger(folder)
    with pytest.raises(ValueError, match="finished run"):
        call(early, LOGS, model=small())
    assert (folder / "run.json").read_bytes() == before


@pytest.mark.parametrize("name", ["run", "seed", "seed-x", "seed-0"])
def test_other_directories_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match="Give the directory of an experiment, an arm and a seed"):
        Logger(name if name == "seed-0" else tmp_path / "arm" / name)


def test_directory_with_other_content_is_refused(folder):
    folder.mkdir(parents=True)
    (folder / "thesis.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"holds thesis\.txt, which Logger did not write"):
        Logger(folder)


def test_test_metrics_come_after_training(folder):
    with pytest.raises(RuntimeError, match=r"Call it after model\.fit"):
        Logger(folder).test({"loss": 1.0})


@pytest.mark.compile
def test_test_metric_that_is_not_finite_has_no_value(folder):
    logger = Logger(folder)
    call(logger, LOGS, model=small())
    logger.test({"loss": NAN, "test/mae": 2})
    metrics = run_directory.read_run(folder).ended.metrics
    assert (metrics["test/loss"], metrics["test/mae"]) == (None, 2.0)


@pytest.mark.compile
def test_metric_of_each_class_is_recorded_class_by_class(folder):
    logger = Logger(folder)
    call(logger, [{"loss": 1.0, "val_f1": np.array([0.25, 0.5])}], model=small())
    logger.test({"f1": np.array([1.0, 0.0])})
    metrics = run_directory.read_run(folder).ended.metrics
    assert metrics == {
        "train/loss": 1, "validation/f1_0": 0.25, "validation/f1_1": 0.5, "test/f1_0": 1, "test/f1_1": 0,
    }  # fmt: skip


@pytest.mark.compile
def test_model_that_cannot_be_drawn_is_logged(folder):
    class Own(keras.Model):
        def __init__(self, scale):
            super().__init__()
            self.scale = scale

        def train_step(self, data):
            return {"loss": 1.0}

    model = Own(scale=object())  # to_json has no name for it
    model.compile()
    call(Logger(folder), LOGS, model=model)
    assert run_directory.read_run(folder).status == "done"


@pytest.mark.compile
def test_run_carries_the_question_that_was_asked(folder):
    metric = folklore.Metric("validation/loss", "min")
    folklore.declare(folder.parents[1], claim="Wide is better.", metric=metric, baseline="wide")
    call(Logger(folder), LOGS, model=small())
    ledger = json.loads((folder.parents[1] / "experiment.json").read_text())["ledger"]
    record = EndedRun.of(json.loads((folder / "run.json").read_text()))
    assert record.asked == ledger[0]["sha256"]


@pytest.mark.compile
def test_training_whose_directory_another_has_taken_is_not_recorded(folder):
    first, second = Logger(folder), Logger(folder)
    first.set_model(small())
    first.on_train_begin()
    first.on_epoch_end(0, {"loss": 9.0})
    second.set_model(small())
    second.on_train_begin()
    with pytest.raises(ValueError, match=r"Another training was begun in .* before this one ended"):
        first.on_train_end()
    second.on_epoch_end(0, {"loss": 5.0})
    second.on_train_end()
    assert run_directory.read_run(folder).ended.metrics == {"train/loss": 5.0}
    assert run_directory.read_history(folder)["train/loss"] == [5.0]
