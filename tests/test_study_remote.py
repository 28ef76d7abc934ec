"""Workers that connect over the network: processes of this machine stand for nodes, so that no cluster is needed."""

import errno
import json
import pickle
from multiprocessing.connection import Client
from pathlib import Path
from types import SimpleNamespace

import pytest

import data
from folklore.errors import ProblemError
from folklore.study.engines.choice import engine_of, reserved
from folklore.study.engines.remote import cargo, frames
from folklore.study.engines.remote import shared as shared_files
from folklore.study.engines.remote.engine import RemoteEngine
from folklore.study.engines.remote.facts import facts
from folklore.study.engines.remote.parcels import Packer, Parcel
from folklore.study.resources import Resources

ONE = Resources(1, 1)


class Nodes:
    """A cluster whose workers are written by hand: each test says what they send."""

    def __init__(self, room=4.0):
        self.room, self.asked, self.gone, self.killed, self.stored = room, [], [], [], []

    def connect(self):
        return "127.0.0.1"

    def resources(self):
        return {"CPU": self.room}

    def start(self, config, per_worker):
        self.asked.append(json.loads(config))
        return SimpleNamespace(number=len(self.asked) - 1)

    def ended(self, handles):
        return [handle for handle in handles if handle.number in self.gone]

    def kill(self, handle):
        self.killed.append(handle.number)

    def put(self, content):
        self.stored.append(content)
        return len(self.stored) - 1

    def bring(self, handle, reference, file):
        cargo.keep(self.stored[reference], Path(file))

    def close(self):
        pass

    def dial(self, number=0, *, shared=False, **changes):
        """Connect as a worker, and say what a worker says first."""
        given = self.asked[number]
        connection = Client((given["host"], given["port"]), authkey=bytes.fromhex(given["key"]))
        hello = {"kind": "hello", "worker": given["worker"], "shared": shared}
        frames.send(connection, hello | {"facts": facts() | changes})
        return connection


@pytest.fixture
def nodes():
    return Nodes()


@pytest.fixture
def engine(nodes, tmp_path):
    seconds = iter(range(0, 10**6, 20))  # every look at the clock is twenty seconds later
    made = RemoteEngine(nodes, tmp_path / "logs", silent_seconds=10**6, poll_seconds=0.01, clock=lambda: next(seconds))
    yield made
    made.close()


@pytest.fixture
def worker(engine, nodes):
    """A worker that has connected, and its far end."""
    near = engine.start(0, ONE)
    far = nodes.dial()
    assert engine.wait([near]) == [near]
    assert near.read() == ("ready", None)
    yield near, far
    far.close()


def job(path=None, work="examine_arm", arguments=(1,)):
    return SimpleNamespace(work=work, arguments=arguments, arm=("a",), tag=SimpleNamespace(path=path))


def test_worker_is_ready_once_it_has_connected(engine, nodes):
    near = engine.start(0, ONE)
    assert not near.ready
    far = nodes.dial()
    engine.wait([near])
    assert near.ready
    assert near.name() == facts()["host"]
    far.close()


def test_job_goes_there_and_answer_comes_back(engine, worker):
    near, far = worker
    near.give(job())
    assert b"examine_arm" in far.recv_bytes()
    frames.send(far, {"kind": "done", "answer": [{"mode": "xla"}, 7], "bytes": 5})
    engine.wait([near])
    assert near.read() == ("done", [{"mode": "xla"}, 7])
    assert (near.job, near.bytes) == (None, 5)


def test_files_that_come_back_are_written_by_driver(engine, worker, tmp_path):
    near, far = worker
    near.give(job(tmp_path / "here"))
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "history.csv").write_bytes(b"epoch\n1\n")
    frames.send(far, {"kind": "files"}, Packer(tmp_path / "there").pack())
    frames.send(far, {"kind": "row", "answer": {"epoch": 1}})
    engine.wait([near])
    assert near.read() == ("row", {"epoch": 1})
    assert (tmp_path / "here" / "history.csv").read_bytes() == b"epoch\n1\n"
    assert engine.shipped == 8


