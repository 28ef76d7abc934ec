"""Stored runs as frames, and comparisons as objects of a notebook."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import folklore
from callbacks.event_file import EventFile
from folklore.errors import ProblemError
from tests.conftest import add_run, declare


def test_runs_are_a_row_each(stored):
    add_run(stored, "arm", 8, status="diverged")
    add_run(stored, "base", 8, 18.0, collapse={"epoch": 1, "reason": "no better than a constant"})
    frame = folklore.runs(stored.parent)
    assert len(frame) == 18
    first = frame[(frame.arm == "arm") & (frame.seed == 2)].iloc[0]
    assert (first["experiment"], first["status"], first["test/rmse"], first["params.kind"]) == (
        "topic.experiment", "done", 10.1, "arm",
    )  # fmt: skip
    assert frame.status.value_counts()["diverged"] == 1
    assert frame.collapsed.sum() == 1
    assert frame.groupby("arm")["test/rmse"].mean()["arm"] == pytest.approx(11.5)
    assert folklore.runs(stored).equals(frame)  # an experiment's own directory will do


def test_curves_have_a_row_an_epoch(stored):
    frame = folklore.curves(stored.parent)
    assert len(frame) == 2 * 8 * 3
    assert list(frame.columns[:4]) == ["experiment", "arm", "seed", "epoch"]
    assert frame[frame.arm == "arm"].groupby("epoch")["train/rmse"].mean().tolist() == [7, 6, 5]


def test_experiments_of_a_log_directory_are_put_together(stored):
    declare(stored.parent / "topic.other")
    add_run(stored.parent / "topic.other", "base", 0, 1.0, {"probe/only_here": [1, 2, 3]})
    assert folklore.runs(stored.parent).experiment.value_counts().to_dict() == {
        "topic.experiment": 16, "topic.other": 1,
    }  # fmt: skip
    assert folklore.curves(stored.parent)["probe/only_here"].count() == 3


def test_comparison_has_frames_plot_and_html(stored):
    found = folklore.compare(stored)
    assert found.table.loc["arm", "mean"] == pytest.approx(11.5)
    assert found.table.loc["arm", "difference"] == pytest.approx(-2)
    (verdict,) = found.verdicts.to_dict("records")
    assert (verdict["verdict"], verdict["size"], verdict["n"]) == ("supported", "settled", 8)
    assert verdict["sentence"].startswith("In test/rmse, 'arm' is better than 'base' by 2.0000")
    assert len(found.plot().data) > 8
    shown = found._repr_html_()
    assert "<b>supported</b>: It helps." in shown
    assert "against baseline" in shown
    assert folklore.compare(stored.parent).comparison == found.comparison


def test_names_in_html_are_escaped(tmp_path):
    declare(tmp_path, [{"arm": "arm", "direction": "better", "by": 1}], claim="<script>alert(1)</script>")
    add_run(tmp_path, "base", 0, 1.0)
    assert "<script>" not in folklore.compare(tmp_path)._repr_html_()


def test_other_metric_is_compared(stored):
    assert folklore.compare(stored, "best validation/rmse").table.loc["arm", "mean"] == 5.5


def test_logs_of_others_are_compared_with_a_chosen_baseline(tmp_path):
    for arm, loss in (("a", 1.0), ("b", 2.0)):
        for seed in range(2):
            file = EventFile(tmp_path / arm / f"{seed}")
            file.add_scalars({"loss": loss + seed}, 1)
            file.close()
    found = folklore.compare(tmp_path, "loss", group="{arm}/{run}", baseline="b")
    assert found.table.loc["a", "difference"] == -1
    assert found.comparison.baseline == "b"
    assert found.verdicts.empty
    with pytest.raises(ProblemError, match="have no arm 'c'"):
        folklore.compare(tmp_path, "loss", group="{arm}/{run}", baseline="c")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda path: folklore.runs(path / "none"), "holds no runs"),
        (lambda path: folklore.curves(path / "none"), "holds no runs"),
        (lambda path: folklore.compare(path, baseline="arm"), "declares its baseline"),
        (lambda path: folklore.compare(path.parent), "holds 2 experiments. Give one: "),
    ],
)
def test_unclear_requests_are_refused(stored, call, message):
    declare(stored.parent / "topic.other")
    with pytest.raises(ProblemError) as refusal:
        call(stored)
    assert message in str(refusal.value)


@pytest.mark.process
def test_frames_import_no_tensorflow(stored):
    code = (
        f"import sys, folklore\nfolklore.runs({str(stored)!r}); folklore.compare({str(stored)!r}).table\n"
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_example_of_readme_works(tmp_path, monkeypatch):
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    (example,) = [
        block for block in re.findall(r"^```python\n(.*?)^```$", readme, re.M | re.S) if "folklore.runs" in block
    ]
    path = tmp_path / "logs" / "quickstart.fashion_mnist"
    declare(path, metric={"name": "test/accuracy", "goal": "max"})
    for arm in ("base", "arm"):
        add_run(path, arm, 0, metrics={"test/accuracy": 0.5})
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(example, names)
    assert names["found"].table.loc["arm", "mean"] == 0.5
