"""The engine that a request asks for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path

from folklore.declare.experiment import Experiment
from folklore.errors import ProblemError
from folklore.study.engines.local import Local
from folklore.study.engines.near_end import Engine
from folklore.study.own_modules import functions_in_workers, own_modules

_ADVICE = "Give what Ray reserves for each worker, such as --per-worker CPU=2,GPU=0.5."


def engine_of(
    name: str,
    address: str,
    per_worker: str,
    say: Callable[[str], None],
    experiments: Iterable[Experiment] = (),
    logdir: Path | None = None,
) -> Engine:
    """The engine, not yet connected to anything.

    Args:
        name: "local" or "ray".
        address: of the Ray cluster, HOST:PORT or "auto".
        per_worker: what Ray reserves for a worker, see `reserved`.
        say: shows a line to the user.
        experiments: that are trained; the user's own modules that they need travel to nodes.
        logdir: of the runs, which nodes may share.

    Raises:
        ProblemError: options of Ray are given for workers on this machine, or cannot be understood.
    """
    found = reserved(per_worker)
    if name == "ray":
        from folklore.study.engines.remote.engine import RemoteEngine
        from folklore.study.engines.remote.ray_cluster import RayCluster

        functions = chain(*map(functions_in_workers, experiments))
        return RemoteEngine(RayCluster(address, own_modules(functions)), found, say, logdir)
    if address != "auto" or found != {"CPU": 1}:
        raise ProblemError(
            "--address and --per-worker are for a cluster. Give --engine ray as well, or leave them out."
        )
    return Local()


def reserved(text: str) -> dict[str, float]:
    """What is reserved for a worker: "CPU=2,GPU=0.5,big=1" as numbers by name; a CPU is a thread.

    Raises:
        ProblemError: it is not such a list, or Ray shares out no such amount.

    Example:
        >>> reserved("CPU=2,GPU=0.5")
        {'CPU': 2.0, 'GPU': 0.5}
    """
    found = {"CPU": 1.0}
    for part in filter(None, text.split(",")):
        name, _, amount = part.partition("=")
        try:
            found[name.strip()] = float(amount)
        except ValueError:
            raise ProblemError(f"--per-worker {text!r}: {amount!r} is not a number. {_ADVICE}") from None
        if not name.strip() or not 0 < found[name.strip()] < math.inf:
            raise ProblemError(f"--per-worker {text!r}: {part!r} is not a name and a positive number. {_ADVICE}")
    if found["CPU"] % 1:
        raise ProblemError(
            f"--per-worker {text!r}: a worker has whole threads, so CPU is a positive integer. {_ADVICE}"
        )
    if above := [name for name, amount in found.items() if amount > 1 and amount % 1]:
        raise ProblemError(
            f"--per-worker {text!r}: Ray gives a share of one, or several whole ones, so {above[0]} is at most 1 or an "
            f"integer. {_ADVICE}"
        )
    return found
