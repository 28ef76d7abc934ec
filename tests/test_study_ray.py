"""Studies on a Ray cluster of several nodes, one of which is killed: equal to those on this machine bit for bit."""

import csv
import dataclasses
import io
import shutil
import tempfile
import threading
import time
from importlib.util import find_spec

import numpy as np
import pytest
from rich.console import Console

import data
from folklore import Experiment, Hypothesis, Metric, Recipe
from folklore.cli.doctor import examine_cluster
from folklore.declare import catalog
from folklore.errors import ProblemError
from folklore.storage import run_directory
from folklore.study.engines.choice import engine_of
from folklore.study.engines.remote import engine as remote_engine
from models import mlp
from tests.conftest import run
from tests.loopback_cluster import TOKEN, Cluster, kill

pytestmark = [
    pytest.mark.process,
    # Not imported yet: Ray reads its variables when it is.
    pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed: pip install -r requirements-dev.txt"),
]

SMALL = Recipe(model=mlp, params=dict(widths=(8,)), data=data.diabetes, epochs=150, mode="graph", patience=None)
STUDY = Experiment(
    claim="Wide is better.",
    arms={"narrow": SMALL, "wide": SMALL.but(params=dict(widths=(16,)))},
    baseline="narrow",
    metric=Metric("test/rmse", goal="min"),
    hypothesis=Hypothesis("wide", "better", by=1.0),
    seeds=3,
)


@pytest.fixture(scope="module")
def cluster():
    folder = tempfile.mkdtemp(prefix="ray-")  # sockets of Ray lie there, whose paths must be short
    with pytest.MonkeyPatch.context() as patch:
        for name, value in TOKEN.items():
            patch.setenv(name, value)
        made = Cluster(folder)
        try:
            for _ in range(2):
                made.add_node()
            yield made
        finally:
            made.end()
    shutil.rmtree(folder, ignore_errors=True)


class Unseen:
    """As if the log directory were not on the nodes' file systems."""

    file, token = "/no/such/file", ""

    def __init__(self, logdir):
        pass

    def remove(self):
        pass


def histories(logdir):
    """The rows of every run, without the seconds that they took."""
    found = {}
    for file in sorted(logdir.glob("topic.width/*/seed-*/history.csv")):
        with file.open() as stream:
            rows = [{name: row[name] for name in row if name != "seconds"} for row in csv.DictReader(stream)]
        found[file.parts[-3:-1]] = rows
    return found


def kill_once(node, logdir):
    """Kill a node as soon as checkpoints of two runs under way have come back: one of them trains on that node."""
    while len(under_way(logdir)) < 2:
        time.sleep(0.01)
    kill(node)


def under_way(logdir):
    """The folders of the runs that have a checkpoint and have not ended."""
    saved = {file.parents[1] for file in logdir.glob("topic.width/*/seed-*/checkpoint/epoch-*")}
    return [folder for folder in saved if not (folder / "DONE").exists()]


def test_arrays_of_driver_reach_nodes(cluster, tmp_path):
    x = np.arange(200.0).reshape(100, 2)
    made = SMALL.but(data=data.arrays(x, x.sum(axis=1), name="made"), epochs=2)
    study = dataclasses.replace(STUDY, arms={"narrow": made, "wide": made.but(params=dict(widths=(16,)))}, seeds=1)
    failures, printed = run(study, tmp_path / "ray", engine="ray", address=cluster.address)
    assert failures == 0, printed
    run(study, tmp_path / "local", jobs=1)
    assert histories(tmp_path / "ray") == histories(tmp_path / "local")


def test_study_that_loses_node_equals_local_one(cluster, tmp_path, monkeypatch):
    monkeypatch.setenv("FOLKLORE_CHECKPOINT_SECONDS", "0")
    monkeypatch.setattr(remote_engine, "Mark", Unseen)
    threading.Thread(target=kill_once, args=(cluster.nodes[0], tmp_path / "ray"), daemon=True).start()
    failures, printed = run(STUDY, tmp_path / "ray", engine="ray", address=cluster.address)
    assert failures == 0, printed
    assert cluster.nodes[0].poll() is not None
    assert "Its work goes on elsewhere." in printed
    records = [run.ended for run in run_directory.runs(tmp_path / "ray" / "topic.width")]
    assert len(records) == 6
    assert any(record.resumed_after for record in records), "no run was resumed from a checkpoint that came back"
    monkeypatch.setenv("FOLKLORE_CHECKPOINT_SECONDS", "inf")
    assert run(STUDY, tmp_path / "local", jobs=2)[0] == 0
    assert histories(tmp_path / "ray") == histories(tmp_path / "local")


OWN_STUDY = """from folklore import Experiment, Metric, Recipe
from ray_nets.small import small
import data

base = Recipe(model=small, data=data.diabetes, epochs=1, mode="step", patience=None)
arms = {"plain": base, "linear": base.but(params=dict(activation="linear"))}
study = Experiment(claim="?", arms=arms, baseline="plain", metric=Metric("test/rmse", goal="min"), seeds=1)
"""
OWN_NET = """from pathlib import Path
from models import mlp

def small(input_shape, outputs, *, activation="relu"):
    assert "own" in Path(__file__).parts, "this is not the copy that travelled"
    return mlp(input_shape, outputs, widths=(4,), activation=activation)
"""


def test_own_modules_travel_to_node_with_resource(cluster, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "ray_nets").mkdir()
    (tmp_path / "ray_nets" / "small.py").write_text(OWN_NET)
    (tmp_path / "ray_study.py").write_text(OWN_STUDY)
    (experiment,) = catalog.load_file(tmp_path / "ray_study.py").values()
    chosen = dict(engine="ray", address=cluster.address, per_worker="CPU=1,big=1")
    failures, printed = run(experiment, tmp_path / "logs", **chosen)
    assert failures == 0, printed


def test_doctor_shows_nodes_and_what_they_lack(cluster):
    def doctor(per_worker):
        console = Console(file=io.StringIO(), width=120)
        try:
            examine_cluster(engine_of("ray", cluster.address, per_worker, print), console)
        finally:
            printed.append(console.file.getvalue())

    printed = []
    doctor("CPU=1,big=0.5")
    assert "The cluster has room for 1 worker, each with 1 thread." in printed[0]
    with pytest.raises(ProblemError, match=r"There is too little: .*big 1 of 2 on ") as problem:
        doctor("CPU=1,big=2")
    assert "CPU 0 of 1 and big 0 of 2 on " in str(problem.value)  # the head
