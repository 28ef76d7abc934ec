"""A Ray cluster of several nodes on this machine's loopback: each node is a group of processes, which can be killed."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0123456789abcdef" * 4, "RAY_USAGE_STATS_ENABLED": "0"}
RAY = str(Path(sys.executable).with_name("ray"))


class Cluster:
    """A head without CPUs, and nodes with one CPU and one of a resource of our own, `big`."""

    def __init__(self, folder: str | Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self.folder, self.started = folder, 0
        self.nodes: list[subprocess.Popen[bytes]] = []
        port = self.address.partition(":")[2]
        self.head = self._start("--head", f"--port={port}", "--num-cpus=0", "--include-dashboard=false",
                                f"--temp-dir={folder}")  # fmt: skip

    def add_node(self) -> subprocess.Popen[bytes]:
        """Add a node, and wait until it has joined: two that join at once may disturb each other."""
        node = self._start(f"--address={self.address}", "--num-cpus=1", '--resources={"big": 1}')
        self.nodes.append(node)
        self.wait_for(sum(other.poll() is None for other in self.nodes))
        return node

    def wait_for(self, cpus: int, seconds: float = 60) -> None:
        """Wait until the nodes have joined."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            asked = [RAY, "status", "--address", self.address]
            status = subprocess.run(asked, capture_output=True, text=True, env=os.environ | TOKEN, check=False)
            if f"/{cpus:.1f} CPU" in status.stdout:
                return
        raise AssertionError(f"The cluster has not come up: {status.stdout}{status.stderr}")

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [RAY, "start", "--block", "--node-ip-address=127.0.0.1", "--object-store-memory=80000000",
                   "--disable-usage-stats", *arguments]  # fmt: skip
        self.started += 1
        with Path(self.folder, f"node-{self.started}.log").open("w") as log:
            return subprocess.Popen(command, env=os.environ | TOKEN, stdout=log, stderr=log, start_new_session=True)

    def end(self) -> None:
        for node in (*self.nodes, self.head):
            kill(node)


def kill(node: subprocess.Popen[bytes]) -> None:
    """All processes of a node at once, as when its machine goes."""
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(node.pid)
        for process in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
    node.wait()
