"""Parts shared by all tests: the environment for importing TensorFlow, fixtures, and helpers to import from here."""

import csv
import io
import json
import multiprocessing.process
import os
import subprocess
from collections import Counter

from folklore.cli import app
from folklore.study.resources import environment

os.environ.update(environment(threads=1))  # before models import Keras

import keras
import pytest
from hypothesis import HealthCheck, settings
from rich.console import Console
from tensorboard.compat.proto.event_pb2 import Event

import data
from callbacks.probes import PROBES
from folklore import Experiment, Hypothesis, Metric, Recipe
from folklore.evidence.logs.event_reader import records
from folklore.storage import files, run_directory
from folklore.study import run as study_run
from folklore.study.pool import Pool
from folklore.study.request import Request
from folklore.task import Task
from folklore.training.train import Control, train
from models import mlp

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
    """A cache of measurements that the tests share, apart from the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
        yield


@pytest.fixture(autouse=True)
def fast_unless_marked(request, monkeypatch):
    """A test without a marker neither starts a process nor compiles a model, so that `make check` stays fast."""

    def refuse(kind):
        def refused(*arguments, **options):
            pytest.fail(f"This test needs the marker {kind!r}: @pytest.mark.{kind}")

        return refused

    markers = {marker.name for marker in request.node.iter_markers()}
    if not markers & {"process", "browser"}:
        monkeypatch.setattr(subprocess.Popen, "__init__", refuse("process"))
        monkeypatch.setattr(multiprocessing.process.BaseProcess, "start", refuse("process"))
    if not markers & {"process", "compile", "browser"}:
        monkeypatch.setattr(keras.Model, "compile", refuse("compile"))


# Hand-made run directories, for tests of code that reads them.

DATA = {"name": "diabetes", "source": "bundled", "unit": "score", "sha256": "a" * 64, "rows": {"train": 282}}


def declare(path, hypotheses=(), arms=("base", "arm"), **changes):
    """An experiment about test/rmse; hypotheses are mappings with arm, direction, by; arms may map to recipes."""
    record = {
        "claim": "It helps.",
        "kind": "stat",
        "baseline": "base",
        "metric": {"name": "test/rmse", "goal": "min"},
        "hypotheses": [dict(hypothesis) for hypothesis in hypotheses],
        "may_diverge": [],
        "arms": dict(arms) if isinstance(arms, dict) else {arm: recipe_of(arm) for arm in arms},
    }
    files.write_json(path / "experiment.json", record | changes)


def recipe_of(arm):
    """A recipe in which arms differ only by their names."""
    return {"epochs": 3, "batch_size": 32, "params": {"width": 8, "kind": arm}}


def add_run(path, arm, seed, value=None, history=None, status="done", **changes):
    """A run whose test/rmse is a value; the history maps columns to values."""
    metrics = {"test/rmse": value, "validation/rmse": 1.0} if status == "done" else {}
    record = {
        "arm": arm, "seed": seed, "status": status, "data": DATA, "metrics": metrics, "recipe": recipe_of(arm),
        "identity": arm, "selected_epoch": 1 if status == "done" else None, "versions": {"keras": "3.15.1"},
        "code": {"commit": "c" * 40, "sha256": "d" * 64}, "machine": "A machine", "seconds": {"total": 2.0},
    }  # fmt: skip
    run = path / arm / f"seed-{seed}"
    columns = {"epoch": [1, 2, 3], "seconds": [1, 2, 3]} | (history or {})
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    run_directory.write_history(run, rows)
    run_directory.finish(run, record | changes)


def study(path):
    """An experiment of eight seeds with curves and probes: the arm's error is smaller by 1.9 or by 2.1."""
    declare(path, [{"arm": "arm", "direction": "better", "by": 0.5}])
    for seed in range(8):
        for arm, shift in (("base", 0), ("arm", -2)):
            spread = 0.1 * (-1) ** seed if arm == "arm" else 0
            history = {
                "train/rmse": [9 + shift, 8 + shift, 7 + shift],
                "validation/rmse": [9 + shift + seed, 8 + shift, 7.5 + shift],
                "probe/std/hidden_1": [1, 1, 1 + seed],
                "probe/std/hidden_2": [1, 1, 2],
                "probe/std/hidden_10": [1, 1, 3],
                "probe/dead_units": [0, 0.1, 0.2],
            }
            add_run(path, arm, seed, 10 + seed + shift + spread, history)
    return path


