"""The rules of evidence on simulated studies, a few hundred at a time: shares are sane, and a bad rule is caught."""

import numpy as np
import pytest

from benchmarks.evidence import __main__ as command
from benchmarks.evidence import fresh, images, networks, studies, tuned, words
from data import Source, Whole
from folklore.evidence import two_way
from folklore.storage.row_outcomes import RowOutcomes
from tests.conftest import add_run, declare

FEW = 200


def share(cell):
    """A share of a table, such as "2.4 %", as a number."""
    return float(cell.split(" %")[0]) / 100


@pytest.fixture
def housing(monkeypatch):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(6_500, 8))
    whole = Whole(x, 2 + x[:, 0] + x[:, 1] ** 2 + rng.normal(size=len(x)))
    source = Source(name="housing", task="regression", source="bundled", load=lambda: whole)
    for module in (fresh, networks):
        monkeypatch.setattr(module, "california_housing", source)
    return whole


def test_equal_arms_are_rarely_called_different_and_bad_rule_is_caught():
    row = words.equal_arms("normal", words.SHAPES["normal"], FEW, seed=0)
    assert all(share(row[f"better,\n{count} of them"]) <= 0.1 for count in (1, 3, 5))
    assert share(row["no\ndifference"]) <= 0.03
    assert share(row["1.96 errors\nat each look"]) > 0.1
    assert 0.9 < share(row["covered,\nn = 8"]) < 0.99


def test_every_shape_has_mean_0_and_standard_deviation_1():
    rng = np.random.default_rng(0)
    for name, draw in words.SHAPES.items():
        values = draw(rng, (200_000,))
        assert abs(values.mean()) < 0.02, name
        assert abs(values.std() - 1) < 0.1, name


def test_biased_arm_is_often_found_better():
    found = words.wrong_of_equal_arms(
        lambda rng, size: rng.normal(1, 1, size), 1, "better", 0.3, 50, np.random.default_rng(0)
    )
    assert share(found) > 0.9


def test_study_stops_when_size_is_settled():
    clear, unclear = np.full((1, 30), 3.0) + 0.1 * np.arange(30) % 0.3, np.tile([-1.0, 1.0], 15)[None]
    assert studies.seeds_taken(studies.read(clear, "better", 1.0, until_decided=True)) == 8
    assert studies.seeds_taken(studies.read(clear, "better", 1.0, until_decided=False)) == 30
    assert studies.seeds_taken(studies.read(unclear, "better", 0.1, until_decided=True)) == 30
    assert studies.end(studies.read(clear, "better", 1.0, until_decided=True)).word == "supported"


def test_words_on_true_effects():
    small = words.effect("normal", 1.0, 0.5, FEW, seed=0)
    assert share(small["better:\nsupported"]) <= 0.05
    assert share(small["refuted "]) <= 0.03
    large = words.effect("normal", 1.0, 2.0, 30, seed=0)
    assert share(large["better:\nsupported"]) > 0.8
    assert share(large["covered\nat the end"]) > 0.85


def test_arm_with_bad_seeds_is_rarely_called_better():
    row = words.bad_seeds(20.0, 1.0, 100, seed=0)
    assert share(row["supported\nat any look"]) <= 0.06
    assert sum(share(row[shown]) for shown in words.SHOWN.values()) == pytest.approx(1, abs=0.002)


def test_influence_of_images_is_that_of_stored_outcomes():
    one, other = images.arms(np.random.default_rng(0), 2, seeds=3, images=500)
    rows, nothing = np.arange(500), np.zeros(500)

    def influence(right):
        return two_way.influence("accuracy", RowOutcomes(rows, right.astype(int), np.ones(500, int), nothing))

    stored = {seed: (rows, influence(one[seed]) - influence(other[seed])) for seed in range(3)}
    assert images.from_rows(one.astype(np.int8) - other) == pytest.approx(two_way.variance_from_rows(stored))


def test_shared_images_need_two_way_intervals():
    row = images.coverage(40, seed=0)
    assert share(row["seeds, n = 30"]) < 0.75 < share(row["two-way, n = 30"])
    row = images.wrong(3, 0.001, 20, seed=0)
    assert share(row["wrong, two-way"]) <= 0.1 < share(row["wrong, seeds only"])


def test_luck_of_tuning_becomes_verdict_only_if_interval_leaves_it_out():
    row = tuned.row("one better by 1", 0.0, 150, seed=0)
    assert share(row[tuned.NOW]) <= 0.08 < share(row["first\nedition"])
    assert share(row["a search\na seed"]) <= 0.1
    assert share(row[tuned.NOW]) < share(row["without the\nluck of tuning"])
    assert float(row["width,\nn = 30"]) > 1


def test_clear_best_point_costs_no_width():
    row = tuned.row("steps of 3", 0.0, 20, seed=0)
    assert float(row["width,\nn = 30"]) == pytest.approx(1, abs=0.05)


def test_fresh_population_compares_three_rules(housing):
    row = fresh.row("least squares - quadratic", data_sets=3, seed=0)
    assert len(row) == 2 + 2 * 3
    assert float(row["true effect"]) > 0.3  # the quadratic model has the smaller error
    widths = [float(row[f"{rule},\nn = 30"].split("×")[1]) for rule in ("two-way", "Nadeau-Bengio")]
    assert 1 <= widths[0] < widths[1]


def test_data_sets_of_networks_are_disjoint(housing):
    parts = [networks.part(number) for number in range(3)]
    assert len({tuple(row) for part in parts for row in part.x}) == 3 * networks.ROWS
    assert len(networks.experiment(1, epochs=1).arms) == 1 + len(networks.CLAIMS)


def test_variances_between_and_within_data_sets():
    rng = np.random.default_rng(0)
    by_seed = rng.normal(size=(400, 10)) + 2 * rng.normal(size=(400, 1))
    found = networks.Effects(by_seed, np.zeros(400))
    assert found.seeds == pytest.approx(1, rel=0.1)
    assert found.sets == pytest.approx(4, rel=0.2)
    low, high = networks.ratio_interval(found)
    assert low < 4 < high
    assert networks.row("a claim", found)["variance,\nsets / seeds"].startswith(("3.", "4."))


def test_command_prints_a_table_for_each_part(housing, capsys):
    command.main(studies=8, data_sets=2)
    printed = capsys.readouterr().out
    for title, _, _ in command.PARTS.values():
        assert title[:20] in printed
    assert "Nadeau-Bengio" in printed


def test_command_refuses_unknown_part():
    with pytest.raises(SystemExit, match="Unknown: coverage"):
        command.main(["coverage"])


def test_command_can_use_stored_runs(tmp_path, capsys):
    declare(tmp_path, arms=("base", "arm", "other"))
    rng = np.random.default_rng(0)
    for arm in ("base", "arm", "other"):
        for seed in range(30):
            add_run(tmp_path, arm, seed, rng.normal())
    command.main(studies=20, runs=tmp_path)
    assert tmp_path.name[:5] in capsys.readouterr().out


@pytest.mark.process
def test_rows_do_not_depend_on_processes():
    arguments = [(5.0, 1.0, 10, 0), (20.0, 1.0, 10, 1)]
    assert studies.in_processes(words.bad_seeds, arguments, 2) == studies.in_processes(words.bad_seeds, arguments, 1)
