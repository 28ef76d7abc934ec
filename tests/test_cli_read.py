"""The reading commands on hand-made runs."""

import json
import subprocess
import sys

import pytest

from callbacks.event_file import EventFile
from folklore.cli import app
from tests.conftest import add_run, declare
from tests.conftest import command_output as run


@pytest.fixture
def logdir(tmp_path):
    path = tmp_path / "logs" / "topic.experiment"
    declare(path, [{"arm": "arm", "direction": "better", "by": 0.5}])
    for seed in range(8):
        add_run(path, "base", seed, 10 + seed + 0.1 * (seed % 3), {"validation/rmse": [3, 2, 2]})
        add_run(path, "arm", seed, 8 + seed, {"validation/rmse": [3, 1, 1]})
    return path.parent


@pytest.fixture
def foreign(tmp_path):
    for seed in range(2):
        for arm in ("a", "b"):
            file = EventFile(tmp_path / "others" / arm / f"{seed}" / "validation")
            file.add_scalars({"epoch_loss": seed + (arm == "b")}, 1)
            file.close()
    return tmp_path / "others"


def test_compare_shows_verdict(capsys, logdir):
    out = " ".join(run(capsys, "compare", "topic", "--logdir", logdir).split())
    assert "SUPPORTED: It helps." in out
    assert "what would matter: 0.5000" in out


def test_missing_directory_is_not_reported_as_misspelt_name(capsys, logdir):
    with pytest.raises(SystemExit):
        app.main(["compare", "path/to/logs", "--group", "{arm}", "--logdir", str(logdir)])
    assert "There are no runs in 'path/to/logs'" in capsys.readouterr().err


def test_compare_uses_metric_from_histories(capsys, logdir):
    out = run(capsys, "compare", "--logdir", logdir, "--metric", "best validation/rmse", "--format", "json")
    (compared,) = json.loads(out)
    assert (compared["arms"]["arm"]["mean"], compared["goal"], compared["hypotheses"]) == (1, "min", [])


def test_compare_reads_foreign_logs(capsys, foreign, logdir):
    out = run(capsys, "compare", foreign, "topic", "--group", "{arm}/{seed}", "--logdir", logdir, "--format", "json")
    theirs, ours = json.loads(out)
    assert (theirs["experiment"], theirs["metric"]) == ("others", "validation/epoch_loss")
    assert theirs["arms"]["b"]["difference"]["mean"] == 1
    assert ours["experiment"] == "topic.experiment"


@pytest.mark.parametrize("format_", ["table", "csv", "md"])
def test_foreign_logs_are_compared_in_every_format(capsys, foreign, format_):
    assert "others" in run(capsys, "compare", foreign, "--group", "{arm}/{seed}", "--format", format_)


def test_report_can_be_rebuilt_from_kept_results(capsys, logdir, tmp_path):
    out = run(capsys, "report", "--logdir", logdir, "--out", tmp_path / "one")
    assert "index.html, and 1 page beside it" in " ".join(out.split())
    run(capsys, "report", tmp_path / "one" / "results", "--out", tmp_path / "two")
    for name in ("claims.md", "index.html"):
        assert (tmp_path / "one" / name).read_text() == (tmp_path / "two" / name).read_text()


@pytest.mark.process
def test_reading_imports_neither_keras_nor_tensorflow(logdir, foreign, tmp_path):
    code = (
        "import sys\nfrom pathlib import Path\nfrom folklore.cli import app\n"
        "from folklore.report.board import live\n"
        f"for given in (['compare', '--logdir', {str(logdir)!r}],\n"
        f"              ['compare', {str(foreign)!r}, '--group', '{{arm}}/{{seed}}'],\n"
        f"              ['report', '--logdir', {str(logdir)!r}, '--out', {str(tmp_path / 'out')!r}]):\n"
        "    try: app.main(given)\n"
        "    except SystemExit as left: assert not left.code\n"
        f"live.Board([Path({str(logdir / 'topic.experiment')!r})], Path({str(tmp_path / 'board')!r}))\n"
        "assert not {'tensorflow', 'keras', 'keras.src'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def served(monkeypatch):
    """The folders of boards that would have been served."""
    folders = []
    monkeypatch.setattr("folklore.report.board.live.serve", lambda board, port, host: folders.append(board.out) or 0)
    return folders


def test_board_prints_address_and_which_runs_it_shows(capsys, logdir, served):
    out = " ".join(run(capsys, "board", "topic", "--logdir", logdir, "--port", 0).split())
    assert "Open http://127.0.0.1:" in out and out.endswith("#verdict")
    for seed in range(8, 12):
        add_run(logdir / "topic.experiment", "base", seed, 10)
        add_run(logdir / "topic.experiment", "arm", seed, 8)
    out = " ".join(run(capsys, "board", "topic", "--logdir", logdir, "--port", 0, "--seeds").split())
    assert out.startswith("Showing 20 of 24 runs, the first seeds of every arm, ") and out.endswith("#timeseries")
    out = run(capsys, "board", "topic", "--logdir", logdir, "--port", 0, "--seeds", "--only", "arm/seed-1?")
    assert out.startswith("Open")
    assert served == [logdir / ".board", logdir / ".board-seeds", logdir / ".board-seeds"]
    assert [link.name for link in sorted(served[-1].glob("*/seed-*"))] == ["seed-10", "seed-11"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--only", "arm/*"], "--seeds, which was not given"),
        (["--seeds", "--only", "ram/*"], "No run is called 'ram/*'"),
    ],
)
def test_board_refuses_wrong_choice_of_runs(capsys, logdir, served, options, said):
    with pytest.raises(SystemExit) as left:
        app.main(["board", "--logdir", str(logdir), "--port", "0", *options])
    assert left.value.code == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert served == []
