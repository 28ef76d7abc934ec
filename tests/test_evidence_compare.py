"""Comparisons of hand-made run directories, with numbers simple enough to check mentally."""

import json
import math

import pytest

from folklore.errors import ProblemError
from folklore.evidence.compare import compare
from folklore.storage import files, run_directory

DATA = {"name": "diabetes", "source": "bundled", "unit": "score", "sha256": "a" * 64, "rows": {"train": 282}}
RECIPES = {"base": {"epochs": 1}, "arm": {"epochs": 2}}
T2, T1 = 4.302653, 12.706205  # Student's t at 97.5 % with two degrees of freedom and with one


def declare(path, hypotheses=(), metric="test/rmse", goal="min", arms=RECIPES):
    record = {
        "claim": "It helps.",
        "kind": "stat",
        "baseline": "base",
        "metric": {"name": metric, "goal": goal},
        "hypotheses": [{"arm": arm, "direction": direction, "by": by} for arm, direction, by in hypotheses],
        "may_diverge": [],
        "arms": arms,
    }
    files.write_json(path / "experiment.json", record)


def add_run(path, arm, seed, value=None, status="done", **changes):
    metrics = {"test/rmse": value, "test/accuracy": value, "validation/rmse": 100} if status == "done" else {}
    recipe = RECIPES.get(arm, {})
    record = {"arm": arm, "seed": seed, "status": status, "data": DATA, "metrics": metrics}
    record |= {"recipe": recipe, "identity": arm}
    run_directory.finish(path / arm / f"seed-{seed}", record | changes)


@pytest.fixture
def path(tmp_path):
    """Seeds 0, 1, 2: the baseline has 1, 3, 5 and the arm 11, 14, 17."""
    path = tmp_path / "topic.experiment"
    declare(path)
    for seed in range(3):
        add_run(path, "base", seed, 1 + 2 * seed)
        add_run(path, "arm", seed, 11 + 3 * seed)
    return path


def test_arm_statistics_match_hand_calculation(path):
    base, arm = (compare(path).arms[name] for name in ("base", "arm"))
    assert (base.n, base.mean, base.std, base.values) == (3, 3, 2, {"0": 1, "1": 3, "2": 5})
    assert (arm.n, arm.mean, arm.std, arm.values) == (3, 14, 3, {"0": 11, "1": 14, "2": 17})
    half = T2 * 2 / math.sqrt(3)
    assert base.ci == pytest.approx((3 - half, 3 + half), rel=1e-6)
    assert base.difference is None
    # Seed by seed 10, 11, 12: mean 11, spread 1, though the arms spread by 2 and 3.
    half = T2 * 1 / math.sqrt(3)
    assert (arm.difference.n, arm.difference.mean) == (3, 11)
    assert arm.difference.ci == pytest.approx((11 - half, 11 + half), rel=1e-6)


def test_comparison_names_its_subject(path):
    compared = compare(path)
    about = {"experiment", "claim", "baseline", "metric", "goal", "unfinished"}
    assert compared.model_dump(include=about) == {
        "experiment": "topic.experiment",
        "claim": "It helps.",
        "baseline": "base",
        "metric": "test/rmse",
        "goal": "min",
        "unfinished": 0,
    }
    assert compared.data.to_dict() == DATA


def test_arms_keep_declared_order(path):
    assert list(compare(path).arms) == ["base", "arm"]


def test_difference_uses_only_shared_seeds(path):
    add_run(path, "arm", 7, 1000)
    arm = compare(path).arms["arm"]
    assert (arm.n, arm.difference.n, arm.difference.mean) == (4, 3, 11)


def test_diverged_and_failed_runs_are_counted_but_excluded(path):
    add_run(path, "arm", 3, status="diverged")
    add_run(path, "arm", 4, status="failed")
    add_run(path, "arm", 5, float("nan"))  # done, but the test metric is not finite
    arms = compare(path).arms
    assert (arms["arm"].n, arms["arm"].mean, arms["arm"].failed) == (3, 14, 3)
    assert (arms["base"].failed, compare(path).unfinished) == (0, 0)


def test_runs_that_did_not_record_metric_are_not_failed(path):
    for seed in (3, 4):
        add_run(path, "arm", seed, metrics={"test/accuracy": 1})
    compared = compare(path)
    assert (compared.arms["arm"].n, compared.arms["arm"].failed) == (3, 0)
    assert compared.notes[1:] == ["finished runs that did not record test/rmse: 2 of arm"]


