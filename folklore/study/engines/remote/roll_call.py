"""What the nodes of a cluster are, before a study uses them: each says hello, as its workers would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from folklore.errors import ProblemError
from folklore.study.engines.remote.engine import RemoteEngine
from folklore.study.engines.remote.facts import PACKAGES, differences, facts
from folklore.study.engines.remote.worker import Node
from folklore.study.resources import Resources
from folklore.wording import count, grouped, listed

SECONDS = 60.0  # for the code to travel to a node, and for a process to start there
_INSTALLED = ("python", *PACKAGES, "code")


@dataclass(frozen=True)
class Present:
    """A node and its answer.

    Attributes:
        node: as the cluster knows it.
        facts: what it says of itself, see `facts.facts`; {} if it did not answer.
        silence: why it did not; "" if it did.
        workers: for which it has room.
    """

    node: Node
    facts: Mapping[str, Any]
    silence: str
    workers: int

    def as_row(self) -> dict[str, str]:
        """What the node has, as a row of a table for the terminal."""
        has = self.node.resources
        return {
            "node": self.node.name,
            "CPUs": f"{has.get('CPU', 0):g}",
            "GPUs": f"{has.get('GPU', 0):g}",
            "memory": f"{has.get('memory', 0) / 2**30:.1f} GiB",
            "workers": str(self.workers),
            "processor": str(self.facts.get("processor") or "–"),
        }


class RollCall(RemoteEngine):
    """Asks every node of a cluster what it is. No node is refused before all have answered."""

    def present(self, seconds: float = SECONDS) -> list[Present]:
        """Every node that is alive, with what it said in so many seconds.

        Raises:
            ProblemError: there is no cluster.
        """
        self._connect()
        nodes = self.cluster.nodes()
        asked = [
            self._ask(number, Resources(1, 1), {"CPU": 0.0}, node.id, only_hello=True)
            for number, node in enumerate(nodes)
        ]
        began = self.clock()
        while (waiting := [worker for worker in asked if not worker.inbox]) and self.clock() - began < seconds:
            self.wait(waiting)
        found = []
        for node, worker in zip(nodes, asked, strict=True):
            silence = "" if worker.facts else _why(bool(worker.inbox), seconds)
            found.append(Present(node, worker.facts, silence, node.room(self.per_worker)))
            worker.end()
        return found

    def room(self, present: Sequence[Present]) -> str:
        """For how many workers there is room, in a sentence.

        Raises:
            ProblemError: for none; names what each node lacks.
        """
        workers, threads = sum(one.workers for one in present), int(self.per_worker["CPU"])
        if not workers:
            raise ProblemError(self._no_room())
        return f"The cluster has room for {count(workers, 'worker')}, each with {count(threads, 'thread')}."

    def _check(self, there: Mapping[str, Any]) -> None:
        """All are compared by `refusal`."""


def installed(present: Sequence[Present]) -> list[dict[str, str]]:
    """The versions and the code of the nodes, for a table: a row for all nodes that have the same."""
    found: dict[tuple[str, ...], list[str]] = {}
    for one in present:
        found.setdefault(tuple(str(one.facts.get(name) or "–") for name in _INSTALLED), []).append(one.node.name)
    return [dict(zip(_INSTALLED, has, strict=True)) | {"nodes": listed(names)} for has, names in found.items()]


def refusal(present: Sequence[Present]) -> str:
    """Why `run` would not use some of these nodes, in one paragraph; "" if it would use all."""
    here = facts()
    wrong = grouped((", ".join(differences(here, one.facts)), one.node.name) for one in present if one.facts)
    silent = grouped((one.silence, one.node.name) for one in present if one.silence)
    said = [f"{names}: {differing}." for differing, names in wrong.items() if differing]
    if said:
        said = ["Nodes must have what this machine has.", *said, "Install the same there, from the requirements files."]
    return " ".join(said + [f"No answer from {names}: {why}" for why, names in silent.items()])


def _why(ended: bool, seconds: float) -> str:
    if ended:
        return "its process ended before it could say what it is. Is all of requirements-cluster.txt installed there?"
    return f"within {seconds:g} s no process started there that reached this machine."
