"""What a hostile reader found: odd names, damaged files, figures at the edge of what numbers can hold."""

import json

import numpy as np
import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.scalar.summary_v2 import scalar_pb

from callbacks.event_file import record
from folklore.cli import app
from folklore.declare import metrics
from folklore.declare.hypothesis import Hypothesis, Metric
from folklore.errors import DeclarationError, ProblemError
from folklore.evidence import statistics
from folklore.evidence.compare import compare
from folklore.evidence.event_reader import read_scalars
from folklore.report import html, summary, tensorboard
from folklore.storage import files, run_directory
from folklore.storage.shapes import Or, maybe, misfit
from tests.stored import add_run, declare

BETTER = {"arm": "arm", "direction": "better", "by": 0.5}
RATE = {"name": "divergence", "goal": "min"}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "logs" / "topic.experiment"
    declare(path, [BETTER])
    for seed in range(6):
        for arm in ("base", "arm"):
            add_run(path, arm, seed, seed - (arm == "arm"), {"train/rmse": [3, 2, 1], "validation/rmse": [3, 2, 1]})
    return path


def change(file, **changes):
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


@pytest.mark.parametrize("name", ["/tmp/pwn", "../../pwn", "..", ".", "index", "INDEX", "a" * 300, "a/b", "a b"])
def test_whatever_an_experiment_is_called_its_files_stay_in_the_folder(path, tmp_path, name):
    result = summary.summarise(path)
    result["comparison"]["experiment"] = name
    out = tmp_path / "deep" / "down" / "out"
    html.write([result], out)
    assert {file.suffix for file in out.iterdir() if file.is_file()} == {".html", ".md"}
    assert len(list(out.glob("*.html"))) == 2
    assert len(list((out / "results").iterdir())) == 1
    assert [file.name for file in (tmp_path / "deep").iterdir()] == ["down"]


