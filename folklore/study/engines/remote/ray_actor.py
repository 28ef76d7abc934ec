"""What Ray runs on a node: an actor that holds one worker process, and ends when that does."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

from folklore.own_code import ROOT
from folklore.study.engines.remote.staging import OWN


class Holder:
    """Holds a worker process (`far_end`), which connects to the driver itself."""

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
        return process.wait()