def test_worker_that_was_given_up_writes_nothing_any_more(engine, worker, nodes, tmp_path):
    """After a network partition the other side may still train: its files must not reach the log directory."""
    near, far = worker
    near.give(job(tmp_path / "here"))
    nodes.gone.append(0)
    engine.wait([near])
    assert near.read()[0] == "died"
    frames.send(far, {"kind": "files"}, Parcel(("DONE",), {"DONE": (0, b"")}))
    other = engine.start(1, ONE)
    nodes.dial(1)
    engine.wait([other])
    assert not (tmp_path / "here").exists()
    assert nodes.killed == [0]


def test_silent_worker_is_lost(engine, worker):
    near, _ = worker
    engine.silent_seconds = 60
    near.give(job())
    engine.wait([near])
    assert near.read() == ("died", f"on {facts()['host']} gave no sign of life for 60 s")
    assert not near.is_alive()


def test_worker_whose_connection_closes_is_lost(engine, worker):
    near, far = worker
    far.close()
    engine.wait([near])
    assert near.read()[0] == "died"


def test_last_words_of_worker_that_has_ended_arrive(engine, worker, nodes, tmp_path):
    near, far = worker
    engine.clock = lambda: 0.0
    near.give(job(tmp_path / "here"))
    nodes.gone.append(0)
    engine._look_for_lost([near])
    frames.send(far, {"kind": "files"}, Parcel(("run.json",), {"run.json": (0, b"{}")}))
    far.close()
    engine.wait([near])
    assert near.read()[0] == "died"
    assert (tmp_path / "here" / "run.json").exists()


def test_worker_that_ends_before_it_connects_is_lost(engine, nodes):
    near = engine.start(0, ONE)
    nodes.gone.append(0)
    engine.wait([near])
    assert near.read() == ("died", "on a node ended before it was ready")


def test_parcel_that_does_not_continue_what_is_there_loses_worker(engine, worker, tmp_path):
    near, far = worker
    near.give(job(tmp_path / "here"))
    name = "train/events.out.tfevents.1"
    frames.send(far, {"kind": "files"}, Parcel((name,), {name: (10, b"more")}))
    engine.wait([near])
    kind, how = near.read()
    assert kind == "died"
    assert "sent what cannot be written" in how


def test_full_disk_of_driver_ends_study_and_names_file(engine, worker, tmp_path, monkeypatch):
    def full(path, content):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr("folklore.study.engines.remote.parcels.write_bytes", full)
    near, far = worker
    near.give(job(tmp_path / "here"))
    frames.send(far, {"kind": "files"}, Parcel(("history.csv",), {"history.csv": (0, b"epoch")}))
    with pytest.raises(OSError, match=r"No space left on device: .*history\.csv"):
        engine.wait([near])


@pytest.mark.parametrize("shared", [False, True])
def test_run_travels_only_where_log_directory_is_not_shared(engine, nodes, tmp_path, shared):
    path = tmp_path / "logs" / "topic.width" / "arm" / "seed-0"
    path.mkdir(parents=True)
    (path / "history.csv").write_text("epoch\n1\n")
    task = SimpleNamespace(experiment="topic.width", path=path, start=None)
    near = engine.start(0, ONE)
    far = nodes.dial(shared=shared)
    engine.wait([near])
    before = path.stat().st_ino
    near.give(SimpleNamespace(work="train_run", arguments=(task,), arm=("a",), tag=task))
    work, (_, place, others, logdir) = pickle.loads(far.recv_bytes())
    assert (work, place) == ("train_run", "topic.width/arm/seed-0")
    assert (others[place] is None) == shared
    assert logdir == (str(tmp_path / "logs") if shared else None)
    assert (path.stat().st_ino == before) == (not shared)  # who wrote there before is bound to the old directory
    assert (path / "history.csv").read_text() == "epoch\n1\n"
    far.close()


def test_node_finds_mark_in_log_directory_only_while_engine_runs(engine, nodes, tmp_path):
    engine.start(0, ONE)
    file, token = nodes.asked[0]["mark"]
    assert Path(file).is_relative_to(tmp_path / "logs")
    assert shared_files.is_seen(file, token)
    assert not shared_files.is_seen(file, "another")
    engine.close()
    assert not shared_files.is_seen(file, token)