def test_two_results_of_one_name_are_refused(path, tmp_path):
    result = summary.summarise(path)
    with pytest.raises(ProblemError, match=r"Two of the results are called 'topic\.experiment'"):
        html.write([result, result], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_arm_that_leads_elsewhere_is_damage(path):
    declare(path, arms=("base", "../../../evil"))
    with pytest.raises(ProblemError, match=r"experiment\.json is damaged: The arm '\.\./\.\./\.\./evil' cannot be"):
        compare(path)


def test_a_board_that_is_a_link_is_replaced_and_what_it_leads_to_kept(path, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "file").touch()
    (tmp_path / "board").symlink_to(mine)
    tensorboard.write([path], tmp_path / "board")
    assert [file.name for file in mine.iterdir()] == ["file"]


def test_an_arm_called_verdict_keeps_its_own_run(path, tmp_path):
    declare(path, arms=("base", "verdict"))
    out = tensorboard.write([path], tmp_path / "board")
    assert {folder.name for folder in out.iterdir()} == {"base", "verdict", "verdict_"}


def rates(path, arm, against, hypothesis):
    declare(path, [BETTER | {"metric": RATE} | hypothesis])
    for name, hits in (("arm", arm), ("base", against)):
        for seed, hit in enumerate(hits):
            add_run(path, name, seed, 1, status="diverged" if hit else "done")
    (found,) = compare(path)["hypotheses"]
    return found


def test_a_rate_against_a_number_has_wilsons_interval_and_a_binomial_test(path):
    found = rates(path, [0] * 6, [0] * 6, {"against": 0.05, "by": 0.01})
    assert found["verdict"] == "undecided"
    assert found["ci"][0] < 0 < found["ci"][1]
    assert found["p"] == 1


def test_the_seeds_that_a_rate_needs_are_told_by_its_own_interval(path):
    found = rates(path, [0] * 6, [0] * 6, {"by": 0.1})
    n = found["seeds_needed"]
    assert n > 40
    lo, hi = statistics.newcombe_difference(0, n, 0, n, 0.98)
    assert -0.1 < lo < hi < 0.1


def test_rates_have_no_trend():
    with pytest.raises(DeclarationError, match="rates have no interval of a trend"):
        Hypothesis(("a", "b", "c"), "worse", 0.1, Metric("divergence", "min"))


@pytest.mark.parametrize(
    "text",
    ["epoch,validation/rmse\n1,3\n2,11.", "epoch,validation/rmse\n1,3,4\n", "epoch,epoch\n1,2\n", "epoch,x/y\n1\n"],
)
def test_a_history_that_is_not_whole_is_named(path, text):
    (path / "arm" / "seed-0" / "history.csv").write_text(text)
    with pytest.raises(ProblemError, match=r"seed-0/history\.csv cannot be read: it is not whole"):
        compare(path, "best validation/rmse")


@pytest.mark.parametrize("selected", [0, -1, 99])
def test_an_epoch_that_was_not_trained_selects_nothing(path, selected):
    change(path / "arm" / "seed-0" / "run.json", selected_epoch=selected)
    change(path / "experiment.json", hypotheses=[])
    add_history = {"running/rmse": [1, 2, 3]}
    for seed in range(6):
        for arm in ("base", "arm"):
            run = run_directory.read_run(path / arm / f"seed-{seed}").record
            add_run(path, arm, seed, 1, add_history, selected_epoch=run["selected_epoch"])
    assert compare(path, "running/rmse")["arms"]["arm"]["n"] == 5


@pytest.mark.parametrize(
    "changes",
    [
        {"hypotheses": [BETTER | {"by": -1}]},
        {"hypotheses": [BETTER | {"by": 0}]},
        {"hypotheses": [BETTER | {"arm": []}]},
        {"hypotheses": [BETTER | {"arm": [[1]]}]},
        {"hypotheses": [BETTER | {"arm": ["arm"]}]},
        {"hypotheses": [BETTER | {"against": True}]},
        {"hypotheses": [BETTER | {"metric": {"name": "test/rmse"}}]},
        {"hypotheses": [BETTER | {"metric": {"name": "nonsense", "goal": "min"}}]},
        {"hypotheses": [BETTER | {"claim": 5}]},
        {"tuning": {"arm": 5}},
        {"facts": [1]},
        {"end": "30"},
        {"unit": 5},
    ],
)
def test_a_declaration_that_could_not_have_been_made_is_damage(path, changes):
    change(path / "experiment.json", **changes)
    with pytest.raises(ProblemError, match=r"experiment\.json (is damaged|is about)"):
        compare(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"versions": 5},
        {"versions": {"keras": []}},
        {"code": "x"},
        {"seconds": []},
        {"divergence": 5},
        {"divergence": {"epoch": 1}},
        {"selected_epoch": "x"},
        {"selected_epoch": 1.5},
        {"metrics": {"test/rmse": "x"}},
    ],
)
def test_a_run_that_could_not_have_been_written_is_damage(path, changes):
    change(path / "arm" / "seed-0" / "run.json", **changes)
    with pytest.raises(ProblemError, match=r"run\.json is damaged"):
        summary.summarise(path)


def test_json_too_deep_or_too_large_is_damage_or_no_figure(path):
    (path / "arm" / "seed-0" / "run.json").write_text("[" * 200_000)
    with pytest.raises(ProblemError, match=r"run\.json cannot be read"):
        compare(path)
    change(path / "base" / "seed-0" / "run.json", metrics={"test/rmse": 10**400})
    add_run(path, "arm", 0, 1)
    assert compare(path)["arms"]["base"]["n"] == 5


def test_figures_as_large_as_floats_are_compare_without_a_word(path):
    for seed in range(6):
        add_run(path, "arm", seed, 1e308 * (-1) ** seed)
        add_run(path, "base", seed, -1e308)
    assert json.dumps(compare(path), allow_nan=False)


@pytest.mark.parametrize("value", ["1..2", "1e", "1-2", "1e999", "1_0", "nan"])
def test_a_target_that_is_no_number(value):
    with pytest.raises(DeclarationError):
        metrics.parse(f"epochs to validation/rmse {value}")


def test_a_history_without_seconds_has_no_time_to_a_target():
    assert metrics.parse("seconds to validation/rmse 5").of({}, {"validation/rmse": [1.0]}) is None


