"""Every command of the README and of docs/commands.md, run in a copy of the repository; training uses little data."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from callbacks.event_file import EventFile

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [README, *((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("commands.md", "data.md"))]
BLOCKS = [block for page in PAGES for block in re.findall(r"^```(\w*)\n(.*?)^```$", page, re.M | re.S)]
COMMANDS = list(dict.fromkeys(line for language, block in BLOCKS if not language for line in block.splitlines()))
# Options after those of the README replace them: one seed, one epoch, one way to train that needs no long compilation.
SMALL = "--data bundled --budget quick --jobs 1 --epochs 1 --set mode=step"
# The quickstart's runs are trained once: with these options all its commands have the same recipes, and the same logdir
# lets the later ones find the runs of the first.
SMALL_NETS = "--set params.depth=2 --set params.width=4"  # the quickstart's are declared by depth and width


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The repository as a newcomer has it, with a stand-in for the virtual environment that make would install."""
    path = tmp_path_factory.mktemp("clone") / "folklore"
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in tracked.splitlines():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, path / name)
    python = path / "installed" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (path / "installed" / ".demo").touch()
    (path / "installed" / ".test").touch()
    return path


def shell(command, cwd):
    """Run one command line with this interpreter as `python`; return its output, or fail with it."""
    path = f"{cwd / 'installed' / 'bin'}:{os.environ['PATH']}"
    ended = subprocess.run(
        ["sh", "-c", command],
        cwd=cwd,
        env=os.environ | {"PATH": path, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, f"{command}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


def make_demo(command, copy):
    out = shell(f'{command} VENV=installed OPTIONS="{SMALL} --seeds 1 {SMALL_NETS}"', copy)
    assert out.count("against baseline") == 2  # two experiments
    assert "experiments board quickstart" in out


def make_test(command, copy):
    out = shell(f"{command} -n VENV=installed", copy)  # without -n it would run this test; CI runs it
    assert re.findall(r"installed/bin/python -m (\w+)", out) == ["ruff", "ruff", "mypy", "pytest"]


def test_continuous_integration_runs_all_tests():
    assert "exec make test" in (ROOT / ".ci" / "run").read_text()


def make_venv(command, copy):
    shell(f"{command} --without-pip", copy)
    assert (copy / ".venv" / "bin" / "python").exists()


def activate(command, copy):
    assert shell(f"{command} && command -v python", copy).strip() == str(copy / ".venv" / "bin" / "python")


def pip_install(command, copy):
    # All is installed already, by `make test`: asked without an index, pip agrees that nothing is missing.
    arguments = command.removeprefix("pip install")
    out = shell(f"python -m pip install --dry-run --no-index --no-build-isolation {arguments}", copy)
    assert "Would install folklore" in out
    assert "tensorflow" not in out.partition("Would install")[2]


def train(command, copy):
    seeds = "--max-seeds 8" if "--until-decided" in command else "--seeds 1"
    nets = SMALL_NETS if "quickstart" in command else ""
    logs = "--logdir logs" if "run quickstart " in command else ""
    out = shell(f"{command} {SMALL} {seeds} {nets} {logs}", copy)
    assert "against baseline" in out


def board(command, copy):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, *command.split()[1:], "--port", str(port)],
        cwd=copy,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        runs = wait_for(f"http://127.0.0.1:{port}/data/runs")
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=30)
    shown = set(re.findall(r'"([^"]+)"', runs))
    assert any(run.endswith("relu/seed-0/train") for run in shown) if "--seeds" in command else "verdict" in str(shown)
    assert process.returncode == 0


def wait_for(url, seconds=60):
    """The server's answer, as soon as it has read its runs."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            answer = urllib.request.urlopen(url, timeout=seconds).read().decode()
            if "relu" in answer:
                return answer
        except OSError:
            pass
        assert time.monotonic() < deadline, f"{url} did not answer"


def show(command, copy):
    assert shell(command.partition(" > ")[0], copy).strip()


def compare(command, copy):
    for seed in range(2):
        file = EventFile(copy / "path" / "to" / "logs" / "arm" / f"seed-{seed}" / "validation")
        file.add_scalars({"epoch_accuracy": 0.5}, 1)
        file.close()
    show(command, copy)


def new(command, copy):
    show(command, copy)
    written = (copy / "experiments" / "dropout.py").read_text()
    (shown,) = [block for language, block in BLOCKS if language == "python" and "Experiment(" in block]
    assert shown in written


KINDS = {
    "make demo": make_demo,
    "make check": make_test,
    "make test": make_test,
    "python3 -m venv": make_venv,
    ". .venv/bin/activate": activate,
    "pip install": pip_install,
    "python -m experiments run": train,
    "python experiments/": train,
    "python -m experiments board": board,
    "python -m experiments list": show,
    "python -m experiments compare": compare,
    "python -m experiments report": show,
    "python -m experiments doctor": show,
    "python -m experiments describe": show,
    "python -m experiments new": new,
}


@pytest.mark.process
@pytest.mark.parametrize("command", [command for command in COMMANDS if "benchmarks" not in command])
def test_command_of_readme_works(command, copy):
    kind = next(begin for begin in KINDS if command.startswith(begin))
    KINDS[kind](command, copy)


@pytest.mark.process
@pytest.mark.parametrize("command", [command for command in COMMANDS if "benchmarks" in command])
def test_benchmarks_of_readme_exist(command, copy):
    """Benchmarks take minutes; tests/test_benchmarks_commands.py runs them at a small size."""
    assert "--rounds" in shell(f"{command} --help", copy) or "--runs" in shell(f"{command} --help", copy)


def test_gpu_requirements_pin_same_tensorflow():
    pins = {name: (ROOT / name).read_text() for name in ("requirements.txt", "requirements-gpu.txt")}
    pinned = re.search(r"^tensorflow==(\S+)", pins["requirements.txt"], re.M)
    assert pinned
    assert f"tensorflow[and-cuda]=={pinned[1]}" in pins["requirements-gpu.txt"]
    assert "-r requirements.txt" in pins["requirements-gpu.txt"]


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]
)
def test_files_linked_from_page_exist(page):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (ROOT / page).read_text(encoding="utf-8")):
        assert ((ROOT / page).parent / target).exists(), target


def test_every_page_is_in_index_of_docs():
    linked = set(re.findall(r"\]\((\w+\.md)\)", (ROOT / "docs" / "README.md").read_text(encoding="utf-8")))
    assert linked == {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
