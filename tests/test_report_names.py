"""Reports and boards of experiments and arms with unusual names, and boards that replace links."""

import pytest

from folklore.errors import ProblemError
from folklore.report import html, summary
from folklore.report.board.live import Board
from tests.conftest import declare


@pytest.mark.parametrize("name", ["/tmp/pwn", "../../pwn", "..", ".", "index", "INDEX", "a" * 300, "a/b", "a b"])
def test_any_experiment_name_stays_inside_folder(stored, tmp_path, name):
    content = summary.summarise(stored).to_dict()
    content["comparison"]["experiment"] = name
    result = summary.Result.of(content)
    out = tmp_path / "deep" / "down" / "out"
    html.write([result], out)
    assert {file.suffix for file in out.iterdir() if file.is_file()} == {".html", ".md", ".csv"}
    assert len(list(out.glob("*.html"))) == 2
    assert len(list((out / "results").iterdir())) == 1
    assert [file.name for file in (tmp_path / "deep").iterdir()] == ["down"]


def test_two_results_of_same_name_are_refused(stored, tmp_path):
    result = summary.summarise(stored)
    with pytest.raises(ProblemError, match=r"Two of the results are called 'topic\.experiment'"):
        html.write([result, result], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_board_replaces_link_and_keeps_its_target(stored, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "file").touch()
    (tmp_path / "board").symlink_to(mine)
    Board([stored], tmp_path / "board")
    assert [file.name for file in mine.iterdir()] == ["file"]


def test_arm_called_verdict_keeps_its_own_run(stored, tmp_path):
    declare(stored, arms=("base", "verdict"))
    out = Board([stored], tmp_path / "board").out
    assert {str(file.parent.relative_to(out)) for file in out.rglob("events*")} == {
        "base/train",
        "base/validation",
        "verdict",
        "verdict/train",
        "verdict/validation",
    }
