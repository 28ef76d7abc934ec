"""Workers whose process dies: their run is tried a second time, and other runs are not affected."""

import dataclasses
import os
from pathlib import Path

import keras
import pytest
import tensorflow as tf

import data
from folklore import Recipe
from folklore.errors import WorkerDiedError
from folklore.storage import run_directory
from folklore.study import worker
from models import mlp
from tests.conftest import NARROW_OR_WIDE, run

pytestmark = pytest.mark.process


def dies_when_trained(input_shape, outputs, file, times, way="exit"):
    """A model that ends its process the given number of times, each time it is built after the first (the check)."""
    built = len(Path(file).read_text()) if Path(file).exists() else 0
    with Path(file).open("a") as counter:
        counter.write("x")
    if 0 < built <= times:
        if way == "exit":
            os._exit(9)
        raise tf.errors.ResourceExhaustedError(None, None, "as TensorFlow says where a device is full")
    return mlp(input_shape, outputs, widths=(2,))


@pytest.mark.parametrize(
    ("way", "times", "error"),
    [
        ("exit", 5, "2 times its worker process ended with status 9, perhaps for lack of memory"),
        ("memory", 1, None),
    ],
)
def test_run_of_dead_worker_is_retried_and_others_finish(tmp_path, way, times, error):
    fatal = Recipe(
        model=dies_when_trained,
        params={"file": str(tmp_path / "built"), "times": times, "way": way},
        data=data.digits,
        epochs=1,
    )
    healthy = Recipe(model=mlp, data=data.digits, epochs=1)
    experiment = dataclasses.replace(
        NARROW_OR_WIDE, arms={"fatal": fatal, "healthy": healthy}, baseline="healthy", hypothesis=()
    )
    failures, _ = run(experiment, tmp_path / "logs", seeds=1, jobs=1)
    records = {run.arm: run for run in run_directory.runs(tmp_path / "logs" / "topic.width")}
    assert (records["healthy"].status, records["fatal"].status) == ("done", "failed" if error else "done")
    assert records["fatal"].record.error == error
    assert failures == bool(error)


def test_death_of_worker_during_check_is_reported(tmp_path):
    (tmp_path / "built").write_text("x")
    fatal = Recipe(model=dies_when_trained, params={"file": str(tmp_path / "built"), "times": 9}, data=data.digits)
    experiment = dataclasses.replace(NARROW_OR_WIDE, arms={"fatal": fatal}, baseline="fatal", hypothesis=())
    with pytest.raises(WorkerDiedError, match="examined the experiment ended with status 9"):
        run(experiment, tmp_path / "logs", seeds=1, jobs=1)
    assert not (tmp_path / "logs").exists()


def test_network_that_cannot_be_drawn_has_no_diagram():
    class Own(keras.Model):
        pass

    assert worker._diagram("own", Own()) == ""
    assert ">mlp</text>" in worker._diagram("mlp", mlp((4,), 1, widths=(3,)))
