"""TensorBoard logs of other programs, grouped into arms and seeds."""

import json
import shutil

import pytest
import scipy.stats
import tensorboardX

from callbacks.event_file import EventFile
from folklore.errors import ProblemError
from folklore.evidence.comparison import Comparison
from folklore.evidence.logs import adopt
from folklore.evidence.logs.tags import names, recorded
from folklore.evidence.logs.tensorboard_logs import compare, goal_of, logged_runs, read
from folklore.storage import run_directory


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
    ("tag", "goal"),
    [
        ("epoch_accuracy", "max"),
        ("val/AUC", "max"),
        ("loss", "min"),
        ("rmse", "min"),
        ("f1_loss", "min"),
        ("Accuracy/val", "max"),
    ],
)
def test_goal_is_inferred_from_tag(tag, goal):
    assert goal_of(tag) == goal


# Questions, HParams and names of metrics.


def study(path, arms=("a", "b"), seeds=range(8), names="{}/seed-{}", tag="Loss/val"):
    """Arms whose losses end in seed + 1, seed + 3, …, give or take 0.1."""
    for place, arm in enumerate(arms):
        for seed in seeds:
            last = 1 + seed + 2 * place + 0.1 * (place * seed % 2)
            log(path / names.format(arm, seed), **{tag: [9, last], "Loss/train": [9, 1], "steps": [1, 2, 3, 4]})
    return path


def test_expectation_is_judged_and_marked_as_exploratory(tmp_path):
    expect = ["b worse 0.5", "b no difference by 0.5"]
    compared = compare(study(tmp_path, seeds=range(12)), expect=expect, baseline="a")
    worse, equal = compared.hypotheses
    assert (worse.verdict, worse.size, worse.n, worse.against) == ("supported", "settled", 12, "a")
    assert equal.verdict == "refuted"
    assert worse.claim.endswith("(exploratory, for it was asked after the runs).")
    assert compared.warnings == ["the hypotheses were given when the runs were read, so their verdicts are exploratory"]


@pytest.mark.parametrize(
    ("expect", "message"),
    [
        ("b beter 0.5", "is not understood. Write ARM, then better"),
        ("b better", "is not understood"),
        ("bb better 0.5", "unknown. Did you mean 'b'?"),
        ("a better 0.5", "is about the baseline"),
        ("b better -1", "ends with '-1', which is not a number above 0"),
        ("b better x", "ends with 'x'"),
        ("", "is not understood"),
    ],
)
def test_expectation_that_is_not_understood_is_refused(tmp_path, expect, message):
    with pytest.raises(ProblemError) as refusal:
        compare(study(tmp_path, seeds=range(1)), expect=[expect])
    assert message in str(refusal.value)


def test_seeds_keep_their_names(tmp_path):
    compared = compare(study(tmp_path, seeds=[7, 42, 1337]), expect=["b worse 0.5"])
    assert list(compared.arms["a"].values) == ["7", "42", "1337"]
    assert list(compared.hypotheses[0].effects) == ["7", "42", "1337"]


def test_runs_without_common_seeds_get_no_verdict(tmp_path):
    study(tmp_path, arms=["a"], seeds=[1, 2, 3])
    study(tmp_path, arms=["b"], seeds=[4, 5, 6])
    compared = compare(tmp_path, expect=["b worse 0.5"])
    assert "share no seeds" in compared.hypotheses[0].withheld
    assert (compared.arms["b"].difference.n, compared.arms["b"].difference.paired) == (3, False)


def test_seed_that_an_arm_lacks_is_said(tmp_path):
    study(tmp_path, seeds=[1, 2, 3])
    shutil.rmtree(tmp_path / "b" / "seed-2")
    compared = compare(tmp_path, expect=["b worse 0.5"])
    assert "seed 2 of 'b' is missing" in compared.warnings
    assert "missing" in compared.hypotheses[0].withheld