@pytest.mark.parametrize("arguments", [("csv",), ("md",), ("json",), ("table",)])
def test_a_claim_that_computation_settles_in_every_format(tmp_path, capsys, arguments):
    path = tmp_path / "topic.sums"
    facts = [{"statement": "Two and two", "expected": 4, "found": 4, "holds": True}]
    declare(path, arms=(), facts=facts, metric=None, baseline="")
    with pytest.raises(SystemExit) as left:
        app.main(["compare", "--logdir", str(tmp_path), "--format", *arguments])
    assert not left.value.code, capsys.readouterr().err
    assert tensorboard.write([path], tmp_path / "board").is_dir()


@pytest.mark.parametrize(
    "kept",
    [
        {"format": 1},
        {"format": 1, "comparison": "experiment"},
        {"format": 1, "comparison": {"experiment": "q"}},
        {"format": 2, "comparison": {"experiment": "q"}},
    ],
)
def test_a_kept_result_that_is_damaged_is_named_and_nothing_written(tmp_path, capsys, kept):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "q.json").write_text(json.dumps(kept))
    with pytest.raises(SystemExit) as left:
        app.main(["report", str(tmp_path / "kept"), "--out", str(tmp_path / "out")])
    error = capsys.readouterr().err
    assert left.value.code == 2
    assert "q.json" in error
    assert len(error.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_every_part_of_a_kept_result_may_be_missing(path, tmp_path, capsys):
    whole = summary.summarise(path)
    folder = tmp_path / "kept"
    for part in whole["comparison"]:
        files.write_json(
            folder / "q.json", whole | {"comparison": {k: v for k, v in whole["comparison"].items() if k != part}}
        )
        with pytest.raises(SystemExit) as left:
            app.main(["report", str(folder), "--out", str(tmp_path / part)])
        assert left.value.code in (0, 2, None), (part, capsys.readouterr().err)


@pytest.mark.parametrize("dtype", [20, 21, 7])
def test_tensors_of_no_number(tmp_path, dtype):
    value = scalar_pb("x", 0.0).value[0]
    value.tensor.Clear()
    value.tensor.dtype = dtype
    event = Event(step=1, summary=Summary(value=[value, scalar_pb("y", 1.0).value[0]]))
    (tmp_path / "tfevents").write_bytes(record(event.SerializeToString()))
    assert list(read_scalars(tmp_path).series) == ["y"]


def test_a_tensor_that_says_it_is_enormous_asks_for_no_memory(tmp_path):
    value = scalar_pb("x", 0.0).value[0]
    value.tensor.Clear()
    value.tensor.dtype = 2
    value.tensor.tensor_shape.dim.add(size=10**12)
    value.tensor.double_val.append(1.0)
    (tmp_path / "tfevents").write_bytes(record(Event(summary=Summary(value=[value])).SerializeToString()))
    assert read_scalars(tmp_path).series == {}


def test_statistics_of_too_little():
    assert np.isnan(statistics.welch([1.0], [1.0, 2.0]).p)
    assert statistics.seeds_for_power(-0.5, 1) == statistics.seeds_for_power(0.5, 1)
    for effect, std in ((0, 1), (1, 0), (1e-9, 1)):
        with pytest.raises(ValueError, match="no power to speak of"):
            statistics.seeds_for_power(effect, std)


@pytest.mark.parametrize(
    ("value", "shape", "place"),
    [
        ({"a": 1}, {"a": int, "b": maybe(str)}, ""),
        ({"a": 1, "b": 2}, {"a": int, "b": maybe(str)}, "b"),
        ({"a": [{"x": "y"}]}, {"a": [{"x": int}]}, "a/0/x"),
        ({"a": True}, {"a": int}, "a"),
        ({"a": True}, {"a": (True, False)}, ""),
        ({"a": ["b", 1]}, {"a": Or(str, [str])}, "a/1"),
        ({"k": 5}, {str: object}, ""),
        (5, {"a": int}, "all of it"),
        ({"a": [[]]}, {"a": ("x", "y")}, "a"),
    ],
)
def test_shapes(value, shape, place):
    assert misfit(value, shape) == place
