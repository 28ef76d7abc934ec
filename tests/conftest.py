"""Shared by all tests: the environment in which TensorFlow is imported, fixtures, and helpers to import from here."""

import csv
import io
import json
import os
from collections import Counter

from folklore.study.resources import environment

os.environ.update(environment(threads=1))  # before models import Keras

import pytest
from hypothesis import HealthCheck, settings
from rich.console import Console
from tensorboard.compat.proto.event_pb2 import Event

import data
from folklore import Experiment, Hypothesis, Metric, Recipe
from folklore.evidence.event_reader import records
from folklore.study.request import Request
from folklore.study.run import run_studies
from folklore.task import Task
from folklore.training.train import Control, train
from models import mlp
from tests.stored import study

# Here, not in the modules that use them: Hypothesis has a profile of its own where the environment says CI. The
# profile loaded here replaces it, and --hypothesis-profile replaces this one.
for _profile, _examples in (("short", 12), ("long", 1_500)):
    settings.register_profile(
        _profile,
        max_examples=_examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
settings.load_profile("short")


@pytest.fixture(scope="session", autouse=True)
def caches(tmp_path_factory):
    """The cache of measurements is shared by the tests, and is not the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
        yield


@pytest.fixture
def stored(tmp_path):
    """The directory of an experiment with six seeds of two arms."""
    return study(tmp_path / "logs" / "topic.experiment")


# A small study for tests of the run command.

BASE = Recipe(
    model=mlp, params=dict(widths=(4,)), data=data.digits, data_params=dict(train_size=64), epochs=2, mode="graph"
)
NARROW_OR_WIDE = Experiment(
    claim="A wider layer classifies better.",
    arms={"narrow": BASE, "wide": BASE.but(params=dict(widths=(32,)))},
    baseline="narrow",
    metric=Metric("test/accuracy", goal="max"),
    hypothesis=Hypothesis("wide", "better", by=0.01),
    seeds=2,
)


def run(experiment, logdir, **options):
    """The number of failed runs, and what was printed."""
    console = Console(file=io.StringIO(), width=120)
    failures = run_studies({"topic.width": experiment}, console, Request(logdir=logdir, **options))
    return failures, console.file.getvalue()


# Runs that are interrupted and resumed.

TABLE = Recipe(
    model=mlp,
    params=dict(widths=(6, 6)),
    data=data.diabetes,
    data_params=dict(train_size=48),
    batch_size=16,
    epochs=7,
    mode="graph",
    monitor="validation/loss",
)
ARMS = {
    "adam": TABLE,
    "dropout, bn": TABLE.but(params=dict(dropout=0.3, normalization="before"), optimizer="rmsprop"),
    "selu, alpha dropout": TABLE.but(params=dict(activation="selu", alpha_dropout=0.2), optimizer="sgd"),
    "early stopping": TABLE.but(patience=3, optimizer={"name": "adam", "learning_rate": 0.1}, epochs=30),
    "plateau": TABLE.but(schedule="plateau", optimizer={"name": "adam", "learning_rate": 0.1}, epochs=14),
    "cosine, xla": TABLE.but(schedule="cosine", mode="xla", params=dict(dropout=0.3)),
    "step": TABLE.but(mode="step", params=dict(dropout=0.3)),
    "averaged weights": TABLE.but(optimizer={"name": "adam", "use_ema": True, "ema_momentum": 0.9}),
    "probes": TABLE.but(probes=("weight_movement", "dead_units")),
    "pictures": TABLE.but(data=data.digits, params=dict(widths=(6,)), pictures=("filters", "confusion", "embedding")),
}


class Killed(BaseException):
    """Nothing in the training catches it, as nothing catches SIGKILL."""


def task(recipe, folder):
    return Task("topic.name", "arm", 3, recipe, folder / "topic.name" / "arm" / "seed-3", {"code": {"sha256": "x"}})


def broken_off(recipe, folder, epoch):
    """Train with a checkpoint after every epoch, and die at the end of `epoch` (from 1), before it is saved."""
    asked = []

    def stop():
        asked.append(epoch)
        if len(asked) == epoch:
            raise Killed
        return False

    with pytest.raises(Killed):
        train(task(recipe, folder), Control(stop=stop, checkpoint_seconds=0.0))


def left_by(folder):
    """Everything a run left but times: history, outcome in its record, weights, events."""
    path = folder / "topic.name" / "arm" / "seed-3"
    with (path / "history.csv").open() as file:
        rows = [{name: cell for name, cell in row.items() if name != "seconds"} for row in csv.DictReader(file)]
    record = json.loads((path / "run.json").read_text())
    outcome = {name: record[name] for name in ("status", "metrics", "epochs", "selected_epoch", "generators")}
    return rows, outcome, _weights(path / "best.weights.h5"), [_events(path / s) for s in ("train", "validation")]


def _weights(file):
    import h5py

    found = {}
    with h5py.File(file) as stored:
        stored.visititems(lambda name, item: found.update({name: item[()].tobytes()} if hasattr(item, "shape") else {}))
    return found


def _events(folder):
    """How often each event is there, without its time."""
    counted = Counter()
    for file in folder.glob("events*"):
        problems = []
        for record in records(file.read_bytes(), problems):
            event = Event.FromString(record)
            if not event.file_version:
                event.ClearField("wall_time")
                counted[event.SerializeToString(deterministic=True)] += 1
        assert problems == []
    return counted


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """A function that gives what an arm leaves without a kill; each arm is trained once."""
    left = {}

    def of(arm):
        if arm not in left:
            folder = tmp_path_factory.mktemp("undisturbed")
            record = train(task(ARMS[arm], folder))
            assert record["status"] == "done", record.get("traceback")
            left[arm] = left_by(folder)
        return left[arm]

    return of
