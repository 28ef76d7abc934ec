"""Verdicts on hypotheses about stored runs."""

import json

import pytest

from folklore.errors import ProblemError
from folklore.evidence.compare import compare
from tests.conftest import DATA, add_run, declare

BETTER = {"arm": "arm", "direction": "better", "by": 0.5}


@pytest.fixture
def path(tmp_path):
    """Ten seeds in which the arm's error is about 2 smaller than the baseline's."""
    path = tmp_path / "topic.experiment"
    declare(path, [BETTER])
    for seed in range(10):
        add_run(path, "base", seed, 10 + seed, {"validation/rmse": [9, 7, 8], "probe/dead": [0, 0.5, 0.5]})
        add_run(path, "arm", seed, 8 + seed + 0.1 * (seed % 3), {"validation/rmse": [9, 5, 6], "probe/dead": [0, 0, 0]})
    return path


def only(path, metric=None):
    (hypothesis,) = compare(path, metric).hypotheses
    return hypothesis


def test_clear_difference_is_supported(path):
    found = only(path)
    assert (found.verdict, found.n, found.seeds_needed, found.counted) == ("supported", 10, None, "better")
    assert found.effect == pytest.approx(1.91)
    assert found.ci[0] > 1.7
    assert found.bca == pytest.approx(found.ci, abs=0.1)
    assert found.p_sign_flip == pytest.approx(2 / 2**10)
    assert 2 / 2**10 < found.p < 0.05  # that of the sign-flip test, adjusted for two looks
    assert (found.size, found.looks, found.e_value > 100) == ("settled", [8, 10], True)
    assert found.effects["1"] == pytest.approx(1.9)


@pytest.mark.parametrize(
    ("hypothesis", "verdict"),
    [
        (BETTER | {"direction": "worse"}, "refuted"),
        (BETTER | {"direction": "no difference"}, "refuted"),
        (BETTER | {"by": 3}, "no practical difference"),
        (BETTER | {"direction": "not worse"}, "supported"),
        (BETTER | {"direction": "worse", "by": 3}, "no practical difference"),
        (BETTER | {"direction": "no difference", "by": 3}, "supported"),
    ],
)
def test_same_runs_settle_other_claims(path, hypothesis, verdict):
    declare(path, [hypothesis])
    assert only(path).verdict == verdict


def test_arm_is_compared_with_number(path):
    declare(path, [{"arm": "base", "direction": "worse", "by": 1, "against": 5.0, "claim": "A part."}])
    found = only(path)
    assert (found.effect, found.against, found.claim) == (9.5, 5.0, "A part.")


def test_hypothesis_may_name_its_own_metric(path):
    best = {"name": "best validation/rmse", "goal": "min"}
    declare(path, [BETTER | {"metric": best}, BETTER])
    compared = compare(path)
    assert [h.metric for h in compared.hypotheses] == ["best validation/rmse", "test/rmse"]
    assert compared.hypotheses[0].effect == 2
    assert only(path, "best validation/rmse").effect == 2
    assert compare(path, "best validation/rmse").arms["arm"].mean == 5


def test_hypothesis_may_be_about_probe(path):
    declare(path, [BETTER | {"metric": {"name": "last probe/dead", "goal": "min"}, "by": 0.1}])
    add_run(path, "arm", 3, 11, {"validation/rmse": [9, 5, 6], "probe/dead": [0, 0, 0.1]})
    assert (only(path).verdict, only(path).effect) == ("supported", pytest.approx(0.49))


def test_trend_over_ordered_arms_gets_verdict(tmp_path):
    arms = ["base", "arm", "more"]
    declare(tmp_path, [{"arm": arms, "direction": "worse", "by": 0.5}], arms=arms)
    for seed in range(8):
        for step, arm in enumerate(arms):
            add_run(tmp_path, arm, seed, seed + step + 0.01 * seed * step)
    found = only(tmp_path)
    assert (found.verdict, found.against, found.arm) == ("supported", None, arms)
    assert found.effects["0"] == pytest.approx(2)
    assert [step.step for step in found.steps] == ["'base' to 'arm'", "'arm' to 'more'"]
    assert found.steps[0].effect == pytest.approx(1.035)


def test_trend_takes_numeric_values(tmp_path):
    arms = ["base", "arm", "more"]
    hypothesis = {"arm": arms, "direction": "worse", "by": 0.5, "values": [0, 0.1, 1]}
    declare(tmp_path, [hypothesis], arms=arms)
    for seed in range(8):
        for place, arm in zip((0, 0.1, 1), arms, strict=True):
            add_run(tmp_path, arm, seed, seed + 3 * place)
    assert only(tmp_path).effects["0"] == pytest.approx(3)  # a line of slope 3 from 0 to 1


def test_difference_of_differences_is_taken_seed_by_seed(tmp_path):
    arms = ["base", "arm", "deep", "deep arm"]
    hypothesis = BETTER | {"arm": "deep arm", "against": "deep", "more_than": ["arm", "base"]}
    declare(tmp_path, [hypothesis], arms=arms)
    for seed in range(8):
        for arm, value in zip(arms, (10, 9, 20, 15 - seed / 10), strict=True):  # 1 better, and then 5 better
            add_run(tmp_path, arm, seed, value + seed)
    found = only(tmp_path)
    assert (found.verdict, found.size, found.more_than) == ("supported", "settled", ["arm", "base"])
    assert (found.effects["0"], found.effects["5"]) == (pytest.approx(4), pytest.approx(4.5))


