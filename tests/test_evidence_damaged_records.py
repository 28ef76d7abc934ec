"""Logdirs that a run could not have written: damage is named, and nothing in it is followed or waited for."""

import json
import os
import shutil

import pytest

from folklore.errors import ProblemError
from folklore.evidence.compare import compare
from folklore.report import summary
from folklore.storage import run_directory
from tests.conftest import add_run, declare

BETTER = {"arm": "arm", "direction": "better", "by": 0.5}


def change(file, **changes):
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_arm_name_leading_outside_folder_is_damage(stored):
    declare(stored, arms=("base", "../../../evil"))
    with pytest.raises(ProblemError, match=r"experiment\.json is damaged: The arm '\.\./\.\./\.\./evil' cannot be"):
        compare(stored)


@pytest.mark.parametrize(
    "text",
    ["epoch,validation/rmse\n1,3\n2,11.", "epoch,validation/rmse\n1,3,4\n", "epoch,epoch\n1,2\n", "epoch,x/y\n1\n"],
)
def test_incomplete_history_is_named(stored, text):
    (stored / "arm" / "seed-0" / "history.csv").write_text(text)
    with pytest.raises(ProblemError, match=r"seed-0/history\.csv cannot be read: it is incomplete"):
        compare(stored, "best validation/rmse")


@pytest.mark.parametrize("selected", [0, -1, 99])
def test_selected_epoch_never_trained_has_no_value(stored, selected):
    change(stored / "arm" / "seed-0" / "run.json", selected_epoch=selected)
    change(stored / "experiment.json", hypotheses=[])
    add_history = {"running/rmse": [1, 2, 3]}
    for seed in range(6):
        for arm in ("base", "arm"):
            run = run_directory.read_run(stored / arm / f"seed-{seed}").record
            add_run(stored, arm, seed, 1, add_history, selected_epoch=run.selected_epoch)
    assert compare(stored, "running/rmse").arms["arm"].n == 5


@pytest.mark.parametrize(
    "changes",
    [
        {"hypotheses": [BETTER | {"by": -1}]},
        {"hypotheses": [BETTER | {"by": 0}]},
        {"hypotheses": [BETTER | {"arm": []}]},
        {"hypotheses": [BETTER | {"arm": [[1]]}]},
        {"hypotheses": [BETTER | {"arm": ["arm"]}]},
        {"hypotheses": [BETTER | {"against": True}]},
        {"hypotheses": [BETTER | {"metric": {"name": "test/rmse"}}]},
        {"hypotheses": [BETTER | {"metric": {"name": "nonsense", "goal": "min"}}]},
        {"hypotheses": [BETTER | {"claim": 5}]},
        {"tuning": {"arm": 5}},
        {"facts": [1]},
        {"end": "30"},
        {"unit": 5},
    ],
)
def test_impossible_declaration_is_damage(stored, changes):
    change(stored / "experiment.json", **changes)
    with pytest.raises(ProblemError, match=r"experiment\.json (is damaged|is about)"):
        compare(stored)


@pytest.mark.parametrize(
    "changes",
    [
        {"versions": 5},
        {"versions": {"keras": []}},
        {"code": "x"},
        {"seconds": []},
        {"divergence": 5},
        {"divergence": {"epoch": 1}},
        {"selected_epoch": "x"},
        {"selected_epoch": 1.5},
        {"metrics": {"test/rmse": "x"}},
    ],
)
def test_impossible_run_record_is_damage(stored, changes):
    change(stored / "arm" / "seed-0" / "run.json", **changes)
    with pytest.raises(ProblemError, match=r"run\.json is damaged"):
        summary.summarise(stored)


def test_deep_json_is_damage_and_huge_number_has_no_value(stored):
    (stored / "arm" / "seed-0" / "run.json").write_text("[" * 200_000)
    with pytest.raises(ProblemError, match=r"run\.json cannot be read"):
        compare(stored)
    change(stored / "base" / "seed-0" / "run.json", metrics={"test/rmse": 10**400})
    add_run(stored, "arm", 0, 1)
    assert compare(stored).arms["base"].n == 7


def test_largest_floats_are_compared_without_warnings(stored):
    for seed in range(6):
        add_run(stored, "arm", seed, 1e308 * (-1) ** seed)
        add_run(stored, "base", seed, -1e308)
    assert json.dumps(compare(stored).to_dict(), allow_nan=False)


@pytest.mark.parametrize("name", ["run.json", "history.csv"])
def test_pipe_in_place_of_record_is_damage(name, stored):
    (stored / "arm" / "seed-2" / name).unlink()
    os.mkfifo(stored / "arm" / "seed-2" / name)
    with pytest.raises(ProblemError, match="it is not a regular file"):
        compare(stored, "best validation/rmse")


def test_copied_run_is_not_counted_as_seed(stored):
    shutil.rmtree(stored / "arm" / "seed-2")
    shutil.copytree(stored / "arm" / "seed-1", stored / "arm" / "seed-2")
    with pytest.raises(ProblemError, match=r"seed-2/run.json is that of seed 1"):
        compare(stored)
