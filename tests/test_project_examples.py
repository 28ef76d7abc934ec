"""Every public entry point has an `Example:` in its docstring, and each example gives the result it shows."""

import doctest
import inspect
import sys

import pytest

import callbacks
import data
import folklore
import models

# Public names that need no example of their own.
EXCEPTIONS = {
    "data.california_housing": "an instance of Source, which has an example; this one may be a download",
    "data.fashion_mnist": "an instance of Source, which has an example; this one may be a download",
    "data.diabetes": "an instance of Source; the example of Split uses it",
    "data.digits": "an instance of Source; the example of Dataset uses it",
    "folklore.run_file": "replaces the process by a command",
    "models.BUILDERS": "a table",
    "models.PUBLISHED": "a table; the example of Network uses it",
    "models.SMALL": "a table",
}
PACKAGES = (folklore, data, callbacks, models)
NAMES = [f"{package.__name__}.{name}" for package in PACKAGES for name in package.__all__]
NEED_NO_KERAS = ("data.", "callbacks.log_name", "folklore.Experiment", "folklore.Fact", "folklore.Hypothesis",
                 "folklore.Metric", "folklore.Recipe")  # fmt: skip


def marked(name):
    return pytest.param(name, marks=() if name.startswith(NEED_NO_KERAS) else pytest.mark.compile)


def public(name):
    package, _, attribute = name.partition(".")
    return getattr(sys.modules[package], attribute)


@pytest.mark.parametrize("name", [marked(name) for name in NAMES if name not in EXCEPTIONS])
def test_public_name_has_example_that_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    entry = public(name)
    assert "Example:\n" in (inspect.getdoc(entry) or ""), f"{name} has no Example: in its docstring"
    tests = [
        test
        for test in doctest.DocTestFinder(recurse=False).find(
            inspect.unwrap(entry), name, module=inspect.getmodule(inspect.unwrap(entry))
        )
        if test.examples
    ]
    assert tests, f"{name} has an Example: without >>>"
    report = []
    for test in tests:
        doctest.DocTestRunner(verbose=False).run(test, out=report.append)
    assert not report, "".join(report)


def test_names_without_example_are_public():
    assert set(EXCEPTIONS) <= set(NAMES)
