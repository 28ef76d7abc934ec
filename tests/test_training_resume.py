"""An interrupted run, once resumed, ends with the same bits as an undisturbed one."""

import dataclasses
import errno
import os
import shutil
import time

import pytest

from callbacks import checkpoint_files, files
from folklore.training.train import Control, train
from tests.conftest import ARMS, Killed, left_by, task, train_until_killed

# A process that is killed closes no files.
pytestmark = [pytest.mark.compile, pytest.mark.filterwarnings("ignore::ResourceWarning")]


@pytest.mark.parametrize("arm", ARMS)
def test_resumed_run_equals_undisturbed_run(arm, tmp_path, undisturbed):
    epoch = {"early stopping": 9, "plateau": 10}.get(arm, 4)  # while it waits for a better epoch
    train_until_killed(ARMS[arm], tmp_path, epoch)
    record = train(task(ARMS[arm], tmp_path))
    assert (record["resumed_after"], record["rejected_checkpoints"]) == (epoch - 1, [])
    assert left_by(tmp_path) == undisturbed(arm)
    assert not (tmp_path / "topic.name" / "arm" / "seed-3" / "checkpoint").exists()


def test_early_stopping_and_plateau_take_effect(undisturbed):
    rows, outcome, *_ = undisturbed("early stopping")
    assert outcome["selected_epoch"] == len(rows) - 3 and len(rows) < 30  # patience=3, epochs=30
    rates = [float(row["lr"]) for row in undisturbed("plateau")[0]]
    assert rates[0] > rates[-1]


def test_run_can_be_interrupted_many_times(tmp_path, undisturbed):
    for epoch in (2, 1, 3, 2):  # counted from the resumed epoch
        train_until_killed(ARMS["dropout, bn"], tmp_path, epoch)
    assert train(task(ARMS["dropout, bn"], tmp_path))["resumed_after"] == 4
    assert left_by(tmp_path) == undisturbed("dropout, bn")


def test_stopped_run_saves_its_state(tmp_path, undisturbed):
    asked = iter([False, False, True])
    record = train(task(ARMS["adam"], tmp_path), Control(stop=lambda: next(asked), checkpoint_seconds=1e9))
    assert record["status"] == "running" and not (tmp_path / "topic.name" / "arm" / "seed-3" / "DONE").exists()
    assert train(task(ARMS["adam"], tmp_path))["resumed_after"] == 3
    assert left_by(tmp_path) == undisturbed("adam")


CHECKPOINT = "topic.name/arm/seed-3/checkpoint"


def damage_newest(folder, how):
    newest = max((folder / CHECKPOINT).glob("epoch-*"))
    how(newest)
    return newest.name


