"""The command line, mostly in this process; some tests need a separate process."""

import json
import os
import signal
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from folklore.cli import app
from folklore.errors import ProblemError
from folklore.report import formatting

ROOT = Path(__file__).parent.parent


def run_cli(capsys, *arguments):
    """Exit status, standard output and standard error of one command."""
    with pytest.raises(SystemExit) as left:
        app.main(arguments)
    printed = capsys.readouterr()
    return left.value.code or 0, printed.out, printed.err


def run_process(*arguments, cwd=ROOT, **environment):
    command = [sys.executable, *arguments]
    env = os.environ | environment
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=300, check=False)


def test_list_names_claims_and_kinds(capsys):
    status, out, _ = run_cli(capsys, "list", "--format", "json")
    listed = {row["name"]: row for row in json.loads(out)}
    assert status == 0
    assert set(listed["quickstart.fashion_mnist"]) == {"name", "claim", "kind"}
    assert "quickstart.california_housing" in listed


def test_list_of_one_topic_is_table(capsys, tmp_path):
    status, out, _ = run_cli(capsys, "list", "quickstart", "--logdir", str(tmp_path))
    assert status == 0
    assert "quickstart.fashion_mnist" in out


@pytest.mark.process
@pytest.mark.parametrize("command", [["list"], ["compare", "--logdir", "nowhere"]])
def test_reading_imports_neither_tensorflow_nor_keras(command, tmp_path):
    code = (
        "import sys\nfrom folklore.cli import app\n"
        f"try: app.main({command})\n"
        "except SystemExit: pass\n"
        "heavy = {'tensorflow', 'keras.src', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    ended = run_process("-c", code)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "quickstrat"], "There is no experiment 'quickstrat'. Did you mean 'quickstart'?"),
        (["run", "quickstart.fashion"], "There is no experiment 'quickstart.fashion'. Did you mean 'quickstart.fash"),
        (
            ["run", "quickstart", "--set", "optimizer.learning_rat=0.1"],
            "'learning_rat', which it does not take. Did",
        ),
        (["run", "quickstart", "--set", "optimiser.learning_rate=0.1"], "Did you mean 'optimizer'?"),
        (
            ["run", "quickstart", "--set", "params.drpout=0.1"],
            "'drpout', which it does not take. Did you mean 'dropout'?",
        ),
        (["run", "quickstart", "--set", "batch_size"], "has no value"),
        (["run", "quickstart", "--set", "batch_size=many"], "batch_size is 'many'. Give a positive integer."),
        (["run", "quickstart", "--set", "params=3"], "params is 3. Give a mapping"),
        (["run", "quickstart", "--set", "epochs.x=3"], "epochs"),
        (["run", "quickstart", "--seeds", "-3"], "Given: run quickstart --seeds -3. See --help."),
        (
            ["run", "quickstart", "--seeds", "three"],
            "Given: run quickstart --seeds three. See --help.",
        ),
        (["run", "quickstart", "--sedes", "3"], "--sedes"),
        (["run", "quickstart", "--data", "reel"], "reel"),
        (["run"], "Given: run. See --help."),
        (["rnu", "quickstart"], "rnu"),
        (["run", "quickstart", "--set", "optimizer.name=[1]"], "The optimizer is [1], which is unknown. There are: ad"),
        (["run", "quickstart", "--logdir", ""], "--logdir is empty. Name a directory"),
        (["compare", "--logdir", " "], "--logdir is empty. Name a directory"),
        (["compare", ""], "'logs' holds no runs of ''"),
        (
            ["run", ""],
            "There is no experiment ''. There are: activations, cnn_zoo, initializers, ",
        ),
        (
            ["list", ""],
            "There is no experiment ''. There are: activations, cnn_zoo, initializers, ",
        ),
        (["run", "quickstart."], "There is no experiment 'quickstart.'. Did you mean"),
        (["new", ""], "'' cannot name an experiment"),
        (["describe", "mpl"], "There is no model 'mpl'. Did you mean 'mlp'?"),
        (["describe", "mlp", "--input", "28 by 28"], "--input is '28 by 28'"),
        (["describe", "mlp", "--set", "dept=3"], "given 'dept', which it does not take. Did you mean 'depth'?"),
        (["describe", "mlp", "--set", f"width={10**23}"], "mlp cannot be built: "),
        (["new", "two words"], "cannot name an experiment"),
        (["new", "class.x"], "cannot name an experiment"),
        (["new", "quickstart"], "quickstart.py exists"),
        (
            ["compare", "quickstart", "--logdir", "nowhere"],
            "holds no runs of 'quickstart'. It holds no runs at all. Run: python -m",
        ),
        (["board", "--logdir", "nowhere"], "holds no runs yet"),
        (["report", "quickstart", "--logdir", "nowhere"], "holds no runs of 'quickstart'"),
        (["run", "quickstart", "--seeds", "9", "--until-decided"], "--seeds and --until-decided were both given"),
        (
            ["run", "quickstart", "--until-decided", "--max-seeds", "5"],
            "--max-seeds 5. See --help.",
        ),
    ],
)
def test_bad_input_is_one_paragraph_and_status_2(capsys, monkeypatch, tmp_path, arguments, message):
    monkeypatch.chdir(tmp_path)
    status, out, err = run_cli(capsys, *arguments)
    assert status == 2
    assert message in err
    assert "Traceback" not in err + out
    assert len(err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_log_directory_that_is_a_file_is_refused(capsys, tmp_path):
    (tmp_path / "logs").write_text("mine")
    status, _, err = run_cli(capsys, "run", "quickstart", "--logdir", str(tmp_path / "logs"))
    assert status == 2
    assert "is a file" in err
    assert (tmp_path / "logs").read_text() == "mine"


def test_describe_prints_json(capsys):
    settings = ["--set", "depth=2", "--set", "width=30"]
    status, out, _ = run_cli(capsys, "describe", "mlp", "--input", "8", "--outputs", "1", *settings, "--format", "json")
    described = json.loads(out)
    assert status == 0
    assert described["parameters"] == described["trainable"] == 8 * 30 + 30 + 30 * 30 + 30 + 30 + 1
    assert [layer["output_shape"] for layer in described["layers"]][-1] == [1]


def test_describe_prints_svg_diagram(capsys):
    status, out, _ = run_cli(capsys, "describe", "mlp", "--format", "svg")
    assert status == 0
    assert ElementTree.fromstring(out).tag == "{http://www.w3.org/2000/svg}svg"


def test_describe_prints_table(capsys):
    status, out, _ = run_cli(capsys, "describe", "mlp")
    assert status == 0
    (row,) = (line.split() for line in out.splitlines() if line.split()[:1] == ["hidden_1"])
    assert row == ["hidden_1", "Dense", "100", "78,500", "28×28", "–", "157", "k", "400", "B"]
    assert "89.4 k multiply-adds, 180 k FLOPs and 7.9 kB" in " ".join(out.split())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0"),
        (999, "999"),
        (1010, "1.0 k"),
        (99_960, "100 k"),
        (999_600, "1.0 M"),
        (25_583_592, "25.6 M"),
        (None, "–"),
    ],
)
def test_numbers_are_rounded_for_people(value, expected):
    assert formatting.rounded(value) == expected


