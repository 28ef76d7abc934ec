"""Any arguments on the command line give an answer or a one-paragraph error.

Examples are the same in every run. Many more of them:
pytest tests/test_cli_any_arguments.py -n 0 --hypothesis-profile long
"""

import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folklore.cli import app
from folklore.errors import ProblemError
from tests.conftest import study

WORDS = st.sampled_from(
    [
        *("list", "compare", "report", "board", "describe", "doctor", "run", "new", "--help", "--debug", "--version"),
        *("topic.experiment", "topic", "quickstart", "quickstart.relu", "lenet", "resnet20", "..", "-", "--", ""),
        *("--metric", "test/rmse", "best validation/loss", "epochs to validation/loss 0.1", "--format", "json", "csv"),
        *(
            "--group",
            "{arm}/seed-{seed}",
            "{arm}",
            "{",
            "--out",
            "--set",
            "width=0.5",
            "depth=-1",
            "a=b=c",
            "=",
            "--seeds",
        ),
        *(
            "--input",
            "28x28x1",
            "0x0",
            "9999999999x1",
            "--outputs",
            "0",
            "-1",
            "1e9",
            "--jobs",
            "--logdir",
            "--epochs",
            "--seeds",
        ),
    ]
)
ARGUMENTS = st.lists(WORDS | st.text(max_size=12), max_size=6)


@pytest.fixture(scope="module")
def logdir(tmp_path_factory):
    return study(tmp_path_factory.mktemp("stored") / "logs" / "topic.experiment").parent


@pytest.fixture(scope="module")
def harmless():
    """Neither trains, serves nor writes experiments."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("folklore.study.run.run_studies", lambda *args, **options: 0)
        patch.setattr("folklore.report.board.live.serve", lambda *args, **options: 0)
        patch.setattr("folklore.declare.skeleton.write", lambda name: (_ for _ in ()).throw(ProblemError("not here")))
        patch.setattr("webbrowser.open", lambda *args, **options: True)
        yield patch


@given(arguments=ARGUMENTS)
def test_any_arguments_give_answer_or_one_paragraph(logdir, capfd, harmless, arguments):
    capfd.readouterr()
    with pytest.raises(SystemExit) as left, tempfile.TemporaryDirectory() as folder:
        harmless.chdir(folder)
        app.main([argument if argument != "--logdir" else f"--logdir={logdir}" for argument in arguments])
    out, err = capfd.readouterr()
    assert left.value.code in (0, 1, 2)
    assert "Internal error" not in err and ("Traceback" not in err or "--debug" in arguments)
    assert left.value.code == 0 or err.strip() or out.strip()
