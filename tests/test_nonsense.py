"""What somebody put into a logdir: whole files with nonsense in them, links, pipes, copies."""

import dataclasses
import hashlib
import io
import json
import os
import runpy
import shutil
from contextlib import contextmanager

import numpy as np
import pytest
from rich.console import Console

import data
from data.dataset import sha256
from data.source import Source, Whole
from folklore import Recipe
from folklore.errors import ProblemError
from folklore.evidence.compare import compare
from folklore.storage.locks import locked
from folklore.study import run as study_run
from folklore.study.provenance import origin_of
from folklore.training.train import train
from tests.stored import study
from tests.test_study_run import NARROW_OR_WIDE, run
from tests.test_training_resume import ARMS, broken_off, left_by, task, undisturbed  # noqa: F401

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # a process that is killed closes no files


def edit(checkpoint, change):
    """Change manifest, state and arrays of a checkpoint, and make its SHA-256 right again."""
    manifest, state = (json.loads((checkpoint / name).read_text()) for name in ("manifest.json", "state.json"))
    with np.load(checkpoint / "arrays.npz") as packed:
        arrays = dict(packed)
    change(manifest, state, arrays)
    (checkpoint / "state.json").write_text(json.dumps(state))
    np.savez(checkpoint / "arrays.npz", **arrays)
    manifest["sha256"] = {
        name: hashlib.sha256((checkpoint / name).read_bytes()).hexdigest() for name in ("arrays.npz", "state.json")
    }
    (checkpoint / "manifest.json").write_text(json.dumps(manifest))


NONSENSE = {
    "no event files": lambda manifest, state, arrays: state.pop("event_files"),
    "a list of event files": lambda manifest, state, arrays: state.update(event_files=[1]),
    "a negative size": lambda manifest, state, arrays: state["event_files"].update({"train/x": -5}),
    "no callbacks": lambda manifest, state, arrays: state.pop("callbacks"),
    "few callbacks": lambda manifest, state, arrays: state["callbacks"].pop(),
    "no arrays": lambda manifest, state, arrays: arrays.clear(),
    "another shape": lambda manifest, state, arrays: arrays.update({"variable-0": np.ones((2, 2))}),
    "half an epoch": lambda manifest, state, arrays: manifest.update(epoch=1.9),
    "another epoch": lambda manifest, state, arrays: manifest.update(epoch=1),
}


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_of_a_checkpoint_that_does_not_fit_the_one_before_is_used(nonsense, tmp_path, undisturbed):  # noqa: F811
    broken_off(ARMS["adam"], tmp_path, epoch=5)
    newest = sorted(tmp_path.glob("*/*/*/checkpoint/epoch-*"))[-1]
    edit(newest, NONSENSE[nonsense])
    record = train(task(ARMS["adam"], tmp_path))
    assert (record["status"], record["resumed_after"]) == ("done", 3)
    assert [said.partition(":")[0] for said in record["rejected_checkpoints"]] == ["epoch-000004"]
    assert left_by(tmp_path) == undisturbed("adam")


def test_a_checkpoint_from_beyond_the_last_epoch_is_not_used(tmp_path, undisturbed):  # noqa: F811
    broken_off(ARMS["adam"], tmp_path, epoch=5)
    newest = sorted(tmp_path.glob("*/*/*/checkpoint/epoch-*"))[-1]
    edit(newest, lambda manifest, state, arrays: manifest.update(epoch=999))
    newest.rename(newest.with_name("epoch-001000"))
    record = train(task(ARMS["adam"], tmp_path))
    assert record["resumed_after"] == 3 and "the training ends after epoch 7" in record["rejected_checkpoints"][0]
    assert left_by(tmp_path) == undisturbed("adam")


def numbers(shift):
    x = np.linspace(0.0, 1.0, 300).reshape(100, 3) + shift
    return Whole(x, x.sum(axis=1), sha256(x))


def test_a_checkpoint_of_other_data_is_not_gone_on_from(tmp_path):
    before, after = (
        Source(name="numbers", task="regression", source="bundled", load=lambda shift=shift: numbers(shift))
        for shift in (0.0, 9.0)
    )
    recipe = ARMS["adam"].but(data=before)
    broken_off(recipe, tmp_path, epoch=4)
    record = train(task(dataclasses.replace(recipe, data=after), tmp_path))
    assert record["resumed_after"] is None
    assert "it was saved with another data" in record["rejected_checkpoints"][0]


