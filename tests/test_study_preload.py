"""How workers start: as forks of one process that has imported all, with the environment of their own moment."""

import os
import sys

import pytest

from folklore import Fact
from folklore.study.engines import preload
from folklore.study.pool import Pool
from folklore.study.resources import Resources, environment

pytestmark = pytest.mark.process

ONE = Resources(workers=1, threads=1)
NAME = "FOLKLORE_OF_THIS_TEST"


def what_a_worker_sees():
    return [Fact("variable", "", os.environ.get(NAME, "none")), Fact("parent", "", os.getppid())]


def ask_worker():
    with Pool(ONE) as pool:
        return [fact["found"] for fact in pool.compute_facts("topic.study", what_a_worker_sees)]


def test_worker_has_environment_of_its_start_and_not_of_the_imports(monkeypatch):
    preload.preload(ONE)
    monkeypatch.setenv(NAME, "first")
    assert ask_worker()[0] == "first"
    monkeypatch.delenv(NAME)
    assert ask_worker()[0] == "none"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every worker imports for itself")
def test_worker_imports_for_itself_where_imports_would_read_other_variables(monkeypatch):
    preload.preload(ONE)
    for name, value in environment(threads=1).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(preload, "_imported_with", preload._read_by_imports())  # whatever earlier tests began with
    assert preload.start_context().get_start_method() == "forkserver"
    monkeypatch.setenv("TF_DETERMINISTIC_OPS", "1")
    assert preload.start_context().get_start_method() == "spawn"
    monkeypatch.delenv("TF_DETERMINISTIC_OPS")
    assert ask_worker()[1] != os.getpid()
    monkeypatch.setattr(preload, "_imported_with", {})
    assert ask_worker()[1] == os.getpid()
