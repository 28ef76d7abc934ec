"""The number of workers and threads, and their devices."""

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from folklore.cli.app import worker_count
from folklore.errors import ProblemError
from folklore.study import resources
from folklore.study.resources import Resources, gpus, settle_resources

GIB = 2**30


@pytest.fixture
def machine(monkeypatch):
    def describe(cores, memory, visible=""):
        monkeypatch.setattr(resources, "cores", lambda: cores)
        monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=memory * GIB))
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)

    return describe


@pytest.mark.parametrize(
    ("cores", "memory", "runs", "largest", "workers", "threads"),
    [
        (2, 24, 10, 0, 2, 1),
        (2, 24, 1, 0, 1, 1),  # one run: its sums are those of one among ten
        (2, 24, 10, 12 * GIB, 1, 2),  # two would not fit
        (2, 1, 10, 0, 1, 2),
        (16, 64, 100, 0, 16, 1),
        (16, 64, 100, 10 * GIB, 4, 4),
    ],
)
def test_workers_and_threads_depend_on_cores_runs_and_size(machine, cores, memory, runs, largest, workers, threads):
    machine(cores, memory)
    assert settle_resources(None, runs, largest) == Resources(workers, threads)


def test_threads_do_not_depend_on_number_of_workers(machine):
    machine(8, 64)
    assert {settle_resources(jobs, 10).threads for jobs in (None, 1, 3, 8)} == {1}
    assert [settle_resources(jobs, 10).workers for jobs in (1, 3)] == [1, 3]


def test_each_gpu_has_one_worker(machine):
    machine(16, 128, visible="0,2")
    found = settle_resources(None, 10)
    assert found.workers == 2
    assert [found.environment(number)["CUDA_VISIBLE_DEVICES"] for number in range(2)] == ["0", "2"]
    three = settle_resources(3, 10)
    assert [three.environment(number)["CUDA_VISIBLE_DEVICES"] for number in range(3)] == ["0", "2", "0"]


def test_gpus_are_found_without_library(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert gpus([Path("/dev/nvidia1"), Path("/dev/nvidia0")]) == ("0", "1")
    for hidden in ("", "-1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
        assert gpus([Path("/dev/nvidia0")]) == ()


def test_jobs_is_number_or_auto():
    assert (worker_count("auto"), worker_count("3")) == (None, 3)
    for given in ("0", "-1", "two", "1.5", "²"):
        with pytest.raises(ProblemError, match="Give a positive integer, or auto"):
            worker_count(given)
