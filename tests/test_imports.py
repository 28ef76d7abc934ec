"""Who may import whom, as the layout promises: start-up stays light, and models and callbacks serve elsewhere too."""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("callbacks", "data", "experiments", "folklore", "models")
FILES = sorted(path.relative_to(ROOT).as_posix() for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
HEAVY = (
    "keras",
    "tensorflow",
    "folklore.epoch",
    "folklore.train",
    "folklore.ready",
    "folklore.seeding",
    "folklore.metrics",
    *("folklore.anatomy", "folklore.receptive_field", "folklore.structure", "folklore.wording", "folklore.drawing"),
    *("folklore.describe", "folklore.diagram"),
    *("folklore.watchers", "folklore.transfer"),
)
LIGHT = (
    *("__init__", "board", "catalog", "checks", "cli", "compare", "errors", "lazily", "live", "optimizers", "pool"),
    *("quiet", "running", "spec", "stats", "store", "study", "tables", "curves", "events", "evidence", "figures"),
    *("foreign", "looks", "plots", "question", "reading", "recipe", "report", "results", "tensorboard_server"),
    *("layout", "locks", "records", "tuning", "verdict"),
)
FORBIDDEN = {
    "models": ("tensorflow", "folklore", "data", "callbacks"),
    "callbacks": ("tensorflow", "folklore", "data", "models"),
    "data": ("tensorflow", "folklore", "models", "callbacks"),
    "experiments": ("tensorflow",),
}


def imported(file, everywhere=True):
    """The modules a file imports, `from a import b` as "a" and "a.b"; not those for type checkers alone."""
    source = (ROOT / file).read_text(encoding="utf-8")
    return set(_imported(ast.parse(source).body, everywhere, package=Path(file).parent.as_posix().replace("/", ".")))


def _imported(statements, everywhere, package):
    for node in statements:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = ".".join(filter(None, [package if node.level else "", node.module]))
            yield from (module, *(f"{module}.{alias.name}" for alias in node.names))
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from _imported(node.orelse, everywhere, package)
        elif everywhere or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _imported(ast.iter_child_nodes(node), everywhere, package)


def among(modules, packages):
    return sorted(
        name for name in modules if any(name == package or name.startswith(f"{package}.") for package in packages)
    )


def in_a_new_process(code):
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_reader_of_imports_sees_what_it_should(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "net.py").write_text(
        "import os, keras.ops as ops\nfrom . import blocks\nfrom folklore import epoch\n"
        "if TYPE_CHECKING:\n    import tensorflow\nelse:\n    import json\n"
        "try:\n    import csv\nexcept ImportError:\n    pass\n"
        "class Net:\n    import re\ndef build():\n    import numpy\n"
    )
    at_import = {"os", "keras.ops", "models", "models.blocks", "folklore", "folklore.epoch", "json", "csv", "re"}
    assert imported("models/net.py", everywhere=False) == at_import
    assert imported("models/net.py") == at_import | {"numpy"}


def test_only_the_compiled_epoch_imports_tensorflow():
    importers = [file for file in FILES if among(imported(file), ["tensorflow"])]
    assert importers
    assert all(file.startswith("folklore/epoch/") for file in importers)


@pytest.mark.parametrize("file", [file for file in FILES if file.split("/")[0] in FORBIDDEN])
def test_a_package_imports_none_of_those_it_must_not_know(file):
    assert among(imported(file), FORBIDDEN[file.split("/")[0]]) == []


@pytest.mark.parametrize("file", [file for file in FILES if file.startswith("data/")])
def test_data_imports_keras_for_its_datasets_alone_and_only_when_it_loads(file):
    assert set(among(imported(file), ["keras"])) <= {"keras", "keras.datasets", "keras.datasets.fashion_mnist"}
    assert among(imported(file, everywhere=False), ["keras", "numpy", "pandas", "sklearn"]) == []


@pytest.mark.parametrize("module", LIGHT)
def test_what_reads_and_declares_imports_neither_keras_nor_tensorflow(module):
    assert among(imported(f"folklore/{module}.py", everywhere=False), HEAVY) == []


@pytest.mark.parametrize("file", [file for file in FILES if not file.startswith("experiments/")])
def test_nobody_imports_experiments(file):
    assert among(imported(file), ["experiments"]) == []


def test_the_command_line_starts_without_keras_and_tensorflow():
    code = (
        "import sys, folklore.cli, folklore.compare, folklore.running, folklore.board\n"
        "print([name for name in ('keras', 'tensorflow', 'scipy.stats') if name in sys.modules])"
    )
    assert in_a_new_process(code) == "[]"


def test_experiments_are_declared_without_waking_keras():
    code = (
        "import sys; from folklore import catalog\nfound = catalog.find([])\n"
        "print(len(found) > 1, 'tensorflow' in sys.modules, 'keras.src' in sys.modules)"
    )
    assert in_a_new_process(code) == "True False False"


def test_lazy_keras_is_the_real_one_once_it_is_used():
    code = (
        "from folklore.lazily import import_lazily\nimport_lazily('keras')\nimport sys, keras as early\n"
        "assert 'keras.src' not in sys.modules\n"
        "made = early.layers.Dense\nimport keras\nfrom keras import layers\n"
        "print(made is keras.layers.Dense is layers.Dense, keras is not early, early.ops is keras.ops)"
    )
    assert in_a_new_process(code) == "True True True"


def test_a_lazy_module_that_does_not_exist_fails_like_an_import():
    code = (
        "from folklore.lazily import import_lazily\nimport_lazily('no_such_module')\nimport no_such_module\n"
        "for attempt in range(2):\n"
        "    try:\n        no_such_module.anything\n"
        "    except ModuleNotFoundError as error:\n        print(error)"
    )
    assert in_a_new_process(code) == "\n".join(["No module named 'no_such_module'"] * 2)


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_resolve_inside_the_repository(package):
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin) == ROOT / package / "__init__.py"