def told(far):
    """What the driver says of data, between its signs of life."""
    while (message := far.recv_bytes()) == frames.ALIVE:
        pass
    return json.loads(message.removeprefix(frames.DATA))


def test_driver_puts_set_where_nodes_fetch_it_once(engine, nodes, tmp_path):
    source = data.arrays([[1.0], [2.0]], [3.0, 4.0], name="made")
    for number in range(2):
        near = engine.start(number, ONE)
        far = nodes.dial(number)
        engine.wait([near])
        near.read()
        near.give(job(arguments=(source, "auto")))
        sent = far.recv_bytes()
        assert b"WithDriver" in sent
        frames.send(far, {"kind": "need", "folder": str(tmp_path)})
        frames.send(far, {"kind": "row", "answer": {}})
        engine.wait([near])
        answer = told(far)
        whole = cargo.unpack(Path(answer["file"]), answer["sha256"])
        assert whole.sha256 == source.read().sha256
        far.close()
    assert len(nodes.stored) == 1


def load_nothing():
    raise data.DataError("It is not here.")


def test_node_is_told_where_driver_has_no_copy_either(engine, worker):
    near, far = worker
    source = data.Source(name="made", task="regression", source="bundled", load=load_nothing)
    near.give(job(arguments=(source, "auto")))
    far.recv_bytes()
    frames.send(far, {"kind": "need", "folder": "/tmp"})
    frames.send(far, {"kind": "row", "answer": {}})
    engine.wait([near])
    assert told(far) is None


def test_message_that_is_no_data_loses_worker(engine, worker):
    near, far = worker
    far.send_bytes(b"\x80\x05garbage")
    engine.wait([near])
    kind, how = near.read()
    assert kind == "died"
    assert "sent what cannot be read" in how


@pytest.mark.parametrize("name", ["python", "tensorflow", "keras", "code"])
def test_node_with_other_code_or_versions_is_refused(engine, nodes, name):
    near = engine.start(0, ONE)
    far = nodes.dial(**{name: "other"})
    with pytest.raises(ProblemError, match=f"The node .* has {name} other instead of"):
        engine.wait([near])
    far.close()


def test_different_processors_are_said_once(engine, nodes):
    said = []
    engine.say = said.append
    for number, processor in enumerate(["A", "B", "B"]):
        near = engine.start(number, ONE)
        nodes.dial(number, processor=processor)
        engine.wait([near])
    assert len(said) == 1
    assert "The nodes have different processors: A, B." in said[0]


def test_stranger_without_key_is_ignored(engine, nodes):
    near = engine.start(0, ONE)
    given = nodes.asked[0]
    with pytest.raises(Exception, match="digest"):
        Client((given["host"], given["port"]), authkey=b"guess")
    far = nodes.dial()
    assert engine.wait([near]) == [near]
    far.close()


def test_workers_are_as_many_as_cluster_has_room_for(nodes, tmp_path):
    engine = RemoteEngine(nodes, tmp_path, {"CPU": 2.0})
    assert engine.settle(None, runs=100) == Resources(2, 2)
    assert engine.settle(None, runs=1) == Resources(1, 2)
    assert engine.settle(9, runs=100) == Resources(9, 2)  # autoscaling may add nodes
    nodes.room = 1.0
    with pytest.raises(ProblemError, match=r"no room for a worker: each needs CPU 2\. Add nodes"):
        engine.settle(None, runs=100)
    engine.close()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("CPU=two", "'two' is not a number"),
        ("GPU", "'' is not a number"),
        ("=2", "'=2' is not a name and a positive number"),
        ("GPU=0", "'GPU=0' is not a name and a positive number"),
        ("CPU=1.5", "CPU is a positive integer"),
    ],
)
def test_bad_reservation_is_refused(text, message):
    with pytest.raises(ProblemError, match=message):
        reserved(text)


def test_options_of_cluster_need_engine_ray():
    with pytest.raises(ProblemError, match="Give --engine ray as well"):
        engine_of("local", "host:1", "CPU=1", Path("logs"), print)
