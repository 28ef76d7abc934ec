"""Experiments' files: what is found in them, what is said of wrong ones, what `new` and `run_file` refuse."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import experiments
import folklore
from folklore.declare import catalog, skeleton
from folklore.errors import ProblemError

DECLARATION = (
    "import data\nfrom folklore import Experiment, Metric, Recipe\nfrom models import mlp\n\n"
    "base = Recipe(model=mlp, data=data.digits)\n"
    "one = Experiment(claim='It helps.', arms={'base': base}, baseline='base', metric=Metric('test/loss', 'min'))\n"
)


@pytest.fixture
def topic(monkeypatch, tmp_path):
    """Writes a topic of experiments into a folder that takes the place of the project's own, for this test alone."""
    folder = tmp_path / "experiments"
    folder.mkdir()
    monkeypatch.setattr(experiments, "__path__", [str(folder)])

    def write(name, text):
        (folder / f"{name}.py").write_text(text)

    yield write
    for path in folder.glob("*.py"):
        sys.modules.pop(f"experiments.{path.stem}", None)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            DECLARATION.replace("digits", "digits, params=dict(drpout=0.2)"),
            r"experiments/mine\.py, line 5: The model mlp was given 'drpout', which .* Did you mean 'dropout'\?",
        ),
        ("import numpyy\n", r"experiments/mine\.py, line 1: ModuleNotFoundError"),
        ("x = (\n", r"experiments/mine\.py, line 1: SyntaxError"),
        ("x = 1\0\n", r"experiments/mine\.py: (Syntax|Value)Error: source code string cannot contain null bytes"),
        (
            "\nimport sys; sys.exit(0)\n",
            r"mine\.py, line 2: this ends Python \(SystemExit: 0\).*Remove it, or put it",
        ),
        ("\nexit()\n", r"mine\.py, line 2: this ends Python"),
        ("x = 1\n", r"experiments/mine\.py declares no experiment\. Write mine = Experiment\(…\) at the top level"),
    ],
)
def test_a_file_that_is_wrong_is_named(topic, text, says):
    topic("mine", text)
    with pytest.raises(ProblemError, match=says):
        catalog.find(["mine"])


def test_files_without_experiments_are_passed_over_where_none_was_named(topic):
    topic("empty", "x = 1\n")
    topic("mine", DECLARATION)
    assert list(catalog.find([])) == ["mine.one"] == list(catalog.find(["mine"]))
    with pytest.raises(ProblemError, match=r"There is no experiment 'mine\.on'. Did you mean 'mine\.one'"):
        catalog.find(["mine.on"])


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("ﬁt", "is not a plain Python name"),
        ("größe", "Use letters, digits and _"),
        ("zz.", "'' is not a plain Python name"),
        ("a" * 101, "of at most 100 characters"),
        ("zz." + "a" * 300, "of at most 100 characters"),
        ("zz.folklore", "'folklore' is the name of something that its file uses. Choose another"),
        ("zz.base", "'base' is the name of"),
        ("Experiment", "'Experiment' is the name of"),
        ("data.x", "'data' is the name of"),
        ("random.x", "'random' is the name of"),
    ],
)
def test_a_new_experiments_name(topic, tmp_path, name, says):
    with pytest.raises(ProblemError) as refusal:
        skeleton.write(name)
    assert says in str(refusal.value)
    assert list((tmp_path / "experiments").iterdir()) == []


@pytest.mark.parametrize("name", ["dropout", "optimizers.random", "_".join(["a"] * 50) + "a"])
def test_a_new_experiment_is_found(topic, name):
    skeleton.write(name)
    assert list(catalog.find([name])) == [name if "." in name else f"{name}.{name}"]


@pytest.fixture
def called(monkeypatch):
    """The commands that `run_file` puts in this process's place."""
    commands = []
    monkeypatch.setattr(os, "execve", lambda program, command, environment: commands.append((command, environment)))
    monkeypatch.setattr(sys, "argv", ["tiny.py", "--seeds", "2"])
    return commands


def test_a_file_runs_its_topic(called):
    folder = Path(experiments.__file__).parent
    folklore.run_file(str(folder / "quickstart.py"))
    ((command, environment),) = called
    assert command == [sys.executable, "-P", "-m", "experiments", "run", "quickstart", "--seeds", "2"]
    assert environment["PYTHONPATH"].split(os.pathsep)[0] == str(folder.parent)


@pytest.mark.process
def test_a_file_is_run_by_the_command_line_of_its_own_folder_without_waking_tensorflow(tmp_path):
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "__init__.py").write_text("raise SystemExit('the wrong package')")
    file = Path(experiments.__file__).with_name("quickstart.py")
    ended = subprocess.run(
        [sys.executable, str(file), "--set", "epoch=3"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("--set epoch=3: Recipes have no setting 'epoch'. Did you mean 'epochs'?")


def test_a_file_from_elsewhere_is_not_run_under_the_name_of_another(called, capsys, tmp_path):
    with pytest.raises(SystemExit) as left:
        folklore.run_file(str(tmp_path / "quickstart.py"))
    assert left.value.code == 2
    assert called == []
    said = capsys.readouterr().err
    assert said.startswith(f"{tmp_path}/quickstart.py is not in Folklore's experiments/, where")
    assert said.endswith("Move it there, and run it again.\n")
    assert len(said.splitlines()) == 1