def test_tags_are_called_as_metrics_here(tmp_path):
    compared = compare(study(tmp_path, seeds=range(2)))
    assert compared.metric == "validation/Loss"
    assert "validation/Loss is logged as 'Loss/val'" in compared.notes
    assert compare(tmp_path, "best Loss/val").arms["a"].values == {"0": 1, "1": 2}
    assert compare(tmp_path, "validation/Loss - train/Loss").arms["a"].values == {"0": 0, "1": 1}
    assert compare(tmp_path, "steps").metric == "logged/steps"


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("val_loss", "validation/loss"),
        ("eval/f1", "validation/f1"),
        ("Loss/Test", "test/Loss"),
        ("training accuracy", "train/accuracy"),
        ("episode reward", "logged/episode_reward"),
        ("valuation", "logged/valuation"),
        ("train/", "logged/train"),
        ("/", "logged/_"),
    ],
)
def test_name_of_tag(tag, name):
    assert recorded(tag) == name


def test_tags_that_would_share_a_name_keep_their_own():
    assert names(["val_loss", "val/loss", "Loss"]) == {
        "val_loss": "logged/val_loss", "val/loss": "logged/val/loss", "Loss": "logged/Loss",
    }  # fmt: skip
    assert names(["val_loss", "validation/loss"])["validation/loss"] == "validation/loss"


def test_best_of_test_values_is_refused(tmp_path):
    log(tmp_path / "a" / "seed-0", **{"test/acc": [1, 2]})
    with pytest.raises(ProblemError, match="is a choice made on the test part"):
        compare(tmp_path, "best test/acc")


def test_baseline_is_the_arm_of_that_name(tmp_path):
    assert compare(study(tmp_path, arms=["adam", "the baseline"], seeds=range(1))).baseline == "the baseline"


def test_arms_are_in_natural_order(tmp_path):
    assert list(compare(study(tmp_path, arms=["w8", "w32", "w128"], seeds=range(1))).arms) == ["w8", "w32", "w128"]


def test_hparams_of_tensorboardx_name_the_arms(tmp_path):
    for run, (width, seed) in enumerate([(8, 1), (8, 2), (32, 1), (32, 2)]):
        with tensorboardX.SummaryWriter(str(tmp_path / f"run{run}")) as writer:
            writer.add_hparams({"width": width, "seed": seed, "optimizer": "adam"}, {"accuracy": width + seed})
            writer.add_scalar("val_loss", width + seed, 1)
    compared = compare(tmp_path)
    assert compared.arms["width 32"].values == {"1": 33, "2": 34}
    assert "2 arms × 2 seeds by hparams width (guessed; --group gives another)" in compared.notes
    assert compare(tmp_path, "accuracy").goal == "max"  # which was logged beside the HParams
    assert compare(tmp_path, group="{optimizer}").arms["optimizer adam"].n == 2


def test_course_of_other_steps_is_read_at_those_of_the_metric(tmp_path):
    file = EventFile(tmp_path / "a" / "seed-0")
    for step in range(1, 7):
        file.add_scalars({"train_loss": step}, step)
    for step in (2, 5):
        file.add_scalars({"val_loss": 10 * step}, step)
    file.close()
    with adopt.adopted(read(tmp_path)) as path:
        history = run_directory.read_history(path / "a" / "seed-0")
    assert (history["step"], history["train/loss"], history["validation/loss"]) == ([2, 5], [2, 5], [20, 50])


def test_names_that_no_directory_can_have_are_changed(tmp_path):
    study(tmp_path, arms=["x", "y"], seeds=range(2), names="{}:1/seed-{}")
    assert list(compare(tmp_path).arms) == ["x-1", "y-1"]
    assert compare(tmp_path, baseline="y:1").baseline == "y-1"


def test_hidden_folders_are_not_read(tmp_path):
    study(tmp_path, seeds=range(2))
    log(tmp_path / ".board" / "seed-0", loss=[1])
    assert list(compare(tmp_path).arms) == ["a", "b"]
