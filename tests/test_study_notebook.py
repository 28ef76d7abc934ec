"""Running an experiment from Python."""

import io
import subprocess
import sys
import textwrap

import pytest
from rich.console import Console

import folklore
from folklore.errors import ProblemError
from tests.conftest import NARROW_OR_WIDE

pytestmark = [pytest.mark.process, pytest.mark.usefixtures("warm_workers")]


def test_experiment_is_run_and_compared(tmp_path):
    console = Console(file=io.StringIO(), width=120)
    found = folklore.run(NARROW_OR_WIDE, "my.width", seeds=2, logdir=tmp_path, jobs=1, console=console)
    assert found.table["n"].to_dict() == {"narrow": 2, "wide": 2}
    assert found.comparison.experiment == "my.width"
    assert len(folklore.runs(tmp_path)) == 4
    assert "my.width" in console.file.getvalue()
    again = folklore.run(NARROW_OR_WIDE, "my.width", seeds=2, logdir=tmp_path, jobs=1, console=console)
    assert again.comparison == found.comparison
    assert "4 runs already done" in console.file.getvalue()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(name="width"), "Give a topic and an experiment, such as 'my.width'"),
        (dict(name="a/b.c"), "cannot be a directory's name"),
        (dict(seeds=2, until_decided=True), "seeds and until_decided were both given"),
        (dict(experiment="quickstart"), "Give an Experiment"),
    ],
)
def test_unclear_request_is_refused_before_anything_is_written(tmp_path, arguments, message):
    given = {"experiment": NARROW_OR_WIDE, "logdir": tmp_path / "logs"} | arguments
    with pytest.raises(ProblemError) as refusal:
        folklore.run(**given)
    assert message in str(refusal.value)
    assert not (tmp_path / "logs").exists()


def test_script_of_ones_own_trains_and_compares(tmp_path):
    (tmp_path / "study.py").write_text(
        textwrap.dedent(
            """
            import data
            import folklore
            from folklore import Experiment, Hypothesis, Metric, Recipe
            from models import mlp

            base = Recipe(model=mlp, params=dict(widths=(8,)), data=data.diabetes, epochs=1, mode="graph")
            study = Experiment(
                claim="A wider network predicts better.",
                arms={"narrow": base, "wide": base.but(params=dict(widths=(64,)))},
                baseline="narrow",
                metric=Metric("test/rmse", goal="min"),
                hypothesis=Hypothesis("wide", "better", by=1),
            )

            if __name__ == "__main__":
                print(folklore.run(study, "my.study", seeds=1, jobs=1).table["n"].to_dict())
            """
        )
    )
    ended = subprocess.run(
        [sys.executable, "study.py"], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "logs" / "my.study" / "wide" / "seed-0" / "DONE").exists()
