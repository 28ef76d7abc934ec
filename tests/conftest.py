"""Shared by all tests: the environment in which TensorFlow is imported, as in a worker with one thread."""

import os

import pytest

from folklore.layout import environment

os.environ.update(environment(threads=1))


@pytest.fixture(scope="session", autouse=True)
def caches(tmp_path_factory):
    """What is measured in a test is kept for the others, and not for the user."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
        yield
