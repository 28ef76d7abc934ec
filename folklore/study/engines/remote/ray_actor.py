"""What Ray runs on a node: an actor that holds one worker process, and ends when that does."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from folklore.own_code import ROOT
from folklore.study.engines.remote.cargo import keep
from folklore.study.engines.remote.staging import OWN


class Holder:
    """Holds a worker process (`far_end`), which connects to the driver itself."""

    def __init__(self) -> None:
        self.kept: list[Path] = []

    def hold(self, config: bytes) -> int:
        """Start the process, and wait until it ends; return its exit status.

        Args:
            config: a line of JSON for it, with the driver's address.
        """
        # A process of its own: this one has Ray's threads and its own main module, which TensorFlow need not share.
        paths = [str(ROOT), str(ROOT / OWN), *filter(None, sys.path)]
        environment: dict[str, Any] = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
        process = subprocess.Popen(
            [sys.executable, "-m", "folklore.study.engines.remote.far_end"], stdin=subprocess.PIPE, env=environment
        )
        assert process.stdin is not None
        process.stdin.write(config + b"\n")
        process.stdin.flush()  # it stays open: the process ends when it is closed, as when this one is killed
        try:
            return process.wait()
        finally:
            for file in self.kept:
                with contextlib.suppress(OSError):
                    file.unlink()

    def bring(self, content: bytes, file: str) -> None:
        """Keep data for the worker in a file of this node; others that it holds may use it, too."""
        self.kept.append(Path(file))
        keep(content, Path(file))
