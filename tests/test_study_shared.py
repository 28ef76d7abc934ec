"""Training in place, where the log directory is shared: no two writers; and a node whose disk is full."""

import contextlib
import errno
import pickle
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

import data
from folklore import Recipe
from folklore.storage import run_directory
from folklore.study.engines.remote import far_end, frames, shared
from folklore.study.engines.remote.parcels import Parcel
from folklore.study.worker import UnfitError
from folklore.task import Task
from models import mlp
from tests.hand_written_nodes import ONE, Nodes, connected, job, new_engine

RECIPE = Recipe(model=mlp, params=dict(widths=(4,)), data=data.diabetes, epochs=2, mode="graph")


@pytest.fixture
def nodes():
    return Nodes()


@pytest.fixture
def engine(nodes, tmp_path):
    with contextlib.closing(new_engine(nodes, tmp_path / "logs")) as made:
        yield made


@pytest.fixture
def run(tmp_path):
    return tmp_path / "logs" / "topic.width" / "arm" / "seed-0"


def train(run, *, logdir, sent=None, others=None):
    """Train a run as a worker on a node does; return its record."""
    ends = SimpleNamespace(send=lambda message, parcel=None: sent.append(parcel) if parcel else None)
    task = Task("topic.width", "arm", 0, RECIPE, run, {})
    say = lambda kind, row: None  # noqa: E731
    return far_end.train_away(ends, say, lambda: False, task, "topic.width/arm/seed-0", others or {}, logdir)


@pytest.mark.compile
def test_run_in_shared_log_directory_is_trained_in_place(run, tmp_path):
    sent = []
    record = train(run, logdir=str(tmp_path / "logs"), sent=sent)
    assert record["status"] == "done"
    assert run_directory.read_run(run).done
    assert sent == []
    assert not run.is_symlink()


@pytest.mark.compile
def test_run_trained_in_place_equals_one_that_travels(run, tmp_path):
    train(run, logdir=str(tmp_path / "logs"), sent=[])
    sent = []
    train(tmp_path / "elsewhere" / "topic.width" / "arm" / "seed-0", logdir=None, sent=sent)
    files = {name: content for parcel in sent for name, (_, content) in parcel.files.items()}
    assert (run / "best.weights.h5").read_bytes() == files["best.weights.h5"]
    assert set(files) >= {"run.json", "DONE", "history.csv"}


def test_worker_that_was_given_up_does_not_write_where_next_one_trains(run, tmp_path):
    run.mkdir(parents=True)
    (run / "run.json").write_text("first")
    first = tmp_path / "first" / "seed-0"
    shared.bind(run, first)
    (first / "history.csv").write_text("of the first")
    shared.renew(run)  # as before the run is given to another worker
    second = tmp_path / "second" / "seed-0"
    shared.bind(run, second)
    (second / "run.json").write_text("second")
    with pytest.raises(FileNotFoundError):
        (first / "DONE").write_text("done")
    assert {file.name: file.read_text() for file in run.iterdir()} == {
        "run.json": "second",
        "history.csv": "of the first",
    }
    assert [path.name for path in run.parent.iterdir()] == ["seed-0"]


def test_open_file_of_worker_that_was_given_up_is_not_that_of_next_one(run, tmp_path):
    run.mkdir(parents=True)
    with (run / "events.out.tfevents.1").open("w") as events:
        events.write("before")
        events.flush()
        shared.renew(run)
        events.write(" and after")
    assert (run / "events.out.tfevents.1").read_text() == "before"


def test_directory_that_cannot_be_copied_stays_as_it_was(run, monkeypatch):
    run.mkdir(parents=True)
    (run / "run.json").write_text("{}")

    def full(*given, **named):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copytree", full)
    with pytest.raises(OSError, match="No space left"):
        shared.renew(run)
    assert (run / "run.json").read_text() == "{}"
    assert [path.name for path in run.parent.iterdir()] == ["seed-0"]


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_of_node_is_named_and_run_tried_elsewhere(run, monkeypatch, error):
    def full(*given, **named):
        return {"status": "failed", "error": f"OSError: [Errno {error}] No room: '/tmp/x/run.json'"}

    monkeypatch.setattr(far_end, "train_run", full)
    with pytest.raises(UnfitError, match=r"has a full disk: .*No room"):
        train(run, logdir=None, sent=[])


def test_node_without_room_for_folder_is_named(run, monkeypatch):
    def full(prefix):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(far_end.tempfile, "mkdtemp", full)
    with pytest.raises(UnfitError, match=r"has a full disk: .*No space left on device"):
        train(run, logdir=None, sent=[])


@pytest.mark.compile
def test_record_says_where_run_was_trained(run, tmp_path):
    from folklore import machine

    record = train(run, logdir=str(tmp_path / "logs"), sent=[])
    assert record["host"] == machine.host()
    assert record["processor"] == machine.processor()
    assert Path(run / "run.json").exists()


def test_parcel_that_does_not_continue_what_is_there_loses_worker(engine, nodes, tmp_path):
    near, far = connected(engine, nodes)
    near.give(job(tmp_path / "here"))
    name = "train/events.out.tfevents.1"
    frames.send(far, {"kind": "files"}, Parcel((name,), {name: (10, b"more")}))
    engine.wait([near])
    kind, how = near.read()
    assert kind == "died"
    assert "sent what cannot be written" in how


def test_full_disk_of_driver_ends_study_and_names_file(engine, nodes, tmp_path, monkeypatch):
    def full(path, content):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr("folklore.study.engines.remote.parcels.write_bytes", full)
    near, far = connected(engine, nodes)
    near.give(job(tmp_path / "here"))
    frames.send(far, {"kind": "files"}, Parcel(("history.csv",), {"history.csv": (0, b"epoch")}))
    with pytest.raises(OSError, match=r"No space left on device: .*history\.csv"):
        engine.wait([near])


@pytest.mark.parametrize("is_shared", [False, True])
def test_run_travels_only_where_log_directory_is_not_shared(engine, nodes, run, tmp_path, is_shared):
    run.mkdir(parents=True)
    (run / "history.csv").write_text("epoch\n1\n")
    task = SimpleNamespace(experiment="topic.width", path=run, start=None)
    near, far = connected(engine, nodes, shared=is_shared)
    before = run.stat().st_ino
    near.give(SimpleNamespace(work="train_run", arguments=(task,), arm=("a",), tag=task))
    work, (_, place, others, logdir) = pickle.loads(far.recv_bytes())
    assert (work, place) == ("train_run", "topic.width/arm/seed-0")
    assert (others[place] is None) == is_shared
    assert logdir == (str(tmp_path / "logs") if is_shared else None)
    assert (run.stat().st_ino == before) == (not is_shared)  # who wrote there before is bound to the old directory
    assert (run / "history.csv").read_text() == "epoch\n1\n"
    far.close()


def test_node_finds_mark_in_log_directory_only_while_engine_runs(engine, nodes, tmp_path):
    engine.start(0, ONE)
    file, token = nodes.asked[0]["mark"]
    assert Path(file).is_relative_to(tmp_path / "logs")
    assert shared.is_seen(file, token)
    assert not shared.is_seen(file, "another")
    engine.close()
    assert not shared.is_seen(file, token)
