"""Logs of others, and runs of one's own training, through every reading command; and the page that explains them."""

import contextlib
import csv
import io
import json
import re
import shlex
from pathlib import Path

import pytest
import tensorflow as tf
from sklearn.datasets import load_diabetes

import folklore
from callbacks.event_file import EventFile
from folklore.cli import app
from folklore.errors import ProblemError
from folklore.evidence.logs.event_reader import read_scalars
from folklore.report import tables
from folklore.report.board import live
from tests.conftest import add_run, declare
from tests.conftest import command_output as run

PAGE = (Path(__file__).parents[1] / "docs" / "logs.md").read_text(encoding="utf-8")
SCRIPT, WRITER = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
OUTPUTS = re.findall(r"^```\n(runs\n.*?)^```$", PAGE, re.M | re.S)
COMMANDS = re.findall(r"^python -m experiments (\w+ runs.*)$", PAGE, re.M)


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """The two widths of the page with eight seeds each, in the working directory."""
    monkeypatch.chdir(tmp_path)
    exec(WRITER.replace("torch.utils.tensorboard", "tensorboardX"), {})
    return tmp_path / "runs"


@pytest.fixture
def served(monkeypatch):
    """The folders that TensorBoard would be started on, each with its runs and their curves."""
    found = []

    def serve(board, port, host):
        runs = {file.parent for file in board.out.rglob("events.out.tfevents.*")}
        runs |= {link for link in board.out.rglob("seed-*") if link.is_symlink()}
        found.append((board.out, {str(run.relative_to(board.out)): read_scalars(run).series for run in runs}))
        return 0

    monkeypatch.setattr(live, "serve", serve)
    return found


def unfolded(text):
    """The text of a table or a paragraph, however wide the terminal."""
    return re.sub("─+", "─", " ".join(text.split()))


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as left:
        app.main([str(argument) for argument in arguments])
    assert left.value.code == 2
    return capsys.readouterr().err


def test_commands_of_page_read_logs_of_pytorch(capsys, runs, served):
    assert [command.split()[0] for command in COMMANDS] == ["compare", "compare", "board", "report"]
    listed, compared, _, _ = (unfolded(run(capsys, *shlex.split(command))) for command in COMMANDS)
    assert unfolded(OUTPUTS[0]) in listed
    assert unfolded(OUTPUTS[1]) in compared  # to the digit
    page = (runs.parent / "reports" / "runs.html").read_text(encoding="utf-8")
    assert "is better than &#39;width8&#39; by at least 0.02 (exploratory" in page
    assert "python -m experiments run" not in page  # nothing can repeat these runs
    assert "None of 16 runs failed" in page
    ((shown, content),) = served
    assert shown == Path("logs/.board")
    curves = [f"width{n}/{part}" for n in (32, 8) for part in ("train", "validation")]
    assert sorted(content) == ["verdict", *curves]
    assert {len(content[curve]["Loss"].values) for curve in curves} == {20}


def test_board_on_every_run_reads_logs_as_they_are(capsys, runs, served):
    run(capsys, "board", "runs", "--seeds")
    ((_, content),) = served
    assert set(content) == {f"width{n}/seed-{seed}" for n in (8, 32) for seed in range(8)}
    assert {tuple(series) for series in content.values()} == {("Loss/train", "Loss/val")}


def test_report_without_question_shows_the_arms(capsys, runs):
    run(capsys, "report", "runs", "--baseline", "width32")
    assert "2 arms, by validation/Loss" in (runs.parent / "reports" / "index.html").read_text(encoding="utf-8")


def test_list_names_what_is_in_the_log_directory(capsys, runs, stored):
    out = run(capsys, "list", "--logdir", "runs")
    assert re.search(r"^ runs +2 arms × 8 seeds .* logged +16", out, re.M)
    out = run(capsys, "list", "topic", "--logdir", stored.parent)
    assert re.search(r"topic\.experiment +It helps\. +stat +16", out)
    listed = json.loads(run(capsys, "list", "--format", "json", "--logdir", stored.parent))
    assert listed[-1] == {"name": "topic.experiment", "claim": "It helps.", "kind": "stat"}
    assert "There is no experiment 'tpic'" in refused(capsys, "list", "tpic", "--logdir", stored.parent)


