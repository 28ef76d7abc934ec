"""The ledger: what was asked before which runs, and tampering, which is answered by name."""

import shutil

import pytest

from folklore.evidence import ledger, sequential
from folklore.evidence.compare import compare
from folklore.storage import run_directory
from folklore.storage.schema import StoredExperiment
from tests.asked import BETTER, ask, edit, stored, ten_seeds
from tests.conftest import add_run, declare, recipe_of

GRID = {"optimizer.learning_rate": [0.001, 0.01, 0.1]}


@pytest.fixture
def path(tmp_path):
    return ten_seeds(tmp_path / "topic.experiment")


def test_question_asked_before_runs_gives_no_warning(path):
    assert compare(path).warnings == []
    (entry,) = stored(path).ledger
    assert (entry.runs, entry.commit, entry.asked.hypotheses[0].by) == (0, "c" * 40, 0.5)


def test_same_question_is_entered_once(path):
    ask(path)
    assert len(stored(path).ledger) == 1


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        (lambda r: r["hypotheses"][0].update(by=2), "δ of the hypothesis 'arm' better changed from 0.5 to 2"),
        (lambda r: r.update(claim="It hurts."), "the claim changed from 'It helps.' to 'It hurts.'"),
        (lambda r: r["hypotheses"].clear(), "the hypothesis 'arm' better was dropped"),
        (
            lambda r: r["hypotheses"].append({"arm": "arm", "direction": "worse", "by": 1}),
            "the hypothesis 'arm' worse was added",
        ),
        (lambda r: r["hypotheses"][0].update(claim="A part."), "the hypothesis 'arm' better was reworded"),
        (
            lambda r: r.update(metric={"name": "validation/rmse", "goal": "min"}),
            "the metric changed from test/rmse (min) to validation/rmse (min)",
        ),
        (
            lambda r: r.update(tuning={"arm": {"grid": GRID, "edges": {}}}),
            f"the grid of 'arm' changed from none to {GRID}",
        ),
        (lambda r: r.update(tuning={"arm": {"edges": {}}}), "the results of tuning changed"),
    ],
)
def test_change_after_runs_is_named(path, change, warning):
    edit(path, change)
    assert compare(path).warnings == [f"{warning} after 20 runs"]


def test_changed_goal_and_values_of_hypothesis_are_named(tmp_path):
    arms = ["base", "arm", "more"]
    probe = {"name": "probe/a", "goal": "min"}
    ask(tmp_path, [{"arm": arms, "direction": "worse", "by": 1, "values": [0, 1, 2], "metric": probe}], arms=arms)
    edit(tmp_path, lambda r: r["hypotheses"][0].update(values=[0, 1, 9], metric=probe | {"goal": "max"}))
    add_run(tmp_path, "base", 0, 1)
    (run,) = run_directory.runs(tmp_path)
    assert ledger.findings(tmp_path, stored(tmp_path), [run.ended]) == [
        "the metric of the hypothesis 'base … more' worse changed from probe/a (min) to probe/a (max) after 1 run",
        "the values of the hypothesis 'base … more' worse changed from [0, 1, 2] to [0, 1, 9] after 1 run",
    ]


def test_change_by_run_command_is_named_too(path):
    ask(path, [BETTER | {"by": 2}])
    assert compare(path).warnings == ["δ of the hypothesis 'arm' better changed from 0.5 to 2 after 20 runs"]
    assert [entry.runs for entry in stored(path).ledger] == [0, 20]


def test_change_before_runs_is_no_matter(tmp_path):
    ask(tmp_path)
    ask(tmp_path, [BETTER | {"by": 2}])
    add_run(tmp_path, "base", 0, 1)
    assert compare(tmp_path).warnings == []


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        (lambda r: r["ledger"][0].update(runs=3), "the ledger was edited: its entry 1 of 2 does not fit its hash"),
        (lambda r: r["ledger"][1].update(look=[8]), "the ledger was edited: its entry 2 of 2 does not fit its hash"),
        (
            lambda r: r["ledger"][0]["asked"]["hypotheses"][0].update(by=0.1),
            "the ledger was edited: its entry 1 of 2 does not fit its hash",
        ),
        (lambda r: r.pop("ledger"), "experiment.json has no ledger, so nothing shows what was asked before the runs"),
    ],
)
def test_edited_ledger_is_named(path, change, warning):
    ledger.record_look(path, compare(path))
    assert compare(path).warnings == []
    edit(path, change)
    assert any(said.startswith(warning) for said in compare(path).warnings)


def test_removed_first_entry_is_named(path):
    ask(path, [BETTER | {"by": 2}])
    edit(path, lambda record: record["ledger"].pop(0))
    assert "the ledger was edited: its entry 1 of 1 does not fit its hash" in compare(path).warnings


def test_ledger_that_was_written_anew_is_named(path):
    for seed in range(2):
        add_run(path, "arm", seed, 8 + seed, asked=ledger.head(path))
    assert compare(path).warnings == []
    for run in sorted(path.glob("*/seed-*/DONE")):
        run.rename(run.with_name("hidden"))
    edit(path, lambda record: record.pop("ledger"))
    ask(path, [BETTER | {"by": 2}])  # with a chain that fits, as if nothing had been asked before
    for run in sorted(path.glob("*/seed-*/hidden")):
        run.rename(run.with_name("DONE"))
    assert compare(path).warnings == ["the ledger was edited: 2 runs carry an entry that it no longer holds"]


