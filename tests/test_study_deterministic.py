"""Deterministic operations give equal bits for equal inputs, if they were requested."""

import io
import json
import os

import pytest
from rich.console import Console

import data
from folklore import Experiment, Hypothesis, Metric, Recipe
from folklore.study.request import Request
from folklore.study.run import run_studies
from models import mlp

pytestmark = pytest.mark.process


def only_deterministic(input_shape, outputs):
    """Build a model; fail unless TensorFlow's operations are deterministic."""
    from tensorflow.python.framework import config

    assert config.is_op_determinism_enabled()
    assert "--xla_gpu_deterministic_ops=true" in os.environ["XLA_FLAGS"]
    return mlp(input_shape, outputs, widths=(4,), dropout=0.5)


def test_deterministic_runs_are_bit_equal_with_any_number_of_workers(tmp_path):
    arms = {
        mode: Recipe(model=only_deterministic, data=data.digits, data_params=dict(train_size=64), epochs=2, mode=mode)
        for mode in ("xla", "graph")
    }
    experiment = Experiment(
        claim="Modes train alike.",
        arms=arms,
        baseline="xla",
        metric=Metric("test/accuracy", goal="max"),
        hypothesis=Hypothesis("graph", "no difference", by=0.5),
        seeds=2,
    )
    found = []
    for jobs in (1, 2):
        logdir = tmp_path / str(jobs)
        console = Console(file=io.StringIO())
        request = Request(logdir=logdir, jobs=jobs, deterministic=True)
        assert run_studies({"topic.modes": experiment}, console, request) == 0
        stored = [json.loads(file.read_text()) for file in sorted(logdir.glob("*/*/*/run.json"))]
        assert len(stored) == 4 and all(record["deterministic"] for record in stored)
        found.append([(record["metrics"], record["generators"]) for record in stored])
    assert found[0] == found[1]
    assert "TF_DETERMINISTIC_OPS" not in os.environ