MODEL = """from models import mlp

ACTIVATION = "relu"


def mine(input_shape, outputs):
    return mlp(input_shape, outputs, widths=(4,), activation=ACTIVATION)
"""


def test_the_code_of_a_run_is_that_of_its_model_too(tmp_path):
    file = tmp_path / "my_models.py"
    file.write_text(MODEL)
    module = runpy.run_path(str(file))
    recipe = Recipe(model=module["mine"], data=data.digits)
    experiment = dataclasses.replace(NARROW_OR_WIDE, arms={"narrow": recipe, "wide": recipe}, hypothesis=())
    common = {"code": {"sha256": "0", "commit": None}}
    before = origin_of(experiment, common)
    assert before == origin_of(experiment, common) != common
    file.write_text(MODEL.replace("relu", "tanh"))
    assert origin_of(experiment, common) != before
    assert origin_of(NARROW_OR_WIDE, common) == common


def test_a_failure_that_would_come_again_begins_anew(tmp_path, monkeypatch, undisturbed):  # noqa: F811
    broken_off(ARMS["adam"], tmp_path, epoch=5)
    for checkpoint in tmp_path.glob("*/*/*/checkpoint/epoch-*"):
        edit(checkpoint, lambda manifest, state, arrays: state["callbacks"][4].update(rows="none"))
    first, second = (train(task(ARMS["adam"], tmp_path)) for _ in range(2))
    assert (first["status"], second["status"], second["resumed_after"]) == ("failed", "done", None)
    assert left_by(tmp_path) == undisturbed("adam")


def test_going_on_cuts_no_file_that_a_link_leads_to(tmp_path, undisturbed):  # noqa: F811
    broken_off(ARMS["adam"], tmp_path / "logs", epoch=4)
    outside = tmp_path / "outside"
    (events,) = (tmp_path / "logs").glob("*/*/*/train/events*")
    outside.write_bytes(events.read_bytes() + b"0" * 10_000)
    events.unlink()
    events.symlink_to(outside)
    size = outside.stat().st_size
    assert train(task(ARMS["adam"], tmp_path / "logs"))["status"] == "done"
    assert outside.stat().st_size == size
    assert left_by(tmp_path / "logs") == undisturbed("adam")


def test_a_lock_that_is_a_link_is_not_followed(tmp_path):
    (tmp_path / "logs" / ".locks").mkdir(parents=True)
    (tmp_path / "precious").write_text("as it was")
    (tmp_path / "logs" / ".locks" / "topic.name.lock").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic links"), locked(tmp_path / "logs", ["topic.name"], print):
        pass
    assert (tmp_path / "precious").read_text() == "as it was"


@pytest.mark.parametrize("name", ["run.json", "history.csv"])
def test_a_pipe_is_not_waited_for(name, tmp_path):
    path = study(tmp_path / "topic.experiment")
    (path / "arm" / "seed-2" / name).unlink()
    os.mkfifo(path / "arm" / "seed-2" / name)
    with pytest.raises(ProblemError, match="it is no file"):
        compare(path, "best validation/rmse")


def test_a_copied_run_is_no_seed_of_its_own(tmp_path):
    path = study(tmp_path / "topic.experiment")
    shutil.rmtree(path / "arm" / "seed-2")
    shutil.copytree(path / "arm" / "seed-1", path / "arm" / "seed-2")
    with pytest.raises(ProblemError, match=r"seed-2/run.json is that of seed 1"):
        compare(path)


@pytest.mark.parametrize("given", ["abc", "", "nan", "-1"])
def test_seconds_that_are_none_are_refused_before_anything_is_written(given, tmp_path, monkeypatch):
    monkeypatch.setenv("FOLKLORE_CHECKPOINT_SECONDS", given)
    with pytest.raises(ProblemError, match="Give seconds"):
        run(NARROW_OR_WIDE, tmp_path / "logs")
    assert not (tmp_path / "logs").exists()


def test_what_looks_like_markup_is_said_as_it_is(tmp_path, monkeypatch):
    @contextmanager
    def waits(logdir, experiments, say):
        say(f"waiting for {logdir}[/y]")
        raise ProblemError("enough")
        yield

    monkeypatch.setattr(study_run, "locked", waits)
    console = Console(file=io.StringIO(), width=300)
    with pytest.raises(ProblemError, match="enough"):
        run.run_studies({"topic.width": NARROW_OR_WIDE}, console, logdir=tmp_path)
    assert "[/y]" in console.file.getvalue()
