"""What `run` says at its end: verdicts in plain sentences, and the largest difference that nobody asked about."""

import io

from rich.console import Console

from folklore.evidence.compare import compare
from folklore.report import formatting, tables
from tests.conftest import add_run, declare

BETTER = {"arm": "arm", "direction": "better", "by": 0.5}


def printed(group):
    console = Console(file=io.StringIO(), width=200)
    console.print(group)
    return console.file.getvalue()


def test_findings_are_sentences_and_the_next_command(stored):
    declare(stored, [BETTER | {"by": 1.95}])
    said = printed(tables.findings(compare(stored), " --logdir elsewhere"))
    assert "SUPPORTED, SIZE OPEN: " in said
    assert "In test/rmse, 'arm' is better than 'base' by 2.0000" in said
    assert "Next: python -m experiments run" in said
    assert "--logdir elsewhere" in said
    assert "sign-flip test" not in said  # `compare` shows the evidence


def test_largest_difference_that_nobody_asked_about_is_said(tmp_path):
    declare(tmp_path, arms=("base", "arm", "other"))
    for seed in range(8):
        add_run(tmp_path, "base", seed, 10 + 0.1 * seed)
        add_run(tmp_path, "arm", seed, 11.0)
        add_run(tmp_path, "other", seed, 7.0)
    said = formatting.unasked(compare(tmp_path))
    assert said.startswith("in test/rmse, 'other' is better than 'base' by 3.35")
    assert said.endswith("(the largest of 2 such differences).")
    declare(tmp_path, [BETTER, BETTER | {"arm": "other"}], arms=("base", "arm", "other"))
    assert formatting.unasked(compare(tmp_path)) == ""


def better_by(path, first, later):
    """The hypothesis "better" on eight seeds: in seed 0 the error is `first`, in the later ones it falls by `later`."""
    declare(path, [BETTER])
    for seed in range(8):
        add_run(path, "base", seed, 10.0)
        add_run(path, "arm", seed, first if seed == 0 else 9 - later * seed)
    (found,) = compare(path).hypotheses
    return found


def test_difference_that_tests_doubt_is_said_to_seem_so(tmp_path):
    found = better_by(tmp_path, first=10.1, later=0.5)
    assert found.verdict == "undecided"
    assert formatting.plain(found).startswith("In test/rmse, 'arm' seems better than 'base' by 2.6125, between ")
    assert formatting.plain(found).endswith(", but that is not beyond doubt yet.")


def test_size_that_only_the_interval_settles_is_said_to_be_in_doubt(tmp_path):
    found = better_by(tmp_path, first=9.8, later=0.5)
    assert (found.verdict, found.size) == ("supported", "open")
    assert formatting.plain(found).endswith("more than the 0.5000 that would matter, though not yet beyond doubt.")
