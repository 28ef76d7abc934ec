"""What the run command records of questions and looks, and that it trains again what was lost."""

import dataclasses
import json
import shutil

import pytest

from folklore import Hypothesis
from folklore.evidence import ledger
from folklore.evidence.compare import compare
from tests.conftest import NARROW_OR_WIDE, run

pytestmark = [pytest.mark.process, pytest.mark.usefixtures("warm_workers")]
UNCLEAR = dataclasses.replace(
    NARROW_OR_WIDE,
    arms={"narrow": NARROW_OR_WIDE.arms["narrow"], "again": NARROW_OR_WIDE.arms["narrow"].but(stream=1)},
    hypothesis=Hypothesis("again", "no difference", by=1e-9),
)


@pytest.fixture(scope="module")
def decided(tmp_path_factory):
    """A log directory after looks at 8 and 9 seeds."""
    logdir = tmp_path_factory.mktemp("looks")
    run(UNCLEAR, logdir, jobs=1, until_decided=True, max_seeds=9)
    return logdir


def entries(logdir):
    return json.loads((logdir / "topic.width" / "experiment.json").read_text())["ledger"]


def asked(logdir, arm, seed):
    return json.loads((logdir / "topic.width" / arm / f"seed-{seed}" / "run.json").read_text())["asked"]


def test_question_and_looks_are_recorded_and_carried_by_runs(decided):
    question, *looks = entries(decided)
    assert (question["runs"], question["asked"]["hypotheses"][0]["by"]) == (0, 1e-9)
    assert [entry["look"] for entry in looks] == [[8], [9]]
    assert asked(decided, "again", 3) == question["sha256"]
    assert asked(decided, "again", 8) == looks[0]["sha256"]
    compared = compare(decided / "topic.width")
    assert (compared.warnings, compared.hypotheses[0].looks) == ([], [8, 9])


def test_runs_keep_their_test_rows_and_intervals_cover_them(decided):
    compared = compare(decided / "topic.width")
    assert compared.covers == compared.hypotheses[0].covers == "seeds and test rows"
    assert compared.hypotheses[0].variance["rows"] >= 0


@pytest.mark.parametrize("seed", [2, 8])
def test_lost_seed_is_trained_again(decided, tmp_path, seed):
    logdir = shutil.copytree(decided, tmp_path / "logs")
    before = compare(logdir / "topic.width").hypotheses[0]
    shutil.rmtree(logdir / "topic.width" / "again" / f"seed-{seed}")
    assert "run the experiment again" in compare(logdir / "topic.width").hypotheses[0].withheld
    run(UNCLEAR, logdir, jobs=1, until_decided=True, max_seeds=9)
    after = compare(logdir / "topic.width")
    assert after.warnings == []
    assert after.hypotheses[0].effects == before.effects
    assert [entry["look"] for entry in entries(logdir)[1:]] == [[8], [9]]


def test_changed_delta_is_entered_by_run_and_named(decided, tmp_path):
    logdir = shutil.copytree(decided, tmp_path / "logs")
    wider = dataclasses.replace(UNCLEAR, hypothesis=Hypothesis("again", "no difference", by=0.5))
    _, printed = run(wider, logdir, jobs=1, until_decided=True, max_seeds=9)
    warning = "δ of the hypothesis 'again' no difference changed from 1e-09 to 0.5 after 18 runs"
    assert compare(logdir / "topic.width").warnings == [warning]
    assert f"Beware: {warning}" in " ".join(printed.split())
    assert ledger.head(logdir / "topic.width") == entries(logdir)[-1]["sha256"]
