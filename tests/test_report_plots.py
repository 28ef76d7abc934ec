"""Plots of effects, and the words beside verdicts."""

import csv

import pytest

from folklore.evidence.compare import compare
from folklore.report import formatting, html, marks, plots, summary, tables
from folklore.report.plots import Effect
from tests.conftest import add_run, declare, study

BETTER = {"arm": "arm", "direction": "better", "by": 0.5}


def test_large_effect_does_not_squash_others():
    drawn = plots.forest([Effect("small", "supported", 0.5, 0.1, 0.9), Effect("large", "refuted", -75.0, -80.0, -70.0)])
    assert drawn.layout.xaxis.range == (-6.0, 6.0)
    assert "← -75 δ" in [note.text for note in drawn.layout.annotations]
    shown = [trace.x[0] for trace in drawn.data]
    assert shown == [0.5, -6.0]
    assert "-75.00 δ" in drawn.data[1].hovertemplate


def test_axis_fits_small_effects():
    drawn = plots.forest([Effect("small", "supported", 0.5, 0.1, 0.9)])
    assert drawn.layout.xaxis.range == (-1.5, 1.5)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "is better than 'base' by 2.0000, between 1.8728 and 2.1272, more than the 0.5000 that would matter."),
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


def test_command_gives_number_of_seeds_unless_looks_were_planned(tmp_path):
    path = study(tmp_path / "topic.experiment")
    assert html.command(compare(path)) == "python -m experiments run topic.experiment --until-decided --data bundled"
    for arm in ("base", "arm"):
        add_run(path, arm, 8, 10.0 if arm == "base" else 8.0)
    assert html.command(compare(path)) == "python -m experiments run topic.experiment --seeds 9 --data bundled"


def test_mark_is_clipped_and_said_in_words():
    drawn = marks.mark(Effect("large", "refuted", -75.0, -80.0, -70.0))
    assert "-75 δ</text>" in drawn
    assert 'aria-label="-75.00 δ, from -80.00 to -70.00: refuted"' in drawn
    near = marks.mark(Effect("near", "supported", 1.2, 0.4, 2.0, "open", (0.6, 1.8)))
    assert "</text>" not in near
    assert 'fill="none"' in near  # a hollow dot: the size is open
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
