"""Reading commands on exact claims, and on results that a report kept, also damaged or incomplete ones."""

import json

import pytest

from folklore.cli import app
from folklore.report import summary
from folklore.report.board import live, places
from folklore.storage import files
from tests.conftest import declare


@pytest.mark.parametrize("arguments", [("csv",), ("md",), ("json",), ("table",)])
def test_exact_claim_is_compared_in_every_format(tmp_path, capsys, arguments):
    path = tmp_path / "topic.sums"
    facts = [{"statement": "Two and two", "expected": 4, "found": 4, "holds": True}]
    declare(path, arms=(), facts=facts, metric=None, baseline="")
    with pytest.raises(SystemExit) as left:
        app.main(["compare", "--logdir", str(tmp_path), "--format", *arguments])
    assert not left.value.code, capsys.readouterr().err
    board = live.Board([path], tmp_path / "board")
    (shown,) = json.loads((board.out / places.CONTENT).read_text())
    assert [(verdict["word"], verdict["claim"]) for verdict in shown["verdicts"]] == [("holds", "Two and two")]


@pytest.mark.parametrize(
    "kept",
    [
        {"format": 1},
        {"format": 1, "comparison": "experiment"},
        {"format": 1, "comparison": {"experiment": "q"}},
        {"format": 2, "comparison": {"experiment": "q"}},
    ],
)
def test_damaged_kept_result_is_named_and_nothing_is_written(tmp_path, capsys, kept):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "q.json").write_text(json.dumps(kept))
    with pytest.raises(SystemExit) as left:
        app.main(["report", str(tmp_path / "kept"), "--out", str(tmp_path / "out")])
    error = capsys.readouterr().err
    assert left.value.code == 2
    assert "q.json" in error
    assert len(error.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_kept_result_may_lack_any_part(stored, tmp_path, capsys):
    whole = summary.summarise(stored).to_dict()
    folder = tmp_path / "kept"
    for part in whole["comparison"]:
        files.write_json(
            folder / "q.json", whole | {"comparison": {k: v for k, v in whole["comparison"].items() if k != part}}
        )
        with pytest.raises(SystemExit) as left:
            app.main(["report", str(folder), "--out", str(tmp_path / part)])
        assert left.value.code in (0, 2, None), (part, capsys.readouterr().err)
