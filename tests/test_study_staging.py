"""What travels to the nodes of a cluster."""

import signal
import subprocess
import sys

import pytest

from folklore.errors import ProblemError
from folklore.own_code import ROOT
from folklore.study.engines.remote.ray_cluster import RayCluster, _options
from folklore.study.engines.remote.staging import OWN, stage


@pytest.fixture
def staged(tmp_path):
    """A folder that holds what travels, with modules of one's own."""
    there = tmp_path / "there"
    (there / "net").mkdir(parents=True)
    files = {"my_models": "my_models.py", "net": "net/__init__.py", "net.deep": "net/deep.py"}
    for file in files.values():
        (there / file).write_text("")
    own = {name: there / file for name, file in files.items()}
    (tmp_path / "here").mkdir()
    stage(tmp_path / "here", own | {"experiments.quickstart": ROOT / "experiments" / "quickstart.py"})
    return tmp_path / "here"


def test_own_modules_keep_their_names(staged):
    own = {file.relative_to(staged / OWN).as_posix() for file in (staged / OWN).rglob("*") if file.is_file()}
    assert own == {"my_models.py", "net/__init__.py", "net/deep.py"}


def test_what_travels_is_small(staged):
    assert {folder.name for folder in staged.iterdir()} == {
        "callbacks",
        "data",
        "experiments",
        "folklore",
        "models",
        OWN,
    }
    files = [file for file in staged.rglob("*") if file.is_file()]
    assert {file.suffix for file in files if file.parent.name != "templates"} == {".py", ".pyi"}
    assert sum(file.stat().st_size for file in files) < 2 * 2**20


@pytest.mark.process
def test_what_travels_is_all_that_worker_imports(staged):
    imported = "import folklore.study.engines.remote.far_end, folklore.describe.diagram.svg as svg, callbacks, net.deep"
    code = f"import sys; sys.path[:0] = ['.', '{OWN}']; {imported}; callbacks.Logger; print(svg.__file__)"
    command = [sys.executable, "-P", "-c", code]
    ended = subprocess.run(command, cwd=staged, env={}, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith(str(staged))


def test_resources_of_worker_have_rays_names():
    assert _options({"CPU": 2.0, "GPU": 0.5, "memory": 1e9, "big": 1.0}) == {
        "num_cpus": 2.0, "num_gpus": 0.5, "memory": 1e9, "resources": {"big": 1.0},
    }  # fmt: skip


RAYS_WORDS = """Version mismatch: The cluster was started with:
    Ray: 2.60.0
    Python: 3.11.7
This process on node 10.0.0.5 was started with:
    Ray: 2.60.0
    Python: 3.12.4
"""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (RAYS_WORDS, "The cluster has Ray 2.60.0 and Python 3.11.7, this process has Ray 2.60.0 and Python 3.12.4."),
        ("no space", "Ray cannot connect to its cluster: no space"),
    ],
)
def test_refusal_of_ray_is_one_paragraph(monkeypatch, words, said):
    ray = pytest.importorskip("ray")

    def refuse(*arguments, **options):
        raise RuntimeError(words)

    monkeypatch.setattr(ray, "init", refuse)
    with pytest.raises(ProblemError) as problem:
        RayCluster("10.0.0.4:6379").connect()
    assert str(problem.value).startswith(said)
    assert "\n" not in str(problem.value)


def test_ray_does_not_change_what_sigterm_does(monkeypatch):
    ray = pytest.importorskip("ray")

    def replace_handler(*arguments, **options):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        raise ConnectionError("there is none")

    def terminate(*_):
        pass

    monkeypatch.setattr(ray, "init", replace_handler)
    before = signal.signal(signal.SIGTERM, terminate)
    try:
        with pytest.raises(ProblemError, match="No Ray cluster lets this machine in at 10"):
            RayCluster("10.0.0.4:6379").connect()
        assert signal.getsignal(signal.SIGTERM) is terminate
    finally:
        signal.signal(signal.SIGTERM, before)
