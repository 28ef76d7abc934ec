"""`folklore.declare`: the question that logged runs answer, and the room of the same name."""

import doctest
import json
import subprocess
import sys

import pytest

import folklore
from folklore.declare import hypothesis as declared_hypothesis
from folklore.evidence.logs import question
from folklore.storage import files, run_directory
from tests.conftest import declare as declare_own

METRIC = folklore.Metric("test/mae", "min")
BETTER = folklore.Hypothesis("wide", "better", by=0.5)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "logs" / "my.width"


def log(path, arm, seed, value, **changes):
    run = path / arm / f"seed-{seed}"
    record = {"arm": arm, "seed": seed, "status": "done", "identity": "", "recipe": {}, "data": None,
              "metrics": {"test/mae": value}, "selected_epoch": 2}  # fmt: skip
    run_directory.write_history(run, [{"epoch": epoch, "validation/mae": value + 1} for epoch in (1, 2)])
    run_directory.finish(run, record | changes)


def declare(path, **changes):
    given = dict(claim="Wide is better.", metric=METRIC, baseline="narrow", hypothesis=BETTER)
    folklore.declare(path, **given | changes)


def study(path, seeds=8):
    for seed in range(seeds):
        log(path, "narrow", seed, 10 + seed)
        log(path, "wide", seed, 8 + seed + 0.1 * (seed % 2))


def test_question_asked_before_the_runs_gets_a_verdict(path):
    declare(path)
    study(path)
    compared = folklore.compare(path).comparison
    (judged,) = compared.hypotheses
    assert (judged.verdict, judged.size, judged.covers) == ("supported", "settled", "seeds")
    assert (compared.warnings, compared.data) == ([], None)
    assert compared.notes == ["data, recipes and budgets are unknown"]
    assert list(compared.arms) == ["narrow", "wide"]


def test_question_asked_after_runs_is_said(path):
    study(path)
    declare(path)
    (warning,) = folklore.compare(path).comparison.warnings
    assert warning == "the ledger begins after 16 runs: nothing shows what was asked before them"


def test_changed_question_is_said_and_the_same_is_not_asked_twice(path):
    declare(path)
    declare(path)
    study(path)
    declare(path, hypothesis=folklore.Hypothesis("wide", "better", by=1.5))
    (warning,) = folklore.compare(path).comparison.warnings
    assert warning == "δ of the hypothesis 'wide' better changed from 0.5 to 1.5 after 16 runs"
    assert len(json.loads((path / "experiment.json").read_text())["ledger"]) == 3  # two questions and a look


def test_arms_are_those_that_were_named_and_those_that_have_runs(path):
    study(path, 1)
    log(path, "middle", 0, 9)
    declare(path, arms=["deep"])
    assert list(folklore.compare(path).comparison.arms) == ["narrow", "wide", "deep", "middle"]


def test_arms_that_were_not_declared_are_named(path):
    declare(path)
    study(path, 1)
    log(path, "middle", 0, 9)
    assert (
        "runs of 'middle' are left out, which folklore.declare was not given" in folklore.compare(path).comparison.notes
    )


def test_other_metric_of_logged_runs_has_a_goal(path):
    declare(path)
    study(path, 2)
    assert folklore.compare(path, "best validation/mae").comparison.goal == "min"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(hypothesis=folklore.Hypothesis("wyde", "better", by=1)), "'wyde' has no runs.*Did you mean 'wide'"),
        (dict(hypothesis=folklore.Hypothesis("narrow", "better", by=1)), "the arm it is compared with"),
        (dict(hypothesis=folklore.Hypothesis(("a", "b", "c"), "better", by=1)), "needs a number for each arm"),
        (dict(hypothesis="wide better"), "A hypothesis is"),
        (dict(metric="test/mae"), r"metric is 'test/mae'\. Write, say, metric=Metric"),
        (dict(claim=" "), "The claim is empty"),
        (dict(baseline="a/b", arms=["a/b"]), "cannot be a directory's name"),
    ],
)
def test_contradictory_question_is_refused(path, changes, message):
    study(path, 1)
    with pytest.raises(ValueError, match=message):
        declare(path, **changes)
    assert not (path / "experiment.json").exists()


def test_experiment_of_the_suite_is_refused(path):
    declare_own(path)
    before = files.read_json(path / "experiment.json")
    with pytest.raises(ValueError, match="holds an experiment of the suite"):
        declare(path)
    assert files.read_json(path / "experiment.json") == before


def test_room_of_declarations_is_still_a_module():
    assert folklore.declare.hypothesis is declared_hypothesis
    assert folklore.declare is sys.modules["folklore.declare"]


@pytest.mark.process
def test_room_can_be_imported_in_every_way():
    code = (
        "import folklore.declare.recipe\nfrom folklore.declare import catalog\nfrom unittest import mock\n"
        "assert folklore.declare.recipe.Recipe is folklore.Recipe and callable(folklore.declare)\n"
        "with mock.patch('folklore.declare.catalog.PACKAGE', 'x'): assert catalog.PACKAGE == 'x'\n"
        "import sys; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_example_of_declare_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (example,) = [test for test in doctest.DocTestFinder().find(question.declare, "declare") if test.examples]
    assert doctest.DocTestRunner(verbose=False).run(example).failed == 0
    assert (tmp_path / "logs" / "houses.width" / "experiment.json").exists()