def test_several_metrics_are_compared_one_after_the_other(capsys, runs, stored):
    out = run(capsys, "compare", "runs", "--metric", "Loss/val", "--metric", "best Loss/train", "--format", "json")
    assert [compared["metric"] for compared in json.loads(out)] == ["validation/Loss", "best train/Loss"]
    out = run(capsys, "compare", stored, "--metric", "test/rmse", "--metric", "last train/rmse", "--format", "json")
    assert [compared["metric"] for compared in json.loads(out)] == ["test/rmse", "last train/rmse"]


def test_best_arm_is_marked_and_comes_first_when_sorted(capsys, runs):
    assert "best mean: width32" in " ".join(run(capsys, "compare", "runs").split())
    drawn = tables.arms(folklore.compare("runs").comparison).renderables[0]
    assert [row.style for row in drawn.rows] == [None, "bold"]
    out = run(capsys, "compare", "runs", "--sort", "--format", "csv")
    assert [row["arm"] for row in csv.DictReader(io.StringIO(out))] == ["width32", "width8"]


def test_runs_are_printed_a_row_each(capsys, runs, stored):
    add_run(stored, "arm", 8, status="diverged")
    metrics = ("--metric", "best validation/rmse", "--metric", "test/rmse")
    rows = list(csv.DictReader(io.StringIO(run(capsys, "compare", stored, *metrics, "--format", "runs"))))
    assert len(rows) == 17
    assert list(rows[0])[:6] == ["experiment", "arm", "seed", "status", "best validation/rmse", "test/rmse"]
    (lost,) = [row for row in rows if row["status"] == "diverged"]
    assert (lost["arm"], lost["seed"], lost["test/rmse"]) == ("arm", "8", "")
    rows = list(csv.DictReader(io.StringIO(run(capsys, "compare", "runs", "--format", "runs"))))
    assert {(row["arm"], row["seed"]) for row in rows} == {(f"width{n}", str(s)) for n in (8, 32) for s in range(8)}


def test_metrics_of_experiment_are_listed(capsys, stored):
    out = run(capsys, "compare", stored, "--list-metrics")
    assert re.search(r"test/rmse +lower +16", out)
    assert re.search(r"probe/dead_units +– +16", out)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("compare", "topic", "--expect", "arm better 1"), "an experiment declares its hypotheses"),
        (("compare", "topic", "runs", "--baseline", "arm"), "an experiment declares its baseline"),
        (("board", "topic", "--metric", "validation/rmse"), "an experiment is shown by its own metric"),
        (("report", "topic", "--metric", "validation/rmse"), "an experiment is shown by its own metric"),
        (("board", "runs", "--metric", "Loss/vla"), "Did you mean 'Loss/val'?"),
        (("report", "runs", "--expect", "width better 1"), "which is unknown. Did you mean 'width8'?"),
        (("report", "runs", "--group", "{arm}/{seed}"), "fits --group '{arm}/{seed}'; one is"),
    ],
)
def test_options_that_do_not_fit_are_refused(capsys, runs, stored, arguments, message):
    assert message in " ".join(refused(capsys, *arguments, "--logdir", stored.parent).split())


def test_python_reads_the_same(runs):
    found = folklore.compare("runs", "Loss/val", baseline="width8", expect="width32 better 0.02")
    assert found.verdicts["verdict"].tolist() == ["supported"]
    assert "SUPPORTED, SIZE OPEN: In validation/Loss" in str(found)
    assert folklore.compare("runs", group="width{width}_seed{seed}").table.index.tolist() == ["width 8", "width 32"]
    frame = folklore.runs("runs")
    assert frame.groupby("arm")["validation/Loss"].count().to_dict() == {"width8": 8, "width32": 8}
    assert folklore.curves("runs").groupby("arm")["train/Loss"].count().to_dict() == {"width8": 160, "width32": 160}


