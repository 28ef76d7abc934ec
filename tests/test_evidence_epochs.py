"""Comparisons of values before the first step, and after an epoch that not every run had."""

import pytest

from folklore.errors import ProblemError
from folklore.evidence.compare import compare
from tests.conftest import add_run, declare


@pytest.fixture
def path(tmp_path):
    declare(tmp_path)
    for seed in range(3):
        add_run(tmp_path, "base", seed, 1.0 + seed, {"probe/std": [5.0, 6, 7]})
        add_run(tmp_path, "arm", seed, 2.0 + seed, {"probe/std": [5.0, 6, 7]}, before={"probe/std": 1.0 + seed})
    return tmp_path


@pytest.mark.parametrize("metric", ["first probe/std", "at 0 probe/std"])
def test_values_before_first_step_are_compared(path, metric):
    arms = compare(path, metric).arms
    assert list(arms["arm"].values.values()) == [1, 2, 3]
    assert (arms["base"].n, arms["base"].failed) == (0, 0)  # stored before there was such a field


def test_run_that_lacks_epoch_is_named_and_has_not_failed(path):
    add_run(path, "arm", 3, 2.0, {"epoch": [1], "seconds": [1], "probe/std": [5.0]})
    compared = compare(path, "at 3 probe/std")
    assert (compared.arms["arm"].n, compared.arms["arm"].failed) == (3, 0)
    assert compared.notes[-1] == "finished runs that did not record at 3 probe/std: 1 of arm"


def test_value_that_no_run_recorded_is_refused(path):
    with pytest.raises(ProblemError, match="no metric 'first probe/mean'"):
        compare(path, "first probe/mean")
