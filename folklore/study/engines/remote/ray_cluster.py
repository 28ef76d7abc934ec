"""The Ray cluster that a study uses: how it is found, which nodes it has, and what runs on them."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import signal
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from folklore.errors import ProblemError
from folklore.study.engines.remote.ray_actor import Holder
from folklore.study.engines.remote.staging import stage
from folklore.study.engines.remote.worker import Node
from folklore.tf_stderr import quietly

_HOW = (
    "Start one on this machine with `ray start --head`, see docs/cluster.md, or name one "
    "with --address HOST:PORT. Where the cluster has a token, this machine needs it too, in RAY_AUTH_TOKEN."
)


@dataclass(frozen=True)
class RayCluster:
    """A Ray cluster, of which this process becomes a driver.

    Attributes:
        address: HOST:PORT, or "auto" for the cluster that RAY_ADDRESS names or that runs on this machine.
        own: the files of the user's own modules by their names, which workers import.
    """

    address: str = "auto"
    own: Mapping[str, Path] = field(default_factory=dict)

    def connect(self) -> str:
        """Connect this process to it; return the address at which its nodes reach this machine.

        Raises:
            ProblemError: ray is not installed, there is no such cluster, or it has other versions of Ray or Python.
        """
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # the error below says it in one paragraph
        try:
            import ray
        except ImportError:
            raise ProblemError(
                "--engine ray needs the package ray. Install it: pip install -r requirements-cluster.txt"
            ) from None
        with tempfile.TemporaryDirectory(prefix="folklore-code-") as folder:
            stage(Path(folder), self.own)
            try:
                with quietly(), _same_reaction_to_sigterm():  # quietly: Ray has a line for each attempt
                    # Ray keeps a copy of this working directory, and brings it to every node, once for each.
                    code = {"working_dir": folder}
                    ray.init(self.address, runtime_env=code, log_to_driver=False, logging_level=logging.ERROR)
            except ConnectionError as error:
                none = "There is no Ray cluster that this machine knows of."
                where = (
                    none
                    if self.address == "auto"
                    else f"No Ray cluster lets this machine in at {self.address}: {error}."
                )
                raise ProblemError(f"{where} {_HOW}") from None
            except RuntimeError as error:
                raise ProblemError(_other_versions(error)) from error
        # Ray prints the last log lines of a lost node among the lines of this command, which says itself what is lost.
        ray._private.worker.print_to_stdstream = _print_nothing
        return str(ray.util.get_node_ip_address())

    def nodes(self) -> Sequence[Node]:
        """The nodes that are alive: host and address, with the beginning of Ray's ID where several share them."""
        import ray

        alive = [node for node in ray.nodes() if node["Alive"]]
        names = [f"{node['NodeManagerHostname']}/{node['NodeManagerAddress']}" for node in alive]
        shared = Counter(names)
        nodes = [
            Node(node["NodeID"], f"{name} {node['NodeID'][:8]}" if shared[name] > 1 else name, node["Resources"])
            for node, name in zip(alive, names, strict=True)
        ]
        return sorted(nodes, key=lambda node: node.name)

    def start(self, config: bytes, per_worker: Mapping[str, float], node: str | None = None) -> _Held:
        """Ask for an actor that holds a worker."""
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        options = _options(per_worker)
        if node is not None:
            options["scheduling_strategy"] = NodeAffinitySchedulingStrategy(node, soft=False)
        actor: Any = ray.remote(Holder).options(**options, max_restarts=0, max_concurrency=2).remote()
        return _Held(actor, actor.hold.remote(config))

    def ended(self, handles: Sequence[_Held]) -> Sequence[_Held]:
        """Those whose actor has ended. What it returned or raised is not fetched, for that would be unpickled here."""
        import ray

        if not handles:
            return []
        by_answer = {handle.answer: handle for handle in handles}
        ended, _ = ray.wait(list(by_answer), num_returns=len(by_answer), timeout=0, fetch_local=False)
        return [by_answer[answer] for answer in ended]

    def kill(self, handle: _Held) -> None:
        """End an actor and its worker."""
        import ray

        with contextlib.suppress(Exception):  # the actor or all of Ray may be gone
            ray.kill(handle.actor)

    def put(self, content: bytes) -> Any:
        """Put bytes into Ray's store of objects; every node that needs them copies them once."""
        import ray

        return ray.put(content)

    def bring(self, handle: _Held, reference: Any, file: str) -> None:
        """Let a worker's node fetch such bytes into a file."""
        handle.actor.bring.remote(reference, file)

    def close(self) -> None:
        """Leave the cluster."""
        import ray

        ray.shutdown()


@dataclass(frozen=True)
class _Held:
    actor: Any
    answer: Any  # available once the actor's worker has ended


@contextlib.contextmanager
def _same_reaction_to_sigterm() -> Iterator[None]:
    """Ray would end this process at once, before the runs under way are saved."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():  # elsewhere Ray changes nothing
            signal.signal(signal.SIGTERM, before)


def _print_nothing(data: Any, ignore_prefix: bool = False) -> None:
    """In place of what Ray prints."""


def _options(per_worker: Mapping[str, float]) -> dict[str, Any]:
    """Ray's names for what it reserves: CPUs, GPUs and memory have options of their own, other resources share one."""
    names = {"CPU": "num_cpus", "GPU": "num_gpus", "memory": "memory"}
    options: dict[str, Any] = {names[name]: amount for name, amount in per_worker.items() if name in names}
    return options | {"resources": {name: amount for name, amount in per_worker.items() if name not in names}}


def _other_versions(error: RuntimeError) -> str:
    """What Ray says when this process and the cluster have different versions, in one paragraph."""
    found = re.findall(r"Ray: (\S+)\s+Python: (\S+)", str(error))
    if len(found) != 2:
        return f"Ray cannot connect to its cluster: {error}"
    (ray, python), (our_ray, our_python) = found
    return (
        f"The cluster has Ray {ray} and Python {python}, this process has Ray {our_ray} and Python {our_python}. Both "
        "must be the same on all machines, to the last number. Start the cluster from an environment that has the same "
        "Python and what requirements-cluster.txt names, or give this command from such an environment."
    )
