"""Paths and HParams of other programs' runs, grouped into arms and seeds."""

import pytest

from folklore.errors import ProblemError
from folklore.evidence.logs.grouping import by_pattern, guess

FORMS = {
    "{}/seed-{}": "{arm}/seed-{seed}",
    "{}/{}": "{arm}/{seed}",
    "{}_seed{}": "{arm}_seed{seed}",
    "{}-seed={}": "{arm}-seed={seed}",
    "{}-s{}": "{arm}-s{seed}",
    "{}_{}": "{arm}_{seed}",
    "seed_{1}/{0}": "seed_{seed}/{arm}",
    "logs/{}/version_{}": "logs/{arm}/version_{seed}",
    "{}-seed{}/runs/Nov27_10-{}": "{arm}-seed{seed}/*/*",
}


@pytest.mark.parametrize(("form", "pattern"), FORMS.items())
def test_usual_forms_are_recognised(form, pattern):
    paths = {form.format(arm, seed, seed): (arm, str(seed)) for arm in ("deep", "wide_2") for seed in range(3)}
    found = guess(list(paths), {})
    assert (found.pattern, found.runs, found.strange) == (pattern, paths, [])
    assert found.in_words() == f"2 arms × 3 seeds by {pattern} (guessed; --group gives another)"


def test_settings_in_paths_make_arms():
    paths = [f"lr={lr}/width={width},seed={seed}" for lr in ("0.1", "1e-3") for width in (8, 32) for seed in (0, 1)]
    found = guess(paths, {})
    assert found.pattern == "lr={lr}/width={width},seed={seed}"
    assert found.runs["lr=1e-3/width=32,seed=1"] == ("lr 1e-3, width 32", "1")


def test_setting_that_is_a_seed_makes_no_arm():
    assert guess(["lr=0.1,s=3", "lr=0.1,s=4", "lr={,s=3"], {}).pattern == "lr={lr},s={seed}"


def test_folder_of_single_arm_is_its_name():
    assert guess(["wide/seed-0", "wide/seed-1"], {}).runs["wide/seed-1"] == ("wide", "1")


def test_without_seed_each_run_is_an_arm():
    found = guess(["lightning_logs/version_0", "lightning_logs/version_1"], {})
    assert found.runs["lightning_logs/version_1"] == ("version_1", "")
    assert "no name looks like a seed" in found.in_words()


def test_paths_that_do_not_fit_are_left_out():
    found = guess(["a/seed-0", "a/seed-1", "b/seed-0", "old"], {})
    assert found.strange == ["old"]
    assert found.in_words().startswith("2 arms with 1 to 2 seeds")


def test_hparams_make_arms_where_paths_do_not():
    runs = [(lr, seed) for lr in (0.1, 0.01) for seed in (3, 4)]
    hparams = {f"run{i}": {"lr": lr, "seed": seed, "folder": f"/x/{i}"} for i, (lr, seed) in enumerate(runs)}
    found = guess(list(hparams), hparams)
    assert found.runs == {"run0": ("lr 0.1", "3"), "run1": ("lr 0.1", "4"), "run2": ("lr 0.01", "3"),
                          "run3": ("lr 0.01", "4")}  # fmt: skip
    assert found.pattern == "hparams lr"


def test_paths_count_where_arms_have_equal_hparams():
    hparams = {f"{arm}/seed-{seed}": {"width": width} for arm, width in (("a", 8), ("b", 32)) for seed in range(2)}
    assert guess(list(hparams), hparams).pattern == "{arm}/seed-{seed}"


def test_pattern_without_arm_makes_arms_of_its_names():
    found = by_pattern(["lr0.1_w8_s0", "other"], "lr{lr}_w{width}_s{seed}", {})
    assert found.runs == {"lr0.1_w8_s0": ("lr 0.1, width 8", "0")}
    assert found.strange == ["other"]


def test_star_stands_for_any_text():
    assert by_pattern(["a/0/runs/Nov27"], "{arm}/{seed}/*/*", {}).runs == {"a/0/runs/Nov27": ("a", "0")}


def test_names_of_hparams_group_by_their_values():
    hparams = {"x": {"lr": 0.1, "width": 8, "seed": 1}, "y": {"lr": 0.1, "width": 32, "seed": 1}}
    found = by_pattern(["x", "y", "z"], "{width}, {lr}", hparams)
    assert found.runs == {"x": ("width 8, lr 0.1", "1"), "y": ("width 32, lr 0.1", "1")}
    assert found.strange == ["z"]


@pytest.mark.parametrize("group", ["{seed}", "{arm}/{arm}", "{arm", "{0}/{seed}", "seed"])
def test_pattern_that_names_no_arm_is_refused(group):
    with pytest.raises(ProblemError, match="--group"):
        by_pattern(["a/0"], group, {})
