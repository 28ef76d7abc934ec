"""Files of experiments: how they are found, errors in them, and what `new` and `run_file` refuse."""

import os
import shutil
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
    """A function that writes a topic into a folder that replaces the project's experiments/ during one test."""
    folder = tmp_path / "experiments"
    folder.mkdir()
    monkeypatch.setattr(experiments, "__path__", [str(folder)])

    def write(name, text):
        (folder / f"{name}.py").write_text(text)

    yield write
    for path in folder.glob("*.py"):
        sys.modules.pop(f"experiments.{path.stem}", None)


def test_experiment_carries_what_its_file_says(topic, tmp_path):
    docstring = '"""Which way\nhelps?\n\nA reason.\n\nCommand:   python -m experiments run x\nCost:      none\n"""\n'
    topic(
        "said", docstring + DECLARATION + "two = Experiment(**vars(one) | {'about': 'Its own.', 'note': 'Beware.'})\n"
    )
    found = catalog.find(["said"])
    assert found["said.one"].about == "Which way helps?\n\nA reason."
    assert found["said.two"].about == "Its own."
    assert found["said.two"].to_dict()["note"] == "Beware."
    assert {"note", "about", "file"} & set(found["said.one"].to_dict()) == {"about"}


@pytest.mark.parametrize(
    ("text", "message"),
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
def test_error_in_experiment_file_names_file_and_line(topic, text, message):
    topic("mine", text)
    with pytest.raises(ProblemError, match=message):
        catalog.find(["mine"])


def test_broken_file_does_not_hide_others(topic):
    topic("broken", "x = (\n")
    topic("mine", DECLARATION)
    found, (problem,) = catalog.find_all()
    assert list(found) == ["mine.one"]
    assert problem.startswith("experiments/broken.py, line 1: SyntaxError")


def test_unnamed_files_without_experiments_are_ignored(topic):
    topic("empty", "x = 1\n")
    topic("mine", DECLARATION)
    assert list(catalog.find_all()[0]) == ["mine.one"] == list(catalog.find(["mine"]))
    with pytest.raises(ProblemError, match=r"There is no experiment 'mine\.on'. Did you mean 'mine\.one'"):
        catalog.find(["mine.on"])


@pytest.mark.parametrize(
    ("name", "message"),
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
def test_invalid_name_of_new_experiment_is_refused(topic, tmp_path, name, message):
    with pytest.raises(ProblemError) as refusal:
        skeleton.write(name)
    assert message in str(refusal.value)
    assert list((tmp_path / "experiments").iterdir()) == []


@pytest.mark.parametrize("name", ["dropout", "optimizers.random", "_".join(["a"] * 50) + "a"])
def test_new_experiment_is_found(topic, name):
    skeleton.write(name)
    assert list(catalog.find([name])) == [name if "." in name else f"{name}.{name}"]


@pytest.fixture
def called(monkeypatch):
    """The commands that `run_file` puts in this process's place."""
    commands = []
    monkeypatch.setattr(os, "execve", lambda program, command, environment: commands.append((command, environment)))
    monkeypatch.setattr(sys, "argv", ["tiny.py", "--seeds", "2"])
    return commands


def test_experiment_file_runs_its_topic(called):
    folder = Path(experiments.__file__).parent
    folklore.run_file(str(folder / "quickstart.py"))
    ((command, environment),) = called
    assert command == [sys.executable, "-P", "-m", "experiments", "run", "quickstart", "--seeds", "2"]
    assert environment["PYTHONPATH"].split(os.pathsep)[0] == str(folder.parent)


@pytest.mark.process
def test_file_runs_from_any_folder_without_tensorflow(tmp_path):
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "__init__.py").write_text("raise SystemExit('the wrong package')")
    file = Path(experiments.__file__).with_name("quickstart.py")
    ended = subprocess.run(
        [sys.executable, str(file), "--set", "epoch=3"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("--set epoch=3: Recipes have no setting 'epoch'. Did you mean 'epochs'?")


@pytest.mark.process
@pytest.mark.parametrize("own", [True, False], ids=["its own environment", "another checkout's environment"])
def test_wrong_declaration_in_file_that_is_run_is_one_paragraph(tmp_path, own):
    root = Path(folklore.__file__).parent.parent
    for package in ("callbacks", "data", "experiments", "folklore", "models"):
        shutil.copytree(root / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "models" / "mine.py").write_text("from models.mlp import mlp as mine\n")
    file = tmp_path / "experiments" / "own.py"
    text = DECLARATION.replace("digits", "digits, params=dict(drpout=0.2)").replace(
        "models import mlp", "models.mine import mine as mlp"
    )
    file.write_text(f"{text}\nimport folklore\nfolklore.run_file(__file__)\n")
    environment = os.environ | ({"PYTHONPATH": str(tmp_path)} if own else {})
    ended = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, check=False, env=environment)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("experiments/own.py, line 5: The model mlp was given 'drpout'")
    assert len(ended.stderr.splitlines()) == 1


def test_file_outside_experiments_runs_by_its_path(called, tmp_path):
    file = tmp_path / "my_study.py"
    folklore.run_file(str(file))
    ((command, environment),) = called
    assert command == [sys.executable, "-P", "-m", "experiments", "run", str(file), "--seeds", "2"]
    assert environment["PYTHONPATH"].split(os.pathsep)[0] == str(Path(folklore.__file__).parent.parent)


@pytest.fixture
def own_file(tmp_path, monkeypatch):
    """Writes a file outside experiments/; afterwards nothing of it is left in this process."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PYTHONPATH", "")
    before = set(sys.modules)

    def write(text=DECLARATION, name="a_study_of_mine.py"):
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    yield write
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_file_of_ones_own_declares_experiments(own_file, tmp_path):
    found = catalog.find([own_file()])
    assert all(name.startswith("a_study_of_mine.") for name in found)
    assert found
    assert os.environ["PYTHONPATH"] == str(tmp_path)  # so that workers find what the file defines


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("", "a_study_of_mine.py", "declares no experiment. Write one = Experiment(…)"),
        ("1 / 0", "a_study_of_mine.py", "a_study_of_mine.py, line 1: ZeroDivisionError: division by zero"),
        (DECLARATION, "json.py", "json.py cannot be imported under its name: it is taken"),
        (DECLARATION, "quickstart.py", "quickstart.py cannot be imported under its name: it is taken"),
        (DECLARATION, "my study.py", "my study.py cannot be imported under its name"),
    ],
)
def test_file_that_cannot_be_used_is_refused(own_file, text, name, message):
    with pytest.raises(ProblemError) as refusal:
        catalog.find([own_file(text, name)])
    assert message in str(refusal.value)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ProblemError, match=r"There is no file .*none"):
        catalog.find([str(tmp_path / "none.py")])


@pytest.mark.process
def test_models_of_a_file_of_ones_own_are_trained_by_workers(tmp_path):
    (tmp_path / "my_study.py").write_text(
        "import data\nimport keras\nfrom folklore import Experiment, Metric, Recipe\n\n\n"
        "def linear(input_shape, outputs):\n"
        "    x = keras.Input(input_shape)\n"
        "    return keras.Model(x, keras.layers.Dense(outputs, name='outputs')(x))\n\n\n"
        "base = Recipe(model=linear, data=data.diabetes, epochs=1, mode='graph')\n"
        "metric = Metric('test/rmse', 'min')\n"
        "one = Experiment(claim='It learns.', arms={'base': base}, baseline='base', metric=metric)\n"
    )
    command = [sys.executable, "-m", "experiments", "run", str(tmp_path / "my_study.py"), "--seeds", "1", "--jobs", "1"]
    ended = subprocess.run(
        [*command, "--logdir", str(tmp_path / "logs")], capture_output=True, text=True, check=False, timeout=120
    )
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "logs" / "my_study.one" / "base" / "seed-0" / "DONE").exists()
