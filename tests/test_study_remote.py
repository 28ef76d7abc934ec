"""Workers that connect over the network: processes of this machine stand for nodes, so that no cluster is needed."""

import contextlib
from multiprocessing.connection import Client

import pytest

from folklore.errors import ProblemError
from folklore.study.engines.choice import engine_of, reserved
from folklore.study.engines.remote import frames
from folklore.study.engines.remote.engine import RemoteEngine
from folklore.study.engines.remote.facts import facts
from folklore.study.engines.remote.parcels import Packer, Parcel
from folklore.study.engines.remote.worker import Node
from folklore.study.resources import Resources
from tests.hand_written_nodes import ONE, Nodes, connected, job, new_engine


@pytest.fixture
def nodes():
    return Nodes()


@pytest.fixture
def engine(nodes, tmp_path):
    with contextlib.closing(new_engine(nodes, tmp_path / "logs")) as made:
        yield made


@pytest.fixture
def worker(engine, nodes):
    """A worker that has connected, and its far end."""
    near, far = connected(engine, nodes)
    with far:
        yield near, far


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
    said = []
    engine.say = said.append
    near.give(job())
    far.close()
    engine.wait([near])
    assert near.read()[0] == "died"
    assert said == [f"A worker on {facts()['host']} closed its connection. Its work goes on elsewhere."]


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


def test_workers_are_as_many_as_cluster_has_room_for(nodes):
    def settle(jobs, runs):
        with contextlib.closing(RemoteEngine(nodes, {"CPU": 2.0})) as engine:
            return engine.settle(jobs, runs)

    assert settle(None, runs=100) == Resources(2, 2)
    assert settle(None, runs=1) == Resources(1, 2)
    assert settle(None, runs=0) == Resources(1, 2)  # for a check
    assert settle(9, runs=100) == Resources(9, 2)  # autoscaling may add nodes
    assert settle(9, runs=3) == Resources(3, 2)
    nodes.room = 1.0
    with pytest.raises(ProblemError, match=r"each needs CPU 2\. There is too little: CPU 1 of 2 on here\. Add nodes"):
        settle(None, runs=100)


def test_room_is_that_of_single_nodes():
    node = Node("1", "here", {"CPU": 3.0, "GPU": 1.0})
    assert node.room({"CPU": 2.0}) == 1
    assert node.room({"CPU": 0.3, "GPU": 0.1}) == 10  # 1 // 0.1 is 9
    assert node.room({"CPU": 1.0, "big": 1.0}) == 0
    assert node.lacks({"CPU": 4.0, "GPU": 1.0, "big": 1.0}) == "CPU 3 of 4 and big 0 of 1"


def test_workers_that_are_wanted_follow_room_and_runs(nodes):
    with contextlib.closing(RemoteEngine(nodes)) as engine:
        settled = engine.settle(None, runs=100)
        assert engine.wanted(settled, left=100) == 4
        nodes.room = 6.0  # nodes have joined
        assert engine.wanted(settled, left=100) == 6
        nodes.room = 2.0  # some are lost: their workers are still asked for, so that autoscaling brings them back
        assert engine.wanted(settled, left=100) == 6
        assert engine.wanted(settled, left=3) == 3
        assert engine.settle(None, runs=100) == settled  # so that no worker must start again


def test_no_more_workers_than_asked_for_are_wanted(nodes):
    with contextlib.closing(RemoteEngine(nodes)) as engine:
        settled = engine.settle(2, runs=100)
        assert engine.wanted(settled, left=100) == 2
        assert engine.wanted(settled, left=1) == 1


def test_wait_ends_with_turn_so_that_pool_can_look_at_number_of_workers(engine, nodes):
    engine.turn_seconds = 60
    assert engine.wait([engine.start(0, ONE)]) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("CPU=two", "'two' is not a number"),
        ("GPU", "'' is not a number"),
        ("=2", "'=2' is not a name and a positive number"),
        ("GPU=0", "'GPU=0' is not a name and a positive number"),
        ("CPU=1.5", "CPU is a positive integer"),
        ("GPU=1.5", "GPU is at most 1 or an integer"),
        ("big=inf", "'big=inf' is not a name and a positive number"),
    ],
)
def test_bad_reservation_is_refused(text, message):
    with pytest.raises(ProblemError, match=message):
        reserved(text)


def test_options_of_cluster_need_engine_ray():
    with pytest.raises(ProblemError, match="Give --engine ray as well"):
        engine_of("local", "host:1", "CPU=1", print)


def test_rows_of_workers_wait_for_each_other_and_newest_counts(nodes, tmp_path):
    engine = new_engine(nodes, tmp_path / "logs")
    near, far = connected(engine, nodes)
    near.give(job())
    seconds = iter([0.0] * 40 + [1.0] * 40)  # the first rows come at once
    engine.clock = lambda: next(seconds)
    for epoch in range(1, 4):
        frames.send(far, {"kind": "row", "answer": {"epoch": epoch}})
    assert engine.wait([near]) == [near]
    assert near.read() == ("row", {"epoch": 3})
    assert not near.inbox
    far.close()
    engine.close()


def test_end_of_run_does_not_wait_for_rows(nodes, tmp_path):
    engine = new_engine(nodes, tmp_path / "logs")
    near, far = connected(engine, nodes)
    near.give(job())
    engine.clock = lambda: 0.0
    frames.send(far, {"kind": "row", "answer": {"epoch": 1}})
    frames.send(far, {"kind": "done", "answer": {}})
    assert engine.wait([near]) == [near]
    assert [near.read()[0], near.read()[0]] == ["row", "done"]
    far.close()
    engine.close()
