"""TensorBoard on stored runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def command(paths: Sequence[Path], port: int) -> list[str]:
    """The command that starts TensorBoard on experiments' directories, reachable from this machine alone."""
    if len(paths) == 1:
        logdir = ["--logdir", str(paths[0])]
    else:
        logdir = ["--logdir_spec", ",".join(f"{path.name}:{path}" for path in paths)]
    return [sys.executable, "-m", "tensorboard.main", *logdir, "--host", "127.0.0.1", "--port", str(port)]


def serve(paths: Sequence[Path], port: int) -> int:
    """Run TensorBoard until it is interrupted; return its exit status."""
    process = subprocess.Popen(command(paths, port), env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"})
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        return 0
