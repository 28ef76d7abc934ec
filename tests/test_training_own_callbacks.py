"""A user's own callbacks: their order, their state, and errors before training."""

import csv
import dataclasses
import importlib
import json
from functools import partial

import keras
import numpy as np
import pytest

import data
from folklore import Recipe
from folklore.errors import ProblemError
from folklore.study.provenance import provenance_of
from folklore.task import Task
from folklore.training.preflight import examine_arm
from folklore.training.recipe_callbacks import callbacks_of
from folklore.training.train import train
from models import mlp
from tests.conftest import NARROW_OR_WIDE, left_by, run, task, train_until_killed

# A process that is killed closes no files.
pytestmark = [pytest.mark.compile, pytest.mark.filterwarnings("ignore::ResourceWarning")]
BASE = Recipe(
    model=mlp,
    params=dict(widths=(6,), dropout=0.2),
    data=data.diabetes,
    data_params=dict(train_size=48),
    batch_size=16,
    epochs=7,
    mode="graph",
)


class Halving(keras.callbacks.Callback):
    """Halve the learning rate after every `every` epochs, counted by the callback itself."""

    def __init__(self, every=3):
        super().__init__()
        self.every = every

    def on_train_begin(self, logs=None):
        self.count = 0

    def on_epoch_end(self, epoch, logs=None):
        self.count += 1
        if self.count % self.every == 0:
            self.model.optimizer.learning_rate = float(self.model.optimizer.learning_rate) / 2

    def get_state(self):
        return {"count": self.count}

    def set_state(self, state):
        self.count = state["count"]


class CountsBatches(keras.callbacks.Callback):
    """Stop after ten batches; called at every batch."""

    def on_train_begin(self, logs=None):
        self.batches = 0

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = self.batches >= 10


class HalfRemembers(keras.callbacks.Callback):
    """A callback with only one of the two methods."""

    def get_state(self):
        return {}


class NeedsArguments(keras.callbacks.Callback):
    def __init__(self, factor):
        super().__init__()


class Freezes(keras.callbacks.Callback):
    """Change a layer in a way that resetting the model's variables does not undo."""

    def on_epoch_end(self, epoch, logs=None):
        self.model.layers[-1].trainable = False


def no_callback():
    return "a callback"


def rates(folder):
    with (folder / "topic.name" / "arm" / "seed-3" / "history.csv").open() as file:
        return [float(row["lr"]) for row in csv.DictReader(file)]


@pytest.mark.parametrize("epoch", [3, 4, 6])
def test_resumed_run_restores_callback_state(epoch, tmp_path):
    recipe = BASE.but(callbacks=(Halving,))
    assert train(task(recipe, tmp_path / "whole"))["status"] == "done"
    train_until_killed(recipe, tmp_path / "cut", epoch)
    assert train(task(recipe, tmp_path / "cut"))["resumed_after"] == epoch - 1
    assert left_by(tmp_path / "cut") == left_by(tmp_path / "whole")
    assert rates(tmp_path / "whole") == pytest.approx([1e-3] * 3 + [5e-4] * 3 + [2.5e-4])


class PatientAndCounting(keras.callbacks.EarlyStopping):
    """Keras' attributes and a count of its own; noise from NumPy's global generator, which grows with the count."""

    count = 0

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        self.count += 1
        self.model.set_weights([w + np.random.normal(0, 1e-3 * self.count, w.shape) for w in self.model.get_weights()])

    def get_state(self):
        return {"count": self.count}

    def set_state(self, state):
        self.count = state["count"]


def test_resumed_run_restores_state_of_subclass_and_random_numbers(tmp_path):
    recipe = BASE.but(callbacks=(partial(PatientAndCounting, patience=5),))
    train(task(recipe, tmp_path / "whole"))
    train_until_killed(recipe, tmp_path / "cut", 4)
    assert train(task(recipe, tmp_path / "cut"))["resumed_after"] == 3
    assert left_by(tmp_path / "cut") == left_by(tmp_path / "whole")


STATES = {"set": {"seen": {1}}, "numbered": {"by": {0: 1.0}}, "sound": {"one": 1}}


class Remembers(keras.callbacks.Callback):
    """A callback whose state is one of `STATES`."""

    def __init__(self, state):
        super().__init__()
        self.state = STATES[state]

    def get_state(self):
        return self.state

    def set_state(self, state):
        self.state = state["other"]


@pytest.mark.parametrize(
    ("state", "what"),
    [("set", "an object of the type set"), ("numbered", "a dictionary with the key 0")],
)
def test_state_that_no_checkpoint_can_hold_fails_after_first_epoch(state, what, tmp_path):
    record = train(task(BASE.but(callbacks=(partial(Remembers, state),)), tmp_path))
    assert record["status"] == "failed" and "epochs" not in record
    assert f"get_state of Remembers returned {what}, which a checkpoint cannot hold" in record["error"]


def test_failing_set_state_is_named(tmp_path):
    recipe = BASE.but(callbacks=(partial(Remembers, "sound"),))
    train_until_killed(recipe, tmp_path, 4)
    record = train(task(recipe, tmp_path))
    assert "set_state of Remembers failed: KeyError: 'other'" in record["rejected_checkpoints"][0]


class ZerosAtEnd(keras.callbacks.Callback):
    def on_train_end(self, logs=None):
        self.model.set_weights([0 * w for w in self.model.get_weights()])