def flip(file):
    contents = bytearray(file.read_bytes())
    contents[len(contents) // 2] ^= 1
    file.write_bytes(contents)


DAMAGES = {
    "arrays cut": (lambda p: os.truncate(p / "arrays.npz", 100), "arrays.npz is damaged"),
    "arrays empty": (lambda p: os.truncate(p / "arrays.npz", 0), "arrays.npz is damaged"),
    "a bit of the arrays": (lambda p: flip(p / "arrays.npz"), "arrays.npz is damaged"),
    "a bit of the state": (lambda p: flip(p / "state.json"), "state.json is damaged"),
    "no arrays": (lambda p: (p / "arrays.npz").unlink(), "arrays.npz is missing"),
    "no state": (lambda p: (p / "state.json").unlink(), "state.json is missing"),
    "no manifest": (lambda p: (p / "manifest.json").unlink(), "manifest.json is missing"),
    "manifest empty": (lambda p: os.truncate(p / "manifest.json", 0), "cannot be read"),
    "manifest no object": (lambda p: (p / "manifest.json").write_text("[1]"), "cannot be read"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_checkpoint_falls_back_to_previous(damage, tmp_path, undisturbed):
    how, message = DAMAGES[damage]
    train_until_killed(ARMS["dropout, bn"], tmp_path, epoch=5)
    name = damage_newest(tmp_path, how)
    record = train(task(ARMS["dropout, bn"], tmp_path))
    assert record["resumed_after"] == 3
    (rejected,) = record["rejected_checkpoints"]
    assert rejected.startswith(f"{name}: ") and message in rejected
    assert left_by(tmp_path) == undisturbed("dropout, bn")


def test_run_without_intact_checkpoint_starts_again(tmp_path, undisturbed):
    train_until_killed(ARMS["adam"], tmp_path, epoch=4)
    for checkpoint in (tmp_path / CHECKPOINT).glob("epoch-*"):
        flip(checkpoint / "state.json")
    record = train(task(ARMS["adam"], tmp_path))
    assert record["resumed_after"] is None and len(record["rejected_checkpoints"]) == 2
    assert left_by(tmp_path) == undisturbed("adam")


def test_checkpoint_of_other_code_is_not_resumed(tmp_path):
    train_until_killed(ARMS["adam"], tmp_path, epoch=4)
    other = dataclasses.replace(task(ARMS["adam"], tmp_path), provenance={"code": {"sha256": "y"}})
    record = train(other)
    assert record["resumed_after"] is None
    assert all(text.endswith("it was saved with another code") for text in record["rejected_checkpoints"])


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_full_disk_fails_run_that_can_be_resumed(error, tmp_path, monkeypatch, undisturbed):
    written, real = [], checkpoint_files.write

    def write(*arguments):
        written.append(arguments)
        if len(written) == 4:
            raise OSError(error, os.strerror(error), str(tmp_path))
        real(*arguments)

    monkeypatch.setattr(checkpoint_files, "write", write)
    record = train(task(ARMS["adam"], tmp_path), Control(checkpoint_seconds=0.0))
    assert record["status"] == "failed" and os.strerror(error) in record["error"]
    monkeypatch.undo()
    assert train(task(ARMS["adam"], tmp_path))["resumed_after"] == 3
    assert left_by(tmp_path) == undisturbed("adam")


@pytest.mark.parametrize("jump", [-1e9, 1e9])
def test_jumping_clock_changes_only_times(jump, tmp_path, monkeypatch, undisturbed):
    real, calls = time.time, []
    monkeypatch.setattr(time, "time", lambda: real() + (jump if calls.append(None) or len(calls) > 20 else 0))
    assert train(task(ARMS["adam"], tmp_path))["status"] == "done"
    monkeypatch.undo()
    assert left_by(tmp_path) == undisturbed("adam")


# Parts of an interrupted run that may be missing or damaged.
HALVES = {
    "history.csv": lambda p: (p / "history.csv").unlink(missing_ok=True),
    "history cut": lambda p: (p / "history.csv").write_text("epoch,seconds,lr\n1,0."),
    "run.json": lambda p: (p / "run.json").unlink(),
    "events": lambda p: [file.unlink() for file in p.glob("*/events*")],
    "events empty": lambda p: [os.truncate(file, 0) for file in p.glob("*/events*")],
    "events cut": lambda p: [os.truncate(file, file.stat().st_size // 4) for file in p.glob("*/events*")],
    "validation": lambda p: shutil.rmtree(p / "validation"),
    "best weights": lambda p: (p / "best.weights.h5").unlink(missing_ok=True),
    "preprocessing": lambda p: (p / "preprocessing.json").unlink(),
}


@pytest.mark.parametrize("half", HALVES)
def test_partly_deleted_run_directory_is_completed(half, tmp_path, undisturbed):
    train_until_killed(ARMS["adam"], tmp_path, epoch=4)
    HALVES[half](tmp_path / "topic.name" / "arm" / "seed-3")
    record = train(task(ARMS["adam"], tmp_path))
    restarted = "events" in half or half == "validation"
    assert record["resumed_after"] == (None if restarted else 3)
    assert restarted == ("the run has lost what it wrote before" in str(record["rejected_checkpoints"]))
    assert left_by(tmp_path) == undisturbed("adam")


# A checkpoint syncs three parts, its own directory, and the directory of all checkpoints after the rename.
@pytest.mark.parametrize("moment", range(1, 13))
def test_kill_while_writing_checkpoint_keeps_previous_ones(moment, tmp_path, monkeypatch, undisturbed):
    calls, real = [], files._sync

    def sync(path):
        if "checkpoint" in path.parts:
            calls.append(path)
        if len(calls) == moment:
            raise Killed
        real(path)

    monkeypatch.setattr(files, "_sync", sync)
    recipe = ARMS["adam"]
    with pytest.raises(Killed):
        train(task(recipe, tmp_path), Control(checkpoint_seconds=0.0))
    monkeypatch.undo()
    record = train(task(recipe, tmp_path))
    assert record["rejected_checkpoints"] == []  # a checkpoint that is not yet renamed is not seen
    assert left_by(tmp_path) == undisturbed("adam")
