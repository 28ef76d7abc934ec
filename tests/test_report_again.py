"""The command on an experiment's page, run as it stands there, makes what the page shows."""

import re
import shlex
from html import unescape

import pytest

from folklore.cli import app
from folklore.report import html, summary

STUDY = '''"""Does it help to learn faster?"""
from data import digits
from folklore import Experiment, Hypothesis, Metric, Recipe
from models import mlp

slow = Recipe(model=mlp, params=dict(widths=(8,)), data=digits, data_params=dict(train_size=96), epochs=9, mode="graph",
              optimizer=dict(name="adam", learning_rate=0.01))
learning = Experiment(
    claim="It helps to learn faster.",
    arms={"slow": slow, "fast": slow.but(optimizer=dict(learning_rate=0.05))},
    baseline="slow",
    metric=Metric("test/loss", goal="min"),
    hypothesis=Hypothesis("fast", "better", by=0.01),
)
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the study's file lies, and where its commands are run."""
    folder = tmp_path_factory.mktemp("studies")
    (folder / "my_study.py").write_text(STUDY)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", str(folder))  # as the command sets it; here it ends with the test
        yield folder


def run(command, logdir):
    """Run a command of a page; return the experiment's page."""
    python, minus_m, package, *arguments = shlex.split(command)
    assert (python, minus_m, package) == ("python", "-m", "experiments")
    with pytest.raises(SystemExit) as ended:
        app.main([*arguments, "--logdir", str(logdir), "--jobs", "1"])
    assert ended.value.code == 0
    html.write([summary.summarise(logdir / "my_study.learning", seeds=True)], logdir / "report")
    return (logdir / "report" / "my_study.learning.html").read_text("utf-8")


def without_times(page):
    """All of a page but how long it took, and when."""
    return re.sub(r"\d+ seconds of training|\d{4}-\d\d-\d\d \d\d:\d\d UTC", "", page)


@pytest.mark.process
@pytest.mark.parametrize("seeds", ["--seeds 3", "--until-decided"])
def test_command_on_page_makes_what_the_page_shows(folder, tmp_path, warm_workers, seeds):
    asked = f"python -m experiments run my_study.py {seeds} --epochs 4 --set 'params.widths=[16]' --data bundled"
    first = run(asked, tmp_path / "first")
    (shown,) = re.findall(r"<pre><code>(.+?)</code></pre>", first)
    again = run(unescape(shown), tmp_path / "again")
    assert shlex.split(unescape(shown)) == shlex.split(asked)
    assert without_times(again) == without_times(first)
    assert "Diagram of the network of slow, fast" in first
    assert "Does it help to learn faster?" in first
