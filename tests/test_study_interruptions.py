"""Studies whose processes are killed or stopped, or that two processes train at once."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[1]
SLOW = '''"""A study that takes some seconds."""
import data
from folklore import Experiment, Hypothesis, Metric, Recipe
from models import mlp

base = Recipe(model=mlp, params=dict(widths=(8,), dropout=0.2), data=data.diabetes, epochs=280, mode="graph")
study = Experiment(
    claim="A wider network is better.",
    arms={"narrow": base, "wide": base.but(params=dict(widths=(16,)))},
    baseline="narrow",
    metric=Metric("test/rmse", goal="min"),
    hypothesis=Hypothesis("wide", "better", by=1.0),
    seeds=2,
)
'''
EACH = [f"{arm}/seed-{seed}" for arm in ("narrow", "wide") for seed in (0, 1)]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with an `experiments` package that holds only the slow study."""
    folder = tmp_path_factory.mktemp("project")
    package = folder / "experiments"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(
        "from folklore.cli.app import main\n\nif __name__ == '__main__':\n    main()\n"
    )
    (package / "slow.py").write_text(SLOW)
    return folder


class Command:
    """The running command `python -m experiments run slow …`."""

    def __init__(self, project, logdir, jobs=1):
        self.logdir = logdir
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(project), str(ROOT)]),
            "FOLKLORE_CHECKPOINT_SECONDS": "0.1",
            "XDG_CACHE_HOME": str(project / "cache"),
            "COLUMNS": "200",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "experiments", "run", "slow", "--jobs", str(jobs), "--logdir", str(logdir)],
            cwd=project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def until(self, condition, seconds=300):
        """Wait until the condition holds, while the command runs."""
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert self.process.poll() is None, self.process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return found

    def checkpoints(self):
        return list(self.logdir.glob("*/*/seed-*/checkpoint/epoch-*"))

    def workers(self):
        """The processes that train: forks of one that has imported TensorFlow, or processes that were spawned."""
        children = psutil.Process(self.process.pid).children()
        servers = [child for child in children if "forkserver" in " ".join(child.cmdline())]
        spawned = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
        return [*spawned, *(fork for server in servers for fork in server.children())]

    def end(self, seconds=300):
        """The exit status and output."""
        output, _ = self.process.communicate(timeout=seconds)
        return self.process.returncode, output


@pytest.fixture(scope="module")
def undisturbed(project, tmp_path_factory):
    logdir = tmp_path_factory.mktemp("undisturbed")
    assert Command(project, logdir).end()[0] == 0
    return left_in(logdir)


def left_in(logdir):
    """Every run's history without times, and its final metrics."""
    found = {}
    for each in EACH:
        path = logdir / "slow.study" / each
        with (path / "history.csv").open() as file:
            rows = [{name: cell for name, cell in row.items() if name != "seconds"} for row in csv.DictReader(file)]
        assert (path / "DONE").exists()
        found[each] = rows, json.loads((path / "run.json").read_text())["metrics"]
    return found


def resumed(logdir):
    records = [json.loads((logdir / "slow.study" / each / "run.json").read_text()) for each in EACH]
    return [record["resumed_after"] for record in records if record["resumed_after"] is not None]


def test_stopped_study_saves_its_runs_and_is_resumed(project, tmp_path, undisturbed):
    for number, status, message in ((signal.SIGINT, 130, "Interrupted"), (signal.SIGTERM, 143, "Terminated")):
        command = Command(project, tmp_path)
        before = command.checkpoints()
        command.until(lambda: set(command.checkpoints()) - set(before))  # noqa: B023 (called at once)
        command.process.send_signal(number)
        found, output = command.end()
        assert found == status
        assert "runs under way at the end of their epochs" in output and message in output
    assert Command(project, tmp_path).end()[0] == 0
    assert resumed(tmp_path)
    assert left_in(tmp_path) == undisturbed


def test_killed_study_resumes_from_its_checkpoints(project, tmp_path, undisturbed):
    command = Command(project, tmp_path, jobs=2)
    command.until(command.checkpoints)
    workers = command.workers()
    command.process.kill()
    command.end()
    psutil.wait_procs(workers, timeout=20)
    assert not any(worker.is_running() for worker in workers)  # none goes on without the study
    assert Command(project, tmp_path).end()[0] == 0
    assert resumed(tmp_path)
    assert left_in(tmp_path) == undisturbed


def test_run_of_a_killed_worker_is_resumed_by_another(project, tmp_path, undisturbed):
    command = Command(project, tmp_path, jobs=2)
    command.until(command.checkpoints)
    command.workers()[0].kill()
    status, output = command.end()
    assert status == 0, output
    assert left_in(tmp_path) == undisturbed


def test_two_processes_never_train_the_same_study_at_once(project, tmp_path, undisturbed):
    first = Command(project, tmp_path)
    first.until(first.checkpoints)
    second = Command(project, tmp_path)
    status, output = first.end()
    assert status == 0, output
    status, output = second.end()
    assert status == 0
    assert "Another process trains slow.study" in output and "4 runs already done" in output
    assert left_in(tmp_path) == undisturbed