def test_values_without_spread_are_exact_and_get_no_verdict(tmp_path):
    declare(tmp_path, [BETTER])
    for seed in range(8):
        add_run(tmp_path, "base", seed, 10 + seed)
        add_run(tmp_path, "arm", seed, 8 + seed)
    found = only(tmp_path)
    assert (found.verdict, found.p) == ("undecided", None)
    assert found.withheld.startswith("exact: the effect is +2 in every seed")


def test_divergence_rates_use_newcombe_and_mcnemar(tmp_path):
    hypothesis = BETTER | {"metric": {"name": "divergence", "goal": "min"}, "by": 0.1}  # far fewer runs diverge
    declare(tmp_path, [hypothesis], may_diverge=["base"])
    for seed in range(10):
        add_run(tmp_path, "base", seed, 1, status="done" if seed == 0 else "diverged")
        add_run(tmp_path, "arm", seed, 1, status="diverged" if seed == 9 else "done")
    found = only(tmp_path)
    assert found.effect == pytest.approx(0.8)
    assert found.p > 2 / 2**8  # McNemar's: eight pairs differ, all one way; adjusted for two looks, and for one seed
    assert 0 < found.ci[0] < 0.8 < found.ci[1] < 1
    rates = compare(tmp_path, "divergence").arms
    assert (rates["base"].mean, rates["base"].failed) == (0.9, 0)
    assert rates["base"].ci == pytest.approx([0.5958, 0.9821], abs=1e-4)  # Wilson, 9 of 10


def test_p_values_are_holm_adjusted_within_experiment(path):
    raw = only(path).p
    unclear = {"arm": "arm", "direction": "worse", "by": 0.5, "against": 12.0}
    declare(path, [BETTER, unclear])
    assert compare(path).hypotheses[0].p == pytest.approx(2 * raw)
    assert compare(path).hypotheses[0].p_unadjusted == raw


def test_verdict_is_withheld_on_data_in_other_units(path):
    declare(path, [BETTER], unit="100,000 $")
    found = only(path)
    assert (found.verdict, found.seeds_needed) == ("undecided", None)
    assert found.withheld == "what would matter is declared in 100,000 $, and these runs are of diabetes"


def test_verdict_is_withheld_when_best_value_is_at_grid_edge(path):
    edges = {"optimizer.learning_rate": [0.01, "upwards"]}
    tuning = {"arm": {"edges": edges}, "base": {"edges": {}}}
    declare(path, [BETTER, {"arm": "base", "direction": "worse", "by": 1, "against": 5}], tuning=tuning)
    about_arm, about_base = compare(path).hypotheses
    assert about_arm.withheld == (
        "the best optimizer.learning_rate of 'arm' lies at the edge of its grid, 0.01: widen it upwards"
    )
    assert about_base.withheld is None


def test_notes_name_differences_in_budget_loss_code_versions_and_processors(path):
    other = {"epochs": 9, "batch_size": 32, "loss": "sigmoid", "params": {"width": 8, "kind": "arm"}}
    declare(path, [BETTER])
    declared = json.loads((path / "experiment.json").read_text())
    declared["arms"] |= {"arm": other, "base": declared["arms"]["base"] | {"loss": "softmax"}}
    (path / "experiment.json").write_text(json.dumps(declared))
    for seed in range(10):
        processor = "A" if seed < 5 else "B"
        add_run(
            path, "arm", seed, 1, recipe=other, code={"sha256": "e" * 64}, versions={"keras": "3.16"},
            processor=processor,
        )  # fmt: skip
    notes = compare(path).notes
    assert notes[0] == "arms have different budgets: base 3, arm 9"
    assert notes[1] == "arms have different losses: base softmax, arm sigmoid"
    assert notes[2].startswith("runs were made by 2 states of the code: dddddddddddd, eeeeeeeeeeee")
    assert notes[3] == "runs were made with different versions of keras"
    assert notes[4] == "runs were made on different processors, which may round differently: A, B"


def test_exact_claim_has_facts_and_no_arms(tmp_path):
    facts = [{"statement": "Two and two", "expected": 4, "found": 4, "holds": True}]
    declare(tmp_path, arms=(), facts=facts, metric=None, baseline="")
    compared = compare(tmp_path)
    assert [fact.to_dict() for fact in compared.facts] == facts
    assert (compared.arms, compared.hypotheses) == ({}, [])


def test_hypothesis_about_undeclared_arm_is_damage(path):
    declare(path, [BETTER | {"against": "other"}])
    with pytest.raises(ProblemError, match="is about the arm 'other' and declares no arm of that name"):
        compare(path)


def test_undeclared_unit_is_taken_from_runs(path):
    assert only(path).withheld is None
    assert compare(path).data.unit == DATA["unit"]
