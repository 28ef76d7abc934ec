"""The benchmarks at a small size: all sides train the same networks, and errors are detected."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import benchmarks.epoch as epoch_benchmark
from benchmarks import compare as compare_benchmark
from benchmarks import keras_tests, run_picture, verdicts_picture
from benchmarks import pictures as pictures_benchmark
from benchmarks import row_outcomes as row_outcomes_benchmark
from benchmarks.processes import OURS, SIDES
from benchmarks.sides.keras_model import keras_model
from benchmarks.works import IMAGES, TABLE, WORKS, Work
from data import diabetes, digits
from folklore import Recipe
from models import cnn, mlp
from tests.conftest import NARROW_OR_WIDE

LAYERS = (("dense", 4), ("bn",), ("relu",), ("dropout", 0.2), ("dense", 3), ("relu",), ("alpha_dropout", 0.1))
TINY = Work("tiny", TABLE, 1, LAYERS, {"model.fit": 2.0}, rows=70, epochs=2)


def test_operations_match_formula():
    dense = Work("dense", TABLE, 1, (("dense", 30),), rows=10)
    assert dense.operations == 10 * (2 * 2 * 8 * 30 + 3 * 2 * 30)
    convolution = Work("conv", IMAGES, 10, (("conv", 6, 5, "valid"), ("max_pool",), ("flatten",)), rows=1)
    assert convolution.operations == 2 * 2 * 24 * 24 * 25 * 6 + 3 * 2 * 12 * 12 * 6 * 10


@pytest.mark.compile
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("california-small", 8 * 30 + 30 + 30 * 30 + 30 + 31),
        ("fashion", 784 * 300 + 300 + 30_100 + 1010),
        ("lenet", 61_706),
    ],
)
def test_benchmark_networks_have_usual_parameter_counts(name, parameters):
    assert keras_model(WORKS[name]).count_params() == parameters


@pytest.mark.process
def test_both_sides_train_same_weights(capsys):
    epoch_benchmark.check(TINY)
    assert "tiny: weights differ by" in capsys.readouterr().out


def test_nothing_is_timed_if_weights_differ(monkeypatch):
    monkeypatch.setattr(epoch_benchmark, "ProcessPoolExecutor", lambda *arguments: ThreadPoolExecutor(1))
    monkeypatch.setattr(epoch_benchmark, "_difference", lambda work: 1e-3)
    with pytest.raises(SystemExit, match="nothing is timed"):
        epoch_benchmark.check(TINY)


def test_ratios_are_medians_of_rounds():
    seconds = {OURS: [1.0, 2.0, 4.0], "model.fit": [10.0, 10.0, 80.0]}
    assert epoch_benchmark.ratio(seconds, "model.fit") == 10.0
    assert epoch_benchmark.row(TINY, seconds, 3.0)["model.fit"] == "10.0 (2)"


@pytest.mark.process
def test_sides_alternate_in_separate_processes():
    seconds, first = epoch_benchmark.measure(TINY, [OURS, "model.fit"], rounds=2)
    assert {side: len(times) for side, times in seconds.items()} == {OURS: 2, "model.fit": 2}
    assert min(first, *seconds[OURS], *seconds["model.fit"]) > 0


def test_epoch_benchmark_prints_table(monkeypatch, capsys):
    checked = []
    monkeypatch.setitem(epoch_benchmark.WORKS, "tiny", TINY)
    monkeypatch.setattr(epoch_benchmark, "check", checked.append)
    monkeypatch.setattr(
        epoch_benchmark, "measure", lambda work, sides, rounds: ({side: [0.5] * rounds for side in sides}, 3.0)
    )
    epoch_benchmark.main(rounds=1, work=["tiny"], peer=["model.fit"])
    out = capsys.readouterr().out
    assert checked == [TINY]
    assert "relative to folklore.fit" in out
    assert "tiny" in out


@pytest.mark.parametrize(("option", "given", "nearest"), [("--work", "lent", "lenet"), ("--peer", "tosch", "torch")])
def test_misspelt_name_names_nearest(option, given, nearest):
    app = typer.Typer()
    app.command()(epoch_benchmark.main)
    result = CliRunner().invoke(app, [option, given], env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert f"{given!r} is unknown. Did you mean {nearest!r}?" in result.output


@pytest.mark.compile
@pytest.mark.parametrize("side", sorted(SIDES))
def test_every_side_trains(side):
    module = SIDES[side].module
    for package in ("torch", "jax"):
        if module.startswith(package):
            pytest.importorskip(package)
    imported = pytest.importorskip(f"benchmarks.sides.{module}")
    imported.Side(TINY).train(1)


def test_readers_of_event_files_agree(tmp_path):
    compare_benchmark.write_events(tmp_path, runs=5, steps=3)
    ours = compare_benchmark.by_folklore(tmp_path)
    assert len(ours) == 5 * len(compare_benchmark.TAGS)
    compare_benchmark.check(ours, compare_benchmark.by_tensorboard(tmp_path), "TensorBoard")
    with pytest.raises(SystemExit, match="other reads other values"):
        compare_benchmark.check(ours, ours | {("arm-0/seed-0", "loss"): [1.0]}, "other")


@pytest.mark.process
def test_compare_benchmark_prints_tables(capsys):
    compare_benchmark.main(runs=4, logs=4, rounds=1)
    out = capsys.readouterr().out
    assert "best validation/loss" in out
    assert "TensorBoard's reader: ratio" in out


@pytest.mark.compile
def test_row_outcomes_benchmark_measures_ratio():
    recipe = Recipe(model=mlp, params=dict(widths=(4,)), data=diabetes, epochs=1, mode="graph")
    row = row_outcomes_benchmark.measure(recipe, rounds=2)
    assert float(row["ratio"]) > 0 and int(row["bytes"]) > 100
    assert row_outcomes_benchmark.milliseconds_to_read(rows=10, files=2) > 0


@pytest.mark.process
@pytest.mark.usefixtures("warm_workers")
def test_picture_of_run_shows_its_table_when_half_of_the_runs_have_ended():
    drawn = run_picture.picture("topic.width", NARROW_OR_WIDE, jobs=1)
    assert "2&#160;of&#160;4&#160;runs&#160;ended" in drawn
    assert "narrow" in drawn and "wide" in drawn
    assert "@font-face" not in drawn  # nothing is fetched


@pytest.mark.compile
def test_pictures_benchmark_measures_what_each_kind_adds():
    recipe = Recipe(model=cnn, params=dict(filters=(2,)), data=digits, epochs=1, mode="graph")
    rows = pictures_benchmark.measure(recipe, rounds=1)
    assert [row["pictures"] for row in rows] == ["none", *pictures_benchmark.KINDS]
    assert all(float(row["kB added"].replace(",", "")) > 0 for row in rows[1:])


def test_picture_of_verdicts_in_docs_is_that_of_rules():
    kept = Path(__file__).parent.parent / "docs" / "verdicts.svg"
    assert kept.read_text(encoding="utf-8") == verdicts_picture.picture() + "\n"


def keras_checkout(folder, version):
    (folder / "keras/src").mkdir(parents=True)
    (folder / "keras/src/version.py").write_text(f'__version__ = "{version}"\n')
    return folder


def test_keras_tests_count_those_that_fit_and_pass_with_keras(tmp_path, monkeypatch, capsys):
    passed, failed = ({"fits": True, "outcome": outcome, "why": "It differs."} for outcome in ("passed", "failed"))
    theirs = {"a": passed, "b": passed, "c": failed, "d": passed | {"fits": False}}
    ours = theirs | {"b": failed}
    monkeypatch.setattr(keras_tests, "outcomes", lambda path, fit, select: {"keras": theirs, "folklore": ours}[fit])
    keras_tests.main(keras_checkout(tmp_path, keras.__version__))
    out = capsys.readouterr().out
    assert [line.split()[-1] for line in out.splitlines() if line.strip()[-1:].isdigit()] == ["2", "1", "1", "1", "1"]
    assert "b\n    It differs." in out


def test_keras_tests_of_another_version_are_refused(tmp_path):
    with pytest.raises(typer.BadParameter, match=f"is not at Keras {keras.__version__}"):
        keras_tests.main(keras_checkout(tmp_path, "2.0.0"))


@pytest.mark.compile
def test_keras_tests_are_given_our_fit():
    from benchmarks.fit_adapter import our_fit

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    history = our_fit(model, np.ones((4, 2)), np.ones(4), 2, 3, verbose=0, validation_split=0.5, steps_per_epoch=1)
    assert (history.epoch, list(history.history)) == ([0, 1, 2], ["loss", "val_loss"])