def test_probe_of_one_arm_is_compared(path):
    for seed in range(3):
        run_directory.write_history(path / "arm" / f"seed-{seed}", [{"epoch": 1, "probe/std": 2 + seed}])
    compared = compare(path, "last probe/std")
    assert {arm: (found.n, found.failed) for arm, found in compared.arms.items()} == {"base": (0, 0), "arm": (3, 0)}
    assert compared.notes[1:] == ["finished runs that did not record last probe/std: 3 of base"]


@pytest.mark.parametrize(
    ("metric", "reason"),
    [("test/mae", "another task, or they were trained before.*--fresh"), ("probe/dead", "its recipe names")],
)
def test_metric_that_no_run_recorded_has_reason(path, metric, reason):
    with pytest.raises(ProblemError, match=rf"no metric '{metric}'\. .*{reason}.*There are: "):
        compare(path, metric)


def test_unfinished_runs_are_counted_but_excluded(path):
    add_run(path, "arm", 3, 1000)
    (path / "arm" / "seed-3" / "DONE").unlink()
    run_directory.begin(path / "base" / "seed-3", {"status": "running", "recipe": {}, "identity": ""})
    (path / "base" / "seed-4").mkdir()
    compared = compare(path)
    assert compared.unfinished == 3
    assert (compared.arms["arm"].n, compared.arms["arm"].failed) == (3, 0)


def test_undeclared_arms_are_ignored(path):
    add_run(path, "earlier", 0, 1000, data=DATA | {"sha256": "b" * 64})
    assert list(compare(path).arms) == ["base", "arm"]


def test_one_seed_gives_mean_without_interval(tmp_path):
    declare(tmp_path, hypotheses=[("arm", "worse", 1)])
    add_run(tmp_path, "base", 0, 2)
    add_run(tmp_path, "arm", 0, 5)
    compared = compare(tmp_path)
    arm = compared.arms["arm"]
    assert (arm.mean, arm.std, arm.ci) == (5, None, (None, None))
    assert arm.difference.to_dict() == {"n": 1, "mean": 3, "ci": (None, None)}
    assert (compared.hypotheses[0].effect, compared.hypotheses[0].ci) == (3, (None, None))


def test_arm_without_runs_has_no_statistics(tmp_path):
    declare(tmp_path, hypotheses=[("arm", "better", 1)])
    add_run(tmp_path, "base", 0, 2)
    compared = compare(tmp_path)
    arm = compared.arms["arm"]
    assert (arm.n, arm.mean, arm.values, arm.difference.mean) == (0, None, {}, None)
    assert (compared.hypotheses[0].effect, compared.hypotheses[0].ci) == (None, (None, None))


def test_comparison_works_when_all_runs_diverged(tmp_path):
    declare(tmp_path)
    for arm in RECIPES:
        add_run(tmp_path, arm, 0, status="diverged")
    arms = compare(tmp_path).arms
    assert [(arm.n, arm.failed) for arm in arms.values()] == [(0, 1), (0, 1)]


@pytest.mark.parametrize(
    ("direction", "goal", "effect"),
    [
        # The arm's metric is 11 higher: worse where lower is better, better where higher is.
        ("worse", "min", 11),
        ("better", "min", -11),
        ("worse", "max", -11),
        ("better", "max", 11),
        # For "no difference", positive means better.
        ("no difference", "min", -11),
        ("no difference", "max", 11),
    ],
)
def test_effect_is_positive_in_claimed_direction(path, direction, goal, effect):
    metric = {"min": "test/rmse", "max": "test/accuracy"}[goal]
    declare(path, hypotheses=[("arm", direction, 2)], metric=metric, goal=goal)
    (hypothesis,) = compare(path).hypotheses
    half = T2 * 1 / math.sqrt(3)
    assert hypothesis.effect == effect
    assert hypothesis.ci == pytest.approx((effect - half, effect + half), rel=1e-6)
    assert (hypothesis.arm, hypothesis.direction, hypothesis.delta) == ("arm", direction, 2)


def test_hypothesis_is_not_judged_by_another_metric(path):
    declare(path, hypotheses=[("arm", "worse", 2)])
    assert compare(path, "validation/rmse").hypotheses == []


def test_three_seeds_give_no_verdict(path):
    declare(path, hypotheses=[("arm", "worse", 2)])
    (hypothesis,) = compare(path).hypotheses
    assert (hypothesis.verdict, hypothesis.n, hypothesis.seeds_needed) == ("undecided", 3, 8)
    assert hypothesis.bca == (None, None)


@pytest.mark.parametrize(("metric", "goal"), [("test/accuracy", "max"), ("validation/rmse", "min")])
def test_another_metric_can_be_requested(path, metric, goal):
    compared = compare(path, metric)
    assert (compared.metric, compared.goal) == (metric, goal)
    assert compared.arms["arm"].mean == (14 if metric == "test/accuracy" else 100)


