"""A plugin of pytest for `benchmarks.keras_tests`: Keras' tests with its `fit`, or with ours in its place.

`FIT` in the environment is "keras" or "folklore", `OUTCOMES` the file to which the outcome of each test is written.
"""

from __future__ import annotations

import json
import os
import sys
import types
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import pytest
from keras.src.backend.tensorflow.trainer import TensorFlowTrainer

import folklore
from folklore.epoch.pipelines import is_pipeline

KERAS_FIT = TensorFlowTrainer.fit
_outcomes: dict[str, dict[str, Any]] = {}
_running = ""


def our_fit(
    model: keras.Model,
    x: Any = None,
    y: Any = None,
    batch_size: int | None = None,
    epochs: int = 1,
    verbose: Any = "auto",
    callbacks: Any = None,
    validation_split: float = 0.0,
    validation_data: Any = None,
    shuffle: bool = True,
    class_weight: Any = None,
    sample_weight: Any = None,
    initial_epoch: int = 0,
    **options: Any,
) -> keras.callbacks.History:
    """`folklore.fit`, called as `keras.Model.fit`."""
    return folklore.fit(
        model,
        x if is_pipeline(x) else (x, y, sample_weight),
        batch_size=batch_size,
        epochs=epochs,
        verbose=verbose,
        callbacks=callbacks,
        validation_split=validation_split,
        validation_data=validation_data,
        shuffle=shuffle,
        class_weight=class_weight,
        initial_epoch=initial_epoch,
        **options,
    )


def _noted(model: keras.Model, *arguments: Any, **options: Any) -> keras.callbacks.History:
    _outcomes[_running]["fits"] = True
    return (our_fit if os.environ["FIT"] == "folklore" else KERAS_FIT)(model, *arguments, **options)


def pytest_configure() -> None:
    """Take the place of Keras' `fit`."""
    TensorFlowTrainer.fit = _noted
    if find_spec("jax") is None:  # the tests import it, although only those of its backend need it
        sys.modules["jax"] = types.ModuleType("jax")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Note which test runs."""
    global _running
    _running = item.nodeid
    _outcomes[_running] = {"fits": False, "outcome": "passed", "why": ""}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note the outcome of a test, and the last line of its error."""
    if report.outcome != "passed":
        crash = getattr(report.longrepr, "reprcrash", None)
        why = crash.message.splitlines()[0] if crash else ""
        _outcomes[report.nodeid] |= {"outcome": report.outcome, "why": why}


def pytest_sessionfinish() -> None:
    """Write all outcomes."""
    Path(os.environ["OUTCOMES"]).write_text(json.dumps(_outcomes), encoding="utf-8")
