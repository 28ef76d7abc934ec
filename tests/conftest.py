"""Shared by all tests: the environment in which TensorFlow is imported, as in a worker with one thread."""

import os

import pytest
from hypothesis import HealthCheck, settings

from folklore.study.resources import environment

os.environ.update(environment(threads=1))

# Here, not in the module that uses them: Hypothesis takes a profile of its own where the environment says CI. What is
# loaded here takes its place, but not that of --hypothesis-profile.
for _profile, _examples in (("short", 12), ("long", 1_500)):
    settings.register_profile(
        _profile,
        max_examples=_examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
settings.load_profile("short")


@pytest.fixture(scope="session", autouse=True)
def caches(tmp_path_factory):
    """What is measured in a test is kept for the others, and not for the user."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
        yield
