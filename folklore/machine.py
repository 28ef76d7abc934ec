"""This machine: its name and its processor."""

from __future__ import annotations

import platform
import socket
from functools import cache
from pathlib import Path


def host() -> str:
    """The machine's name in its network."""
    return socket.gethostname()


@cache
def processor() -> str:
    """The processor's model, such as "AMD EPYC 7B13"; where the system does not say it, the kind of processor."""
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
            return next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
