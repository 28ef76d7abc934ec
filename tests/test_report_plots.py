"""Plots of effects, and the words beside verdicts."""

import csv

import pytest

from folklore.evidence.compare import compare
from folklore.evidence.comparison import Comparison
from folklore.report import formatting, html, marks, page, summary, tables
from folklore.report.marks import Effect
from tests.conftest import add_run, declare, study

BETTER = {"arm": "arm", "direction": "better", "by": 0.5}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {},
            "between 1.8728 and 2.1272 at 98.8%, more than the 0.5000 that would matter.",
        ),
        ({"by": 1.95}, "and it is open whether that reaches the 1.9500 that would matter."),
        ({"direction": "worse"}, "In test/rmse, 'arm' is better than 'base' by 2.0000"),
        ({"by": 3}, "'arm' and 'base' differ by less than the 3.0000 that would matter: [+1.8728, +2.1272]."),
        ({"direction": "no difference", "by": 3}, "'arm' and 'base' differ by less than the 3.0000"),
        ({"direction": "not worse"}, "In test/rmse, 'arm' is not worse than 'base' by the 0.5000 that would matter"),
    ],
)
def test_verdict_is_one_plain_sentence(tmp_path, changes, sentence):
    path = study(tmp_path / "topic.experiment")
    declare(path, [BETTER | changes])
    (found,) = compare(path).hypotheses
    assert sentence in formatting.plain(found)


def test_undecided_and_withheld_are_said_plainly(tmp_path):
    declare(tmp_path, [BETTER])
    for seed in range(8):
        add_run(tmp_path, "base", seed, 10.0)
        add_run(tmp_path, "arm", seed, 10 + (-1) ** seed)
    (open_one,) = compare(tmp_path).hypotheses
    assert formatting.plain(open_one).startswith(
        "In test/rmse, it is not decided yet whether 'arm' differs from 'base'"
    )
    declare(tmp_path, [BETTER], unit="$")
    assert formatting.plain(compare(tmp_path).hypotheses[0]).startswith(
        "No verdict: what would matter is declared in $"
    )


def test_tables_count_better_as_plus_whatever_the_goal(stored):
    row = tables.arm_rows(compare(stored))[1]
    assert row["against baseline"].startswith("+2.0000 [+1.")  # an error that is smaller by 2


def test_clear_difference_that_nobody_asked_about_is_exploratory(stored):
    declare(stored)
    compared = compare(stored)
    assert tables.arm_rows(compared)[1]["against baseline"].endswith("*")
    assert "* exploratory: no hypothesis asks about this difference" in tables.about(compared)
    declare(stored, [BETTER])
    assert not tables.arm_rows(compare(stored))[1]["against baseline"].endswith("*")


def test_next_command_adds_seeds_that_are_needed(stored):
    assert formatting.next_command(compare(stored)) == ""
    declare(stored, [BETTER | {"by": 1.95}], options=["--budget quick"])
    command = formatting.next_command(compare(stored), " --logdir here")
    assert command.startswith("python -m experiments run topic.experiment --")
    assert command.endswith(" --budget quick --data bundled --logdir here")


def with_looks(path, hypothesis, runs):
    """The comparison, as if its only hypothesis had been read so, and each arm had so many runs."""
    content = compare(path).to_dict()
    content["hypotheses"][0] |= hypothesis
    for arm in content["arms"].values():
        arm["n"] = runs
    return Comparison.of(content)


@pytest.mark.parametrize(
    ("read", "runs", "seeds"),
    [
        ({"looks": [8]}, 8, "--until-decided"),
        ({"looks": [8, 12]}, 12, "--until-decided"),
        ({"looks": [8, 12], "verdict": "undecided", "size": None}, 12, "--until-decided --max-seeds 12"),
        ({"looks": [8, 12, 16, 22, 30], "verdict": "undecided", "size": None}, 30, "--until-decided"),
        ({"looks": [8], "size": "open"}, 8, "--seeds 8"),
        ({"looks": [8, 10]}, 10, "--until-decided --max-seeds 10"),
        ({"looks": [8, 12, 16, 22, 30, 40]}, 40, "--until-decided --max-seeds 40"),
        ({"looks": [9]}, 9, "--seeds 9"),
        ({"looks": None, "verdict": "undecided", "size": None}, 3, "--seeds 3"),
    ],
)
def test_command_takes_the_looks_that_were_taken(stored, read, runs, seeds):
    expected = f"python -m experiments run topic.experiment {seeds} --data bundled"
    assert page.command(with_looks(stored, read, runs)) == expected


def test_command_names_the_file_of_ones_own(stored):
    compared = compare(stored).model_copy(update={"file": "my study.py"})
    assert page.command(compared) == "python -m experiments run 'my study.py' --until-decided --data bundled"


def test_mark_is_clipped_and_said_in_words():
    drawn = marks.mark(Effect("refuted", -75.0, -80.0, -70.0))
    assert "-75 δ</text>" in drawn
    assert 'aria-label="-75.00 δ, from -80.00 to -70.00: refuted"' in drawn
    near = marks.mark(Effect("supported", 1.2, 0.4, 2.0, "open", (0.6, 1.8)))
    assert "</text>" not in near
    assert 'fill="var(--page)"' in near  # a hollow dot: the size is open
    assert near.count("<line") == 3  # zero, the interval, the interval over seeds only


def test_csv_has_all_figures(tmp_path):
    path = study(tmp_path / "topic.experiment")
    html.write([summary.summarise(path)], tmp_path / "out")
    (row,) = csv.DictReader((tmp_path / "out" / "claims.csv").read_text(encoding="utf-8").splitlines())
    assert (row["experiment"], row["verdict"], row["size"], row["seeds"]) == (
        "topic.experiment",
        "supported",
        "settled",
        "8",
    )
    assert float(row["effect"]) == pytest.approx(2.0)
    assert float(row["ci_lo"]) == pytest.approx(1.8728, abs=1e-4)