def test_doctor_names_versions_and_caches(capsys):
    status, out, _ = run_cli(capsys, "doctor")
    assert status == 0
    for fact in ("tensorflow", "CPU", "KERAS_HOME", "workers"):
        assert fact in out


@pytest.mark.parametrize(("name", "code", "expected"), [("SIGINT", 130, "Interrupted"), ("SIGTERM", 143, "Terminated")])
def test_interruption_is_reported(capsys, monkeypatch, name, code, expected):
    monkeypatch.setattr(app.catalog, "find", lambda names: signal.raise_signal(signal.Signals[name]))
    before = signal.getsignal(signal.SIGTERM)
    status, _, err = run_cli(capsys, "run", "quickstart")
    assert status == code
    assert err == f"{expected}. Finished runs and checkpoints are kept: run the same command to resume.\n"
    assert signal.getsignal(signal.SIGTERM) == before


def test_multiline_problem_becomes_one_paragraph(capsys, monkeypatch):
    def find(names):
        raise ProblemError("first\n\n   second\tthird\n")

    monkeypatch.setattr(app.catalog, "find", find)
    assert run_cli(capsys, "list", "quickstart") == (2, "", "first second third\n")


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left", "/logs/run.json"), FileExistsError(17, "There", "/logs")]
)
def test_unusable_file_is_named(capsys, monkeypatch, error):
    def find(names):
        raise error

    monkeypatch.setattr(app.catalog, "find", find)
    status, _, err = run_cli(capsys, "list", "quickstart")
    assert status == 1
    assert err.startswith(f"{error.filename}: {error.strerror}. This file or directory cannot be used: name another")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("arguments", [["compare"], ["board"]])
def test_log_directory_whose_name_is_too_long_is_refused(capsys, arguments):
    status, _, err = run_cli(capsys, *arguments, "--logdir", "n" * 300)
    assert status == 1
    assert "nnn" in err
    assert "Internal error" not in err


@pytest.mark.process
def test_closed_pipe_ends_the_command_quietly():
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "experiments", "list", "--format", "json"]
    ended = subprocess.run(command, cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (ended.returncode, ended.stderr) == (1, "")


@pytest.mark.process
def test_unencodable_letter_is_printed_as_question_mark():
    ended = run_process("-m", "experiments", "list", "é–", PYTHONIOENCODING="ascii")
    assert ended.returncode == 2
    assert ended.stderr.startswith("There is no experiment '??'.")


@pytest.mark.process
def test_describe_keeps_tensorflow_quiet():
    ended = run_process("-m", "experiments", "describe", "mlp", "--input", "8", TF_CPP_MIN_LOG_LEVEL="0")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_missing_command_shows_the_commands(capsys):
    status, out, err = run_cli(capsys)
    assert status == 2
    assert "describe" in out
    assert err == "A command is missing. Given: nothing. See --help.\n"


def test_internal_error_is_not_a_traceback(capsys, monkeypatch):
    monkeypatch.setattr(app.catalog, "find", lambda names: 1 / 0)
    status, _, err = run_cli(capsys, "list", "quickstart")
    assert status == 1
    assert err.strip() == "Internal error: ZeroDivisionError: division by zero. --debug before the command shows where."


@pytest.mark.process
def test_commands_work_from_root_without_installation(tmp_path):
    # -P and -S would remove the root and site-packages; a new home folder shows that no file of the user's is needed.
    ended = run_process("-m", "experiments", "list", "--format", "json", HOME=str(tmp_path))
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)
