"""docs/reliability.md names existing tests for every fault."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
FAULTS = [line for line in PAGE.splitlines() if line.startswith("| ") and "`test_" in line]


@pytest.mark.parametrize("fault", FAULTS)
def test_tests_of_every_fault_exist(fault):
    tests = re.findall(r"`(test_\w+\.py)::(test_\w+)`", fault)
    assert len(tests) == fault.count("`test_")
    for file, test in tests:
        assert f"\ndef {test}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), test


def test_faults_are_listed():
    assert len(FAULTS) >= 25
