"""The benchmarks in small: the networks they train are the same everywhere, and they find what they look for."""

import io

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

import benchmarks.epoch as epoch_benchmark
from benchmarks import compare as compare_benchmark
from benchmarks.processes import OURS, SIDES
from benchmarks.sides.keras_model import keras_model
from benchmarks.works import IMAGES, TABLE, WORKS, Work

LAYERS = (("dense", 4), ("bn",), ("relu",), ("dropout", 0.2), ("dense", 3), ("relu",), ("alpha_dropout", 0.1))
TINY = Work("tiny", TABLE, 1, LAYERS, {"model.fit": 2.0}, rows=70, epochs=2)


def test_operations_are_those_of_the_formula():
    dense = Work("dense", TABLE, 1, (("dense", 30),), rows=10)
    assert dense.operations == 10 * (2 * 2 * 8 * 30 + 3 * 2 * 30)
    convolution = Work("conv", IMAGES, 10, (("conv", 6, 5, "valid"), ("max_pool",), ("flatten",)), rows=1)
    assert convolution.operations == 2 * 2 * 24 * 24 * 25 * 6 + 3 * 2 * 12 * 12 * 6 * 10


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("california-small", 8 * 30 + 30 + 30 * 30 + 30 + 31),
        ("fashion", 784 * 300 + 300 + 30_100 + 1010),
        ("lenet", 61_706),
    ],
)
def test_networks_have_their_usual_size(name, parameters):
    assert keras_model(WORKS[name]).count_params() == parameters


def test_both_sides_arrive_at_the_same_weights_or_nothing_is_timed(capsys, monkeypatch):
    epoch_benchmark.check(TINY)
    assert "tiny: weights differ by" in capsys.readouterr().out
    monkeypatch.setattr(epoch_benchmark, "TOLERANCE", 0.0)
    with pytest.raises(SystemExit, match="nothing is timed"):
        epoch_benchmark.check(TINY)


def test_ratios_are_medians_of_rounds():
    seconds = {OURS: [1.0, 2.0, 4.0], "model.fit": [10.0, 10.0, 80.0]}
    assert epoch_benchmark.ratio(seconds, "model.fit") == 10.0
    assert epoch_benchmark.row(TINY, seconds, 3.0)["model.fit"] == "10.0 (2)"


def test_sides_take_turns_in_processes_of_their_own():
    seconds, first = epoch_benchmark.measure(TINY, [OURS, "model.fit"], rounds=2)
    assert {side: len(times) for side, times in seconds.items()} == {OURS: 2, "model.fit": 2}
    assert min(first, *seconds[OURS], *seconds["model.fit"]) > 0


def test_the_command_prints_its_table(monkeypatch, capsys):
    monkeypatch.setitem(epoch_benchmark.WORKS, "tiny", TINY)
    epoch_benchmark.main(rounds=1, work=["tiny"], peer=["model.fit"])
    out = capsys.readouterr().out
    assert "Times as long as folklore.fit" in out
    assert out.count("tiny") >= 2


@pytest.mark.parametrize(("option", "given", "nearest"), [("--work", "lent", "lenet"), ("--peer", "tosch", "torch")])
def test_a_misspelt_name_is_answered_with_the_nearest(option, given, nearest):
    app = typer.Typer()
    app.command()(epoch_benchmark.main)
    result = CliRunner().invoke(app, [option, given], env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert f"{given!r} is unknown. Did you mean {nearest!r}?" in result.output


@pytest.mark.parametrize("side", sorted(SIDES))
def test_every_side_trains(side):
    module = SIDES[side].module
    for package in ("torch", "jax"):
        if module.startswith(package):
            pytest.importorskip(package)
    imported = pytest.importorskip(f"benchmarks.sides.{module}")
    imported.Side(TINY).train(1)


def test_compare_and_the_event_files_agree(tmp_path, monkeypatch):
    compare_benchmark.write_runs(tmp_path, runs=6, epochs=3)
    wanted = compare_benchmark.by_compare(tmp_path)
    found = compare_benchmark.by_event_files(tmp_path)
    assert wanted.keys() == found.keys() == {"narrow", "wide"}
    assert found == pytest.approx(wanted, rel=1e-6)
    console = Console(file=io.StringIO(), width=130)
    compare_benchmark.report(console, tmp_path, runs=6, epochs=3, rounds=1)
    assert "6 runs" in console.file.getvalue()
