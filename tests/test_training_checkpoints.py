"""Intact checkpoints that do not fit: the previous one is used, or the run starts from the beginning."""

import dataclasses
import hashlib
import json

import numpy as np
import pytest

from data.dataset import sha256
from data.source import Source, Whole
from folklore.training.train import train
from tests.conftest import ARMS, left_by, task, train_until_killed

# A process that is killed closes no files.
pytestmark = [pytest.mark.compile, pytest.mark.filterwarnings("ignore::ResourceWarning")]


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
def test_checkpoint_that_does_not_fit_falls_back_to_previous(nonsense, tmp_path, undisturbed):
    train_until_killed(ARMS["adam"], tmp_path, epoch=5)
    newest = sorted(tmp_path.glob("*/*/*/checkpoint/epoch-*"))[-1]
    edit(newest, NONSENSE[nonsense])
    record = train(task(ARMS["adam"], tmp_path))
    assert (record["status"], record["resumed_after"]) == ("done", 3)
    assert [message.partition(":")[0] for message in record["rejected_checkpoints"]] == ["epoch-000004"]
    assert left_by(tmp_path) == undisturbed("adam")


def test_checkpoint_beyond_last_epoch_falls_back_to_previous(tmp_path, undisturbed):
    train_until_killed(ARMS["adam"], tmp_path, epoch=5)
    newest = sorted(tmp_path.glob("*/*/*/checkpoint/epoch-*"))[-1]
    edit(newest, lambda manifest, state, arrays: manifest.update(epoch=999))
    newest.rename(newest.with_name("epoch-001000"))
    record = train(task(ARMS["adam"], tmp_path))
    assert record["resumed_after"] == 3 and "the training ends after epoch 7" in record["rejected_checkpoints"][0]
    assert left_by(tmp_path) == undisturbed("adam")


def numbers(shift):
    x = np.linspace(0.0, 1.0, 300).reshape(100, 3) + shift
    return Whole(x, x.sum(axis=1), sha256(x))


def test_checkpoint_of_other_data_is_not_resumed(tmp_path):
    before, after = (
        Source(name="numbers", task="regression", source="bundled", load=lambda shift=shift: numbers(shift))
        for shift in (0.0, 9.0)
    )
    recipe = ARMS["adam"].but(data=before)
    train_until_killed(recipe, tmp_path, epoch=4)
    record = train(task(dataclasses.replace(recipe, data=after), tmp_path))
    assert record["resumed_after"] is None
    assert "it was saved with another data" in record["rejected_checkpoints"][0]


def test_failure_on_resuming_restarts_from_beginning(tmp_path, monkeypatch, undisturbed):
    train_until_killed(ARMS["adam"], tmp_path, epoch=5)
    for checkpoint in tmp_path.glob("*/*/*/checkpoint/epoch-*"):
        edit(checkpoint, lambda manifest, state, arrays: state["callbacks"][4]["own"].update(rows="none"))
    first, second = (train(task(ARMS["adam"], tmp_path)) for _ in range(2))
    assert (first["status"], second["status"], second["resumed_after"]) == ("failed", "done", None)
    assert left_by(tmp_path) == undisturbed("adam")


def test_resuming_does_not_truncate_target_of_link(tmp_path, undisturbed):
    train_until_killed(ARMS["adam"], tmp_path / "logs", epoch=4)
    outside = tmp_path / "outside"
    (events,) = (tmp_path / "logs").glob("*/*/*/train/events*")
    outside.write_bytes(events.read_bytes() + b"0" * 10_000)
    events.unlink()
    events.symlink_to(outside)
    size = outside.stat().st_size
    assert train(task(ARMS["adam"], tmp_path / "logs"))["status"] == "done"
    assert outside.stat().st_size == size
    assert left_by(tmp_path / "logs") == undisturbed("adam")
