"""A cluster whose workers are written by hand, so that a test says what they send: the other side of `RemoteEngine`."""

import json
from multiprocessing.connection import Client
from pathlib import Path
from types import SimpleNamespace

from folklore.study.engines.remote import cargo, frames
from folklore.study.engines.remote.engine import RemoteEngine
from folklore.study.engines.remote.facts import facts
from folklore.study.engines.remote.worker import Node
from folklore.study.resources import Resources

ONE = Resources(1, 1)


class Nodes:
    """A cluster whose workers are written by hand: each test says what they send."""

    def __init__(self, room=4.0):
        self.room, self.asked, self.gone, self.killed, self.stored = room, [], [], [], []

    def connect(self):
        return "127.0.0.1"

    def nodes(self):
        return [Node("1", "here", {"CPU": self.room, "memory": 2**30})]

    def start(self, config, per_worker, node=None):
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


def new_engine(nodes, logdir):
    """An engine that never waits long, and whose clock is twenty seconds later at every look."""
    seconds = iter(range(0, 10**6, 20))
    late = 10**6
    return RemoteEngine(
        nodes, logdir=logdir, silent_seconds=late, turn_seconds=late, poll_seconds=0.01, clock=lambda: next(seconds)
    )


def connected(engine, nodes, number=0, **hello):
    """A worker that has connected, and its far end."""
    near = engine.start(number, ONE)
    far = nodes.dial(number, **hello)
    assert engine.wait([near]) == [near]
    assert near.read() == ("ready", None)
    return near, far


def job(path=None, work="examine_arm", arguments=(1,)):
    return SimpleNamespace(work=work, arguments=arguments, arm=("a",), tag=SimpleNamespace(path=path))