def test_expectation_about_an_experiment_is_refused(stored):
    with pytest.raises(ProblemError, match="declares its hypotheses"):
        folklore.compare(stored, expect="arm better 1")


def test_data_that_some_runs_do_not_know_are_other_data(tmp_path):
    declare(tmp_path)
    add_run(tmp_path, "base", 0, 1.0)
    add_run(tmp_path, "arm", 0, 1.0, data=None)
    with pytest.raises(ProblemError, match="different data: unknown, diabetes"):
        folklore.compare(tmp_path)


@pytest.mark.compile
@pytest.mark.filterwarnings("ignore:Even though the")  # of running eagerly, which is ten times as fast here
def test_script_of_page_ends_in_a_verdict(capsys, served, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    load_diabetes(as_frame=True, scaled=False).frame.to_csv("patients.csv", index=False)
    tf.config.run_functions_eagerly(True)
    try:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(SCRIPT.replace("epochs=60", "epochs=1, batch_size=264"), {})
    finally:
        tf.config.run_functions_eagerly(False)
    assert re.search(
        r"^(SUPPORTED|REFUTED|UNDECIDED|NO PRACTICAL).*: A network predicts better", printed.getvalue(), re.M
    )
    (compared,) = json.loads(run(capsys, "compare", "patients", "--format", "json"))
    (judged,) = compared["hypotheses"]
    assert (compared["metric"], judged["n"], compared["warnings"]) == ("test/mae", 8, [])
    run(capsys, "board", "patients")
    assert all("mae" in served[0][1][curve] for curve in ("raw/train", "raw/validation"))
    run(capsys, "report", "patients")
    assert (tmp_path / "reports" / "patients.scaling.html").exists()
    assert re.search(r"patients\.scaling +A network predicts .* +logged +16", run(capsys, "list", "patients"))


def test_logged_runs_without_a_question_are_found_by_name(capsys, runs, stored):
    runs.rename(stored.parent / "my.width")
    assert "width32" in run(capsys, "compare", "my.width", "--logdir", stored.parent)
    assert re.search(r"my\.width .* logged +16", run(capsys, "list", "--logdir", stored.parent))


def test_metric_whose_name_says_no_direction_is_named(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for arm in ("a", "b"):
        for seed in range(2):
            file = EventFile(tmp_path / "odd" / arm / f"seed-{seed}")
            file.add_scalars({"gap": 1.0 + seed}, 1)
            file.close()
    assert "lower gap is taken as better, since its name does not say which is" in unfolded(
        run(capsys, "compare", "odd")
    )


def test_unfinished_run_of_logger_is_left_out(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for arm in ("a", "b"):
        for seed in range(3):
            directory = tmp_path / "mine" / arm / f"seed-{seed}"
            file = EventFile(directory)
            file.add_scalars({"loss": 1.0 + seed}, 1)
            file.close()
            (directory / "run.json").write_text("{}")
            if seed:
                (directory / "DONE").touch()
    out = unfolded(run(capsys, "compare", "mine"))
    assert "unfinished runs are left out: a/seed-0, b/seed-0" in out
    assert re.search(r" a +2 ", out)


def test_list_takes_a_log_directory(capsys, runs):
    assert "2 arms × 8 seeds" in run(capsys, "list", "runs")


def test_experiment_without_a_finished_run_does_not_hide_the_others(capsys, stored):
    declare(stored.parent / "topic.waiting")
    with pytest.raises(SystemExit) as left:
        app.main(["compare", "--logdir", str(stored.parent)])
    printed = capsys.readouterr()
    assert left.value.code == 2
    assert "topic.experiment" in printed.out
    assert "topic.waiting has no finished run yet" in printed.err
    pages = stored.parent / "pages"
    assert "Left out of the report: topic.waiting" in refused(
        capsys, "report", "--logdir", stored.parent, "--out", pages
    )
    assert (pages / "topic.experiment.html").exists()