def test_selected_weights_are_tested_whatever_own_callbacks_do_at_end(tmp_path):
    plain, zeroed = (
        train(task(BASE.but(callbacks=callbacks), tmp_path / name))["metrics"]
        for name, callbacks in (("plain", ()), ("zeroed", (ZerosAtEnd,)))
    )
    assert zeroed == plain


class DecaysMore(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.model.optimizer.weight_decay = 0.5


def test_replaced_weight_decay_does_not_reach_next_run(tmp_path):
    recipe = BASE.but(optimizer=dict(name="adamw", weight_decay=0.01), epochs=2)
    before = train(task(recipe, tmp_path / "before"))["metrics"]
    for _ in range(2):
        assert train(task(recipe.but(callbacks=(DecaysMore,)), tmp_path / "decaying"))["status"] == "done"
    assert train(task(recipe, tmp_path / "after"))["metrics"] == before


def test_every_run_makes_its_own_callback(tmp_path):
    recipe = BASE.but(callbacks=(partial(Halving, every=5),), epochs=4)
    for seed in (0, 1):  # with the first run's count, the second would halve after its first epoch
        path = tmp_path / "topic.name" / "arm" / f"seed-{seed}"
        assert train(Task("topic.name", "arm", seed, recipe, path, {}))["status"] == "done"
        with (path / "history.csv").open() as file:
            assert {row["lr"] for row in csv.DictReader(file)} == {"0.0010000000474974513"}


def test_batch_hooks_are_called_in_runs_sharing_program(tmp_path):
    recipe = BASE.but(callbacks=(CountsBatches,))
    assert examine_arm(task(recipe, tmp_path))[0]["mode"] == "step"
    for seed in (0, 1):
        path = tmp_path / "topic.name" / "arm" / f"seed-{seed}"
        record = train(Task("topic.name", "arm", seed, recipe, path, {}))
        assert (record["status"], record["mode"], record["epochs"]) == ("done", "step", 4)


def test_changes_of_layers_do_not_reach_next_run(tmp_path):
    plain = train(Task("topic.name", "arm", 1, BASE, tmp_path / "plain" / "seed-1", {}))
    train(Task("topic.name", "arm", 0, BASE.but(callbacks=(Freezes,)), tmp_path / "frozen" / "seed-0", {}))
    again = train(Task("topic.name", "arm", 1, BASE, tmp_path / "again" / "seed-1", {}))
    assert again["metrics"] == plain["metrics"]


def test_own_callbacks_run_between_builtin_ones_and_checkpoint(tmp_path):
    recipe = BASE.but(callbacks=(Halving,), patience=3, schedule="plateau", probes=("dead_units",))
    raw = data.diabetes(0)
    own = [Halving()]
    found = callbacks_of(task(recipe, tmp_path), raw, None, own, dict, dict, print, lambda callbacks: callbacks)
    *ordered, saved = found.ordered
    assert [type(callback).__name__ for callback in ordered] == [
        "TrainMetrics", "StopOnDivergence", "Probes", "BestWeights", "Rows", "Rows", "TensorBoard",
        "ReduceLROnPlateau", "EarlyStopping", "Halving",
    ]  # fmt: skip
    assert saved == ordered


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        (no_callback, r"no_callback, which returned 'a callback', and that is not a keras.callbacks.Callback"),
        (NeedsArguments, r"NeedsArguments, and calling it failed: TypeError.*functools.partial"),
        (HalfRemembers, r"has only one of get_state and set_state"),
    ],
)
def test_unusable_callbacks_are_refused_before_training(factory, message, tmp_path):
    with pytest.raises(ProblemError, match=message):
        examine_arm(task(BASE.but(callbacks=(factory,)), tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.process
def test_workers_train_with_own_callbacks(tmp_path):
    arms = {"narrow": BASE.but(callbacks=(partial(Halving, every=1),), epochs=2), "wide": BASE.but(epochs=2)}
    experiment = dataclasses.replace(
        NARROW_OR_WIDE, arms=arms, metric=dataclasses.replace(NARROW_OR_WIDE.metric, name="test/rmse", goal="min")
    )
    failures, _ = run(experiment, tmp_path, seeds=1, jobs=1)
    assert failures == 0
    record = json.loads((tmp_path / "topic.width" / "narrow" / "seed-0" / "run.json").read_text())
    assert record["recipe"]["callbacks"] == [f"{__name__}.Halving(every=1)"]


CALLBACK = """import keras


class Mine(keras.callbacks.Callback):
    FACTOR = 2
"""


def test_code_of_run_includes_file_of_callbacks(tmp_path, monkeypatch):
    file = tmp_path / "my_callbacks_of_this_test.py"
    file.write_text(CALLBACK)
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("my_callbacks_of_this_test")
    arms = {arm: recipe.but(callbacks=(module.Mine,)) for arm, recipe in NARROW_OR_WIDE.arms.items()}
    experiment = dataclasses.replace(NARROW_OR_WIDE, arms=arms)
    common = {"code": {"sha256": "0", "commit": None}}
    before = provenance_of(experiment, common)
    assert before == provenance_of(experiment, common) != common
    file.write_text(CALLBACK.replace("2", "3"))
    assert provenance_of(experiment, common) != before
