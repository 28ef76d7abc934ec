"""The Ray cluster that a study uses: how it is found, and how the code comes to its nodes."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from folklore.errors import ProblemError
from folklore.own_code import ROOT
from folklore.study.engines.remote.ray_actor import Holder

_HOW = (
    "Start one on this machine with `ray start --head --node-ip-address=127.0.0.1`, see docs/cluster.md, or name one "
    "with --address HOST:PORT."
)
_PACKAGES = ("callbacks", "data", "experiments", "folklore", "models")


@dataclass(frozen=True)
class RayCluster:
    """A Ray cluster, of which this process becomes a driver.

    Attributes:
        address: HOST:PORT, or "auto" for the cluster that RAY_ADDRESS names or that runs on this machine.
    """

    address: str = "auto"

    def connect(self) -> str:
        """Connect this process to it; return the address at which its nodes reach this machine.

        Raises:
            ProblemError: ray is not installed, or there is no such cluster.
        """
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # the error below says it in one paragraph
        try:
            import ray
        except ImportError:
            raise ProblemError(
                "--engine ray needs the package ray. Install it: pip install -r requirements-cluster.txt"
            ) from None
        # With this working directory, Ray brings the code of this suite to every node, once for each.
        code = {"working_dir": str(_staged())}
        try:
            ray.init(self.address, runtime_env=code, log_to_driver=False, logging_level=logging.ERROR)
        except ConnectionError as error:
            none = "There is no Ray cluster that this machine knows of."
            where = none if self.address == "auto" else f"No Ray cluster answers at {self.address}: {error}."
            raise ProblemError(f"{where} {_HOW}") from None
        return str(ray.util.get_node_ip_address())

    def resources(self) -> Mapping[str, float]:
        """What all nodes have together."""
        import ray

        return dict(ray.cluster_resources())

    def start(self, config: bytes, per_worker: Mapping[str, float]) -> _Held:
        """Ask for an actor that holds a worker."""
        import ray

        own = {name: amount for name, amount in per_worker.items() if name not in ("CPU", "GPU")}
        options = {"num_cpus": per_worker["CPU"], "num_gpus": per_worker.get("GPU", 0), "resources": own}
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


def _staged() -> Path:
    """A copy of the packages' files, without all else that lies beside them in a checkout."""
    folder = Path(tempfile.mkdtemp(prefix="folklore-code-"))
    for package in _PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    return folder
