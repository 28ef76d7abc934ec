"""The resources of a study: workers, their threads and their devices."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

WORKER_BYTES = 900 * 2**20  # of a worker with TensorFlow and Fashion-MNIST, before it has a model
SHARE = 0.7  # of the machine's memory that workers may fill


@dataclass(frozen=True)
class Resources:
    """Worker processes and what each computes with.

    Attributes:
        workers: how many processes.
        threads: of each process.
        gpus: their numbers; worker k has the k-th, and after the last GPU the first is used again.
    """

    workers: int
    threads: int
    gpus: tuple[str, ...] = ()

    def environment(self, number: int) -> dict[str, str]:
        """The environment in which worker `number` imports TensorFlow."""
        gpu = {"CUDA_VISIBLE_DEVICES": self.gpus[number % len(self.gpus)]} if self.gpus else {}
        return environment(self.threads) | gpu


def settle_resources(jobs: int | None, runs: int, largest: int = 0) -> Resources:
    """The resources for a study.

    One worker for each GPU; without GPUs, one for each core: two workers with one thread each train more runs than one
    with two threads, of small networks nearly twice as many. There are fewer workers, with more threads, only where so
    many large networks would not fit into memory. Sums over more threads round differently; so the number of threads
    depends only on the machine and the networks' size, and equal seeds give equal results whatever the number of
    workers.

    Args:
        jobs: the number of workers that was asked for; None chooses.
        runs: the number of runs to train, at most.
        largest: bytes that the largest network takes in training.
    """
    visible = gpus()
    fitting = int(SHARE * psutil.virtual_memory().total // (WORKER_BYTES + largest))
    at_most = max(1, min(cores(), fitting))
    threads = max(1, cores() // at_most)
    return Resources(max(1, jobs or min(len(visible) or at_most, runs)), threads, visible)


def environment(threads: int) -> dict[str, str]:
    """The environment in which a worker imports TensorFlow."""
    return {
        "KERAS_BACKEND": "tensorflow",
        "TF_ENABLE_ONEDNN_OPTS": "1",  # convolutions are twice as fast with it; off by default on some processors
        "TF_CPP_MIN_LOG_LEVEL": "3",  # its graph optimizer reports, as errors, passes that it merely skips
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": str(threads),
        "OMP_NUM_THREADS": str(threads),
    }


def deterministic_ops() -> dict[str, str]:
    """With these, TensorFlow and XLA use only kernels that give equal bits for equal inputs, or fail."""
    flags = filter(None, [os.environ.get("XLA_FLAGS"), "--xla_gpu_deterministic_ops=true"])
    return {"TF_DETERMINISTIC_OPS": "1", "XLA_FLAGS": " ".join(flags)}


@contextlib.contextmanager
def exported(variables: Mapping[str, str]) -> Iterator[None]:
    """Processes started within the context have these environment variables; afterwards all is as before."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def cores() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpus(devices: Iterable[Path] | None = None) -> tuple[str, ...]:
    """The numbers of the NVIDIA GPUs that CUDA_VISIBLE_DEVICES leaves visible; needs no library."""
    if (visible := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return tuple(number.strip() for number in visible.split(",") if number.strip() not in ("", "-1"))
    found = Path("/dev").glob("nvidia[0-9]*") if devices is None else devices
    return tuple(sorted(device.name.removeprefix("nvidia") for device in found))