def test_comparison_has_documented_keys_and_is_valid_json(path):
    declare(path, hypotheses=[("arm", "better", 1)])
    add_run(path, "base", 3, float("inf"))
    add_run(path, "arm", 3, status="diverged")
    compared = json.loads(json.dumps(compare(path).to_dict(), allow_nan=False))
    assert set(compared) >= {"experiment", "metric", "goal", "data", "arms", "hypotheses"}
    for arm in compared["arms"].values():
        assert set(arm) >= {"n", "mean", "std", "ci", "values", "failed"}
        assert len(arm["ci"]) == 2
    expected = {"claim", "arm", "verdict", "effect", "ci", "p", "delta", "seeds_needed"}
    assert set(compared["hypotheses"][0]) >= expected


def test_runs_on_different_data_are_not_compared(path):
    add_run(path, "arm", 3, 5, data=DATA | {"name": "california_housing", "source": "real", "sha256": "b" * 64})
    message = r"different data: diabetes \(bundled, aaaaaaaaaaaa…\), california_housing \(real, bbbbbbbbbbbb…\)"
    with pytest.raises(ProblemError, match=rf"{message}\. .*--fresh.*--logdir"):
        compare(path)


def test_runs_of_different_recipes_are_not_compared(path):
    add_run(path, "arm", 3, 5, recipe={"epochs": 99})
    with pytest.raises(ProblemError, match=r"arm/seed-3 holds a run of another recipe.*--fresh"):
        compare(path)


def test_runs_older_than_field_of_recipes_are_compared(path):
    declare(path, arms={arm: recipe | {"callbacks": [], "pictures": []} for arm, recipe in RECIPES.items()})
    assert compare(path).arms["arm"].n == 3


def test_unknown_metric_is_refused_when_no_run_has_values(tmp_path):
    declare(tmp_path)
    add_run(tmp_path, "arm", 0, status="diverged")
    with pytest.raises(ProblemError, match=r"no metric 'test/rsme'\. Did you mean 'test/rmse'\?"):
        compare(tmp_path, "test/rsme")


def test_empty_metric_is_refused(path):
    with pytest.raises(ProblemError, match=r"The metric '' is not understood\. Write one like: test/accuracy"):
        compare(path, "")


def test_value_too_large_for_float_counts_as_failed(path):
    file = path / "arm" / "seed-2" / "run.json"
    file.write_text(file.read_text().replace('"test/rmse": 17', '"test/rmse": 1e999'))
    arm = compare(path).arms["arm"]
    assert (arm.n, arm.failed) == (2, 1)


def test_unknown_metric_names_nearest(path):
    with pytest.raises(ProblemError, match=r"no metric 'test/rsme'\. Did you mean 'test/rmse'\? There are: test/acc"):
        compare(path, "test/rsme")


@pytest.mark.parametrize("status", [None, "failed", "running"])
def test_no_finished_run_names_command_to_run(tmp_path, status):
    path = tmp_path / "topic.experiment"
    declare(path)
    if status == "failed":
        add_run(path, "arm", 0, status="failed")
    elif status == "running":
        run_directory.begin(path / "arm" / "seed-0", {"status": "running", "recipe": {}, "identity": ""})
    with pytest.raises(
        ProblemError, match=r"no finished run yet.*python -m experiments run topic\.experiment --logdir .*$"
    ):
        compare(path)


def test_done_run_without_record_counts_as_unfinished(path):
    (path / "arm" / "seed-2" / "run.json").unlink()
    compared = compare(path)
    assert (compared.arms["arm"].n, compared.unfinished) == (2, 1)
    half = T1 * math.sqrt(1 / 2) / math.sqrt(2)  # differences 10 and 11
    assert compared.arms["arm"].difference.ci == pytest.approx((10.5 - half, 10.5 + half), rel=1e-6)


def test_directory_without_experiment_is_refused(tmp_path):
    with pytest.raises(ProblemError, match=r"holds no experiment\.json"):
        compare(tmp_path)


def test_damaged_record_is_named(path):
    (path / "arm" / "seed-1" / "run.json").write_text('{"arm": "a')
    with pytest.raises(ProblemError, match=r"arm/seed-1/run\.json cannot be read"):
        compare(path)


@pytest.mark.parametrize("file", ["experiment.json", "arm/seed-1/run.json"])
def test_empty_record_is_named(path, file):
    (path / file).write_text("{}")
    with pytest.raises(ProblemError, match=rf"{file} is damaged"):
        compare(path)
