"""TensorBoard logs of other programs, grouped into arms and seeds."""

import json

import pytest
import scipy.stats

from callbacks.event_file import EventFile
from folklore.errors import ProblemError
from folklore.evidence.comparison import Comparison
from folklore.evidence.logs.tensorboard_logs import compare, goal_of, logged_runs


def log(path, **courses):
    file = EventFile(path)
    for tag, values in courses.items():
        for step, value in enumerate(values):
            file.add_scalars({tag: value}, step)
    file.close()


@pytest.fixture
def logs(tmp_path):
    """Two arms with three seeds: validation losses that end in 1, 2, 3 and in 3, 5, 7."""
    for seed in range(3):
        for arm, end in (("a", 1 + seed), ("b", 3 + 2 * seed)):
            log(tmp_path / arm / f"seed-{seed}" / "train", epoch_loss=[9, 0])
            log(tmp_path / arm / f"seed-{seed}" / "validation", epoch_loss=[9, 0.5, end])
    return tmp_path


def test_arms_are_compared_by_last_validation_loss(logs):
    compared = compare(logs)
    assert (compared.metric, compared.goal, compared.baseline) == ("validation/epoch_loss", "min", "a")
    assert compared.arms["a"].values == {"0": 1, "1": 2, "2": 3}
    difference = compared.arms["b"].difference  # seed by seed 2, 3, 4
    assert (difference.mean, difference.n, difference.paired) == (3, 3, True)
    assert Comparison.of(json.loads(json.dumps(compared.to_dict(), allow_nan=False))) == compared


def test_best_value_can_be_compared(logs):
    assert compare(logs, "best validation/epoch_loss").arms["b"].mean == 0.5


def test_arms_without_shared_seeds_are_not_paired(tmp_path):
    for name, value in (("a-x", 1), ("a-y", 2), ("b-z", 3), ("b-w", 5)):
        log(tmp_path / name, acc=[value])
    compared = compare(tmp_path, group="{arm}-{run}")
    assert compared.goal == "max"
    difference = compared.arms["b"].difference
    assert (difference.n, difference.mean, difference.paired) == (2, 2.5, False)
    assert difference.ci == pytest.approx(scipy.stats.ttest_ind([3, 5], [1, 2], equal_var=False).confidence_interval())


def test_seed_includes_extra_group_fields(tmp_path):
    for seed in (1, 2):
        for rate in ("0.1", "0.01"):
            log(tmp_path / f"lr{rate}_s{seed}_adam", loss=[seed])
    runs, strange = logged_runs(tmp_path, "lr{arm}_s{seed}_{optimizer}")
    assert sorted((run.arm, run.seed) for run in runs) == [
        (rate, f"{s}/adam") for rate in ("0.01", "0.1") for s in (1, 2)
    ]
    assert strange == []


def test_directories_not_matching_group_are_noted(logs):
    log(logs / "other", loss=[1])
    notes = compare(logs).notes
    assert any("1 directories do not fit '{arm}/seed-{seed}' and are left out, such as" in note for note in notes)


def test_damaged_file_is_named(logs):
    (file,) = (logs / "b" / "seed-1" / "validation").iterdir()
    file.write_bytes(file.read_bytes()[:-3])
    compared = compare(logs)
    assert compared.arms["b"].values["1"] == 0.5
    assert any(note.startswith(f"incomplete: {file} ends in the middle") for note in compared.notes)
    assert any("between 2 and 3 values" in note for note in compared.notes)


def test_run_without_metric_is_named_and_has_not_failed(logs):
    log(logs / "b" / "seed-3", other=[1])
    compared = compare(logs)
    assert (compared.arms["b"].n, compared.arms["b"].failed) == (3, 0)
    assert "1 of 7 runs have no validation/epoch_loss: b/seed-3" in compared.notes


def test_run_that_ends_with_nan_has_failed(logs):
    log(logs / "b" / "seed-3" / "validation", epoch_loss=[1, float("nan")])
    assert compare(logs).arms["b"].failed == 1


def test_arm_without_metric_is_not_the_baseline(logs):
    log(logs / "_" / "seed-0", other=[1])
    assert compare(logs).baseline == "a"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"metric": "validation/epoch_los"}, "no metric 'validation/epoch_los'. Did you mean 'validation/epoch_loss'?"),
        ({"metric": ""}, "Name one with --metric"),
        ({"group": "{seed}"}, "--group '{seed}' must have {arm} in it"),
        ({"group": "{arm}/{arm}"}, "each name once"),
        ({"group": "{arm"}, "--group '{arm' cannot be read"),
        ({"group": "{arm}/{0}"}, "must have {arm}"),
        ({"group": "x-{arm}"}, "fits --group 'x-{arm}'; one is"),
    ],
)
def test_invalid_metric_or_group_is_refused(logs, arguments, message):
    with pytest.raises(ProblemError) as refusal:
        compare(logs, **arguments)
    assert message in str(refusal.value)


def test_several_metrics_require_choice(tmp_path):
    log(tmp_path / "a" / "seed-0", loss=[1], acc=[2])
    with pytest.raises(ProblemError, match="There are: acc, loss"):
        compare(tmp_path)


@pytest.mark.parametrize(
    ("tag", "goal"), [("epoch_accuracy", "max"), ("val/AUC", "max"), ("loss", "min"), ("rmse", "min")]
)
def test_goal_is_inferred_from_tag(tag, goal):
    assert goal_of(tag) == goal
