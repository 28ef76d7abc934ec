"""One import of TensorFlow and Keras for all workers, which are forks of a process that does nothing else.

TensorFlow starts its threads when it first computes, not when it is imported: so a fork of a process that has only
imported it is sound. Importing takes seconds of a core. It begins before the first job is known.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from multiprocessing import forkserver
from typing import Any

from folklore.study.resources import Resources, exported

# How the variables begin that TensorFlow, Keras and their libraries read when they are imported.
_READ_BY_IMPORTS = ("TF_", "XLA_", "KERAS_", "OMP_", "CUDA_", "NVIDIA_", "LD_", "PYTHON")

_imported_with: dict[str, str] | None = None  # such variables; None before the imports began


def preload(resources: Resources) -> None:
    """Begin to import what workers with these resources need; once in the life of this process, and not for GPUs."""
    global _imported_with
    if _imported_with is None and not resources.gpus and sys.platform == "linux":  # no macOS library survives a fork
        with exported(resources.environment(0)):
            _imported_with = _read_by_imports()
            multiprocessing.set_forkserver_preload(["folklore.study.engines.preloaded"])
            with exported({"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}):  # Python 3.11 does not hand it on
                forkserver.ensure_running()


def start_context() -> Any:
    """How a worker starts in the environment of now: as a fork of the process that has imported all, or, where imports
    would read other variables, as a process that imports for itself.
    """
    return multiprocessing.get_context("forkserver" if _imported_with == _read_by_imports() else "spawn")


def _read_by_imports() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(_READ_BY_IMPORTS)}