@pytest.fixture
def stored(tmp_path):
    """The directory of an experiment with eight seeds of two arms."""
    return study(tmp_path / "logs" / "topic.experiment")


# A small study for tests of the run command.

BASE = Recipe(
    model=mlp,
    params=dict(widths=(4,)),
    data=data.digits,
    data_params=dict(train_size=64),
    optimizer=dict(name="adam", learning_rate=0.03),  # at less, two epochs end no better than a constant prediction
    epochs=2,
    mode="graph",
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
    """The number of failed runs, and the printed text."""
    console = Console(file=io.StringIO(), width=120)
    failures = study_run.run_studies({"topic.width": experiment}, console, Request(logdir=logdir, **options))
    return failures, console.file.getvalue()


class WarmPool(Pool):
    """A pool whose workers serve the next test too, in the same environment: a new one takes seconds to start."""

    idle = {}

    def _new_worker(self, number):
        kept = self.idle.pop(self._key(number), None)
        return kept if kept and kept.is_alive() else super()._new_worker(number)

    def __exit__(self, kind, *exception):
        for worker in [worker for worker in self._workers if worker.job is None and worker.arms]:
            self._workers.remove(worker)
            self.idle[self._key(worker.number)] = worker
        super().__exit__(kind, *exception)

    def _key(self, number):
        variables = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
        return number, self.resources, frozenset(variables.items())


@pytest.fixture(scope="module")
def warm_workers():
    """For modules whose tests are not about workers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study_run, "Pool", WarmPool)
        yield
    while WarmPool.idle:
        WarmPool.idle.popitem()[1].end(kill=True)


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
    "cosine, xla, replayed": TABLE.but(schedule="cosine", mode="xla", order="replayed", params=dict(dropout=0.3)),
    "step": TABLE.but(mode="step", params=dict(uniform_dropout=0.3)),
    "averaged weights": TABLE.but(optimizer={"name": "adam", "use_ema": True, "ema_momentum": 0.9}),
    "probes": TABLE.but(params=dict(dropout=0.3, normalization="before"), probes=tuple(PROBES)),
    "pictures": TABLE.but(data=data.digits, params=dict(widths=(6,)), pictures=("filters", "confusion", "embedding")),
}


class Killed(BaseException):
    """An exception that training does not catch, in place of SIGKILL."""


def task(recipe, folder):
    return Task("topic.name", "arm", 3, recipe, folder / "topic.name" / "arm" / "seed-3", {"code": {"sha256": "x"}})


def train_until_killed(recipe, folder, epoch):
    """Train with a checkpoint after every epoch until killed at the end of `epoch` (from 1), before it is saved."""
    asked = []

    def stop():
        asked.append(epoch)
        if len(asked) == epoch:
            raise Killed
        return False

    with pytest.raises(Killed):
        train(task(recipe, folder), Control(stop=stop, checkpoint_seconds=0.0))


def left_by(folder):
    """All that a run left except times: history, outcome in its record, weights, events, outcomes of test rows."""
    path = folder / "topic.name" / "arm" / "seed-3"
    with (path / "history.csv").open() as file:
        rows = [{name: cell for name, cell in row.items() if name != "seconds"} for row in csv.DictReader(file)]
    record = json.loads((path / "run.json").read_text())
    names = ("status", "metrics", "epochs", "selected_epoch", "generators", "before")
    outcome = {name: record.get(name) for name in names}
    weights, events = _weights(path / "best.weights.h5"), [_events(path / s) for s in ("train", "validation")]
    return rows, outcome, weights, events, (path / "test_rows.npz").read_bytes()


def _weights(file):
    import h5py

    found = {}
    with h5py.File(file) as stored:
        stored.visititems(lambda name, item: found.update({name: item[()].tobytes()} if hasattr(item, "shape") else {}))
    return found


def _events(folder):
    """The number of times that each event occurs, without its time."""
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
    """A function that returns what an arm leaves when it is not killed; each arm is trained once."""
    left = {}

    def of(arm):
        if arm not in left:
            folder = tmp_path_factory.mktemp("undisturbed")
            record = train(task(ARMS[arm], folder))
            assert record["status"] == "done", record.get("traceback")
            left[arm] = left_by(folder)
        return left[arm]

    return of


def command_output(capsys, *arguments):
    """What a command prints that ends with status 0."""
    with pytest.raises(SystemExit) as left:
        app.main([str(argument) for argument in arguments])
    printed = capsys.readouterr()
    assert not left.value.code, printed.err
    return printed.out