def test_change_while_runs_were_moved_away_is_named(path):
    for seed in range(10):
        add_run(path, "arm", seed, 8 + seed, asked=ledger.head(path))
    for arm in ("base", "arm"):
        (path / arm).rename(path.parent / f"hidden {arm}")
    ask(path, [BETTER | {"by": 0.05}])
    for arm in ("base", "arm"):
        (path.parent / f"hidden {arm}").rename(path / arm)
    assert stored(path).ledger[-1].runs == 0
    assert compare(path).warnings == ["δ of the hypothesis 'arm' better changed from 0.5 to 0.05 after 10 runs"]


def test_dropped_hypothesis_keeps_its_share_of_error(path):
    ask(path, [BETTER])
    alone = compare(path).hypotheses[0].confidence
    ask(path, [BETTER, BETTER | {"direction": "not worse"}])
    ask(path, [BETTER])
    found = compare(path)
    assert found.hypotheses[0].confidence == 1 - sequential.level((10,), alpha=sequential.ALPHA / 2) > alone
    assert "the hypothesis 'arm' not worse was dropped after 20 runs" in found.warnings


def test_hypothesis_that_was_dropped_before_runs_costs_nothing(tmp_path):
    ask(tmp_path, [BETTER, BETTER | {"direction": "not worse"}])
    ask(tmp_path, [BETTER])
    assert ledger.family(stored(tmp_path)) == 1


def test_damaged_sibling_does_not_matter(path):
    (path.parent / "topic.damaged").mkdir()
    (path.parent / "topic.damaged" / "experiment.json").write_text("{")
    assert compare(path).warnings == []


def test_experiment_of_similar_name_moved_aside_is_another(path):
    ask(path.parent / "topic.experiment-more")
    add_run(path.parent / "topic.experiment-more", "base", 0, 1)
    run_directory.move_aside(path.parent / "topic.experiment-more")
    assert compare(path).warnings == []


def test_ledger_that_begins_after_runs_is_named(path):
    edit(path, lambda record: record.pop("ledger"))
    ask(path)
    warning = "the ledger begins after 20 runs: nothing shows what was asked before them"
    assert compare(path).warnings == [warning]


def test_deleted_seed_is_named_and_withholds_verdict(path):
    assert compare(path).hypotheses[0].verdict == "supported"
    shutil.rmtree(path / "arm" / "seed-3")
    found = compare(path)
    assert found.warnings == ["seed 3 of 'arm' is missing"]
    assert found.hypotheses[0].withheld == "seed 3 of 'arm' is missing: run the experiment again"


def test_earlier_runs_that_were_moved_aside_are_named(path):
    aside = run_directory.move_aside(path)
    ask(path)
    add_run(path, "base", 0, 1)
    assert compare(path).warnings == [f"20 earlier runs of this experiment lie in .aside/{aside.name}"]


def test_sibling_context_with_another_delta_is_named(path):
    ask(path.parent / "topic.other", [BETTER | {"by": 3}])
    ask(path.parent / "another.topic", [BETTER | {"by": 4}])
    ask(path.parent / "topic.alike", [BETTER])
    assert compare(path).warnings == ["topic.other asks the same with δ = 3, and here δ = 0.5"]


def test_exact_claim_has_no_ledger(tmp_path):
    declare(tmp_path, arms=(), facts=[], metric=None, baseline="")
    assert not isinstance(stored(tmp_path), StoredExperiment)
    assert compare(tmp_path).warnings == []


def test_recipe_of_seed_may_differ_only_by_its_point(tmp_path):
    path = tmp_path / "topic.tuned"
    tried = [{"point": {"batch_size": size}, "scores": [1.0, 2.0, 1.0, 2.0]} for size in (16, 32)]
    tried[1]["scores"] = [2.0, 1.0, 2.0, 1.0]
    tuned = {"goal": "min", "by_seed": True, "tried": tried, "best": {"batch_size": 32}, "edges": {},
             "grid": {"batch_size": [16, 32]}}  # fmt: skip
    ask(path, tuning={"arm": tuned, "base": tuned})
    for seed in range(12):
        for arm, value in (("base", 10), ("arm", 8)):
            size = ledger_point(path, arm, seed)
            add_run(path, arm, seed, value + seed + 0.1 * (size == 16 and arm == "arm"),
                    recipe=recipe_of(arm) | {"batch_size": size})  # fmt: skip
    (found,) = compare(path).hypotheses
    assert sum(at.n for at in found.at_points) == 12
    assert {round(at.effect, 3) for at in found.at_points} == {2.0, 1.9}
    assert found.covers == "seeds and tuning"
    share = next(at.n for at in found.at_points if at.effect < 1.95) / 12
    assert found.variance["tuning"] == pytest.approx(share * (1 - share) * 0.1**2)
    add_run(path, "arm", 5, 8, recipe=recipe_of("arm") | {"batch_size": 64})
    with pytest.raises(Exception, match="seed-5 holds a run of another recipe"):
        compare(path)


def ledger_point(path, arm, seed):
    from folklore.evidence.tuning_choice import point_of

    return point_of(stored(path).tuning[arm], seed)["batch_size"]
