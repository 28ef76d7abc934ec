"""What the nodes of a cluster say before a study uses them; processes of this machine stand for nodes."""

import contextlib

import pytest

from folklore.errors import ProblemError
from folklore.study.engines.remote.facts import facts
from folklore.study.engines.remote.roll_call import Present, RollCall, installed, refusal
from folklore.study.engines.remote.worker import Node
from tests.test_study_remote import Nodes


class Answering(Nodes):
    """A cluster of several nodes, on which a process answers, ends, or does neither."""

    def __init__(self, answers):
        super().__init__()
        self.answers, self.far = answers, []

    def nodes(self):
        return [Node(name, name, {"CPU": 2.0, "GPU": 1.0, "memory": 2.0**30}) for name in self.answers]

    def start(self, config, per_worker, node=None):
        handle = super().start(config, per_worker)
        assert (per_worker, self.asked[-1]["only_hello"]) == ({"CPU": 0.0}, True)
        if self.answers[node] == "ends":
            self.gone.append(handle.number)
        elif self.answers[node] != "silent":
            self.far.append(self.dial(handle.number, **self.answers[node]))
        return handle


@pytest.fixture
def roll_call():
    """A function that calls nodes with these answers; returns what each is, and the cluster."""

    def call(**answers):
        nodes = Answering(answers)
        seconds = iter(range(10**6))
        call = RollCall(nodes, poll_seconds=0.01, turn_seconds=5, clock=lambda: next(seconds))
        with contextlib.closing(call):
            return call.present(seconds=200), nodes

    return call


def test_every_node_says_what_it_is(roll_call):
    present, nodes = roll_call(a={}, b={"processor": "other"})
    assert [one.node.name for one in present] == ["a", "b"]
    assert present[1].as_row() == {
        "node": "b", "CPUs": "2", "GPUs": "1", "memory": "1.0 GiB", "workers": "2", "processor": "other",
    }  # fmt: skip
    assert [row["nodes"] for row in installed(present)] == ["a and b"]
    assert refusal(present) == ""
    assert nodes.killed == [0, 1]


def test_all_nodes_that_differ_are_named(roll_call):
    present, _ = roll_call(a={}, b={"keras": "2.0"}, c={"keras": "2.0"}, d={"code": "0", "python": "3.9"})
    here = facts()
    assert refusal(present) == (
        "Nodes must have what this machine has. "
        f"b and c: keras 2.0 instead of {here['keras']}. "
        f"d: python 3.9 instead of {here['python']}, code 0 instead of {here['code']}. "
        "Install the same there, from the requirements files."
    )
    assert [row["nodes"] for row in installed(present)] == ["a", "b and c", "d"]


def test_nodes_that_do_not_answer_are_named(roll_call):
    present, _ = roll_call(a={}, b="ends", c="silent")
    assert refusal(present) == (
        "No answer from b: its process ended before it could say what it is. Is all of requirements-cluster.txt "
        "installed there? No answer from c: within 200 s no process started there that reached this machine."
    )


def test_room_is_said_in_sentence():
    nodes = Nodes()
    present = [Present(node, {}, "", 3) for node in nodes.nodes()]
    assert RollCall(nodes).room(present) == "The cluster has room for 3 workers, each with 1 thread."
    with pytest.raises(ProblemError, match="no room for a worker: each needs CPU 9"):
        RollCall(nodes, {"CPU": 9.0}).room([])
