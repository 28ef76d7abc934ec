"""Imports at start-up stay light. Contracts in pyproject.toml state which package may import which."""

import importlib.util
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("callbacks", "data", "experiments", "folklore", "models")


def in_a_new_process(code):
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.process
def test_command_line_starts_without_keras_and_tensorflow():
    code = (
        "import sys, folklore.cli.app, folklore.evidence.compare, folklore.study.run, folklore.report.board.live\n"
        "import folklore.report.html, folklore.evidence.logs.tensorboard_logs, folklore.report.summary\n"
        "print([name for name in ('keras', 'tensorflow', 'scipy.stats') if name in sys.modules])"
    )
    assert in_a_new_process(code) == "[]"


@pytest.mark.process
def test_declaring_imports_neither_keras_nor_numpy_nor_pandas():
    code = (
        "import sys, folklore, data, callbacks\n"
        "print([name for name in ('keras', 'numpy', 'pandas', 'sklearn') if name in sys.modules])"
    )
    assert in_a_new_process(code) == "[]"


@pytest.mark.process
def test_experiments_are_declared_without_importing_keras():
    code = (
        "import sys; from folklore.declare import catalog\nfound, _ = catalog.find_all()\n"
        "print(len(found) > 1, 'tensorflow' in sys.modules, 'keras.src' in sys.modules)"
    )
    assert in_a_new_process(code) == "True False False"


@pytest.mark.process
def test_lazy_keras_becomes_keras_when_used():
    code = (
        "from folklore.lazy_import import import_lazily\nimport_lazily('keras')\nimport sys, keras as early\n"
        "assert 'keras.src' not in sys.modules\n"
        "made = early.layers.Dense\nimport keras\nfrom keras import layers\n"
        "print(made is keras.layers.Dense is layers.Dense, keras is not early, early.ops is keras.ops)"
    )
    assert in_a_new_process(code) == "True True True"


@pytest.mark.process
def test_lazy_import_of_missing_module_fails_like_import():
    code = (
        "from folklore.lazy_import import import_lazily\nimport_lazily('no_such_module')\nimport no_such_module\n"
        "for attempt in range(2):\n"
        "    try:\n        no_such_module.anything\n"
        "    except ModuleNotFoundError as error:\n        print(error)"
    )
    assert in_a_new_process(code) == "\n".join(["No module named 'no_such_module'"] * 2)


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_resolve_inside_repository(package):
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin) == ROOT / package / "__init__.py"


def test_every_package_is_installed():
    root = Path(__file__).parent.parent
    named = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    tops = ("callbacks", "data", "experiments", "folklore", "models")
    there = {
        file.parent.relative_to(root).as_posix().replace("/", ".")
        for top in tops
        for file in (root / top).rglob("*.py")
    }
    assert set(named) == there
