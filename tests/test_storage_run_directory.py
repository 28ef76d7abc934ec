"""Run directories: files are written completely or not at all, and are read back in order."""

import json
import os
from datetime import UTC, datetime

import pytest

from folklore.errors import ProblemError
from folklore.storage import files, run_directory, run_paths


def written_files(path):
    return sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())


BEGUN = {"status": "running", "identity": "a", "recipe": {}}
DATA = {"name": "diabetes", "source": "bundled", "unit": "", "sha256": "b"}
DONE = BEGUN | {"status": "done", "data": DATA, "metrics": {"test/rmse": 1.5, "test/mae": None}}
DECLARED = {
    "claim": "It helps.",
    "baseline": "base",
    "metric": {"name": "test/rmse", "goal": "min"},
    "hypotheses": [{"arm": "arm", "direction": "worse", "by": 1}],
    "arms": {"base": {}, "arm": {}},
}


def write_run(path, status="done", done=True):
    files.write_json(path / "run.json", DONE | {"status": status})
    if done:
        files.write_text(path / "DONE", f"{status}\n")
    return path


def broken(*_):
    raise OSError(28, "No space left on device")


def test_text_leaves_no_temporary_file(tmp_path):
    files.write_text(tmp_path / "new" / "a.txt", "first")
    files.write_text(tmp_path / "new" / "a.txt", "zweite – Zeile\n")
    assert (tmp_path / "new" / "a.txt").read_bytes() == "zweite – Zeile\n".encode()
    assert written_files(tmp_path) == ["new/a.txt"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_interrupted_write_keeps_previous_file(tmp_path, monkeypatch, call):
    files.write_text(tmp_path / "a.txt", "old")
    monkeypatch.setattr(*((os, "fsync") if call == "fsync" else (type(tmp_path), "replace")), broken)
    with pytest.raises(OSError, match=r"No space left on device: '.*/a\.txt'$"):
        files.write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "old"
    assert written_files(tmp_path) == ["a.txt"]


def test_text_is_synced_before_rename(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(os, "fsync", lambda number: calls.append(("synced", written_files(tmp_path))))
    files.write_text(tmp_path / "a.txt", "text")
    assert calls == [("synced", [f".tmp-{os.getpid()}.a.txt"])]


def test_json_writes_null_for_nonfinite_numbers(tmp_path):
    nan, inf = float("nan"), float("inf")
    record = {"a": nan, "b": [inf, (1, -inf)], "c": {"d": nan, "e": 1.5}, "f": None, "ü": True, "g": "nan"}
    files.write_json(tmp_path / "a.json", record)
    expected = {"a": None, "b": [None, [1, None]], "c": {"d": None, "e": 1.5}, "f": None, "ü": True, "g": "nan"}
    assert files.read_json(tmp_path / "a.json") == expected
    assert json.loads((tmp_path / "a.json").read_text("utf-8"), parse_constant=broken) == expected


def test_missing_json_reads_as_none(tmp_path):
    assert files.read_json(tmp_path / "run.json") is None


@pytest.mark.parametrize("content", [b"", b'{"a": 1', b'{"a": NaN}', b'{"a": "\\ud800"}', b"\xff\xfe", b"[1, 2]", b"3"])
def test_damaged_json_is_named_with_remedy(tmp_path, content):
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(ProblemError, match=r"run\.json (cannot be read|does not hold).* Delete it, and `run` makes"):
        files.read_json(tmp_path / "run.json")


@pytest.mark.parametrize(
    ("record", "place"),
    [
        ({}, "status"),
        (DONE | {"status": "dnoe"}, "status"),
        (DONE | {"status": ["done"]}, "status"),
        (DONE | {"status": "running"}, "status"),  # beside a DONE
        (DONE | {"identity": None}, "identity"),
        (DONE | {"recipe": []}, "recipe"),
        (DONE | {"metrics": 5}, "metrics"),
        (DONE | {"metrics": {"test/rmse": "x"}}, "metrics/test/rmse"),
        (DONE | {"metrics": {"test/rmse": True}}, "metrics/test/rmse"),
        (DONE | {"code": {"commit": 5}}, "code/commit"),
        (DONE | {"data": DATA | {"sha256": 3}}, "data/sha256"),
    ],
)
def test_run_record_lacking_required_key_is_named(tmp_path, record, place):
    path = write_run(tmp_path / "arm" / "seed-0")
    files.write_json(path / "run.json", record)
    with pytest.raises(
        ProblemError, match=rf"seed-0/run\.json is damaged: {place} is missing or .*Delete it, and `run`"
    ):
        run_directory.read_run(path)


def test_running_run_is_incomplete(tmp_path):
    run_directory.begin(tmp_path / "arm" / "seed-0", BEGUN)
    assert run_directory.read_run(tmp_path / "arm" / "seed-0").status == "incomplete"


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ({}, "claim is missing"),
        (DECLARED | {"arms": ["base", "arm"]}, "arms is missing"),
        (DECLARED | {"arms": {"base": {}, "arm": 3}}, "arms/arm is missing"),
        (DECLARED | {"metric": "test/rmse"}, "metric is missing"),
        (DECLARED | {"metric": {"name": "test/rmse", "goal": "up"}}, "metric/goal is missing"),
        (DECLARED | {"hypotheses": {}}, "hypotheses is missing"),
        (DECLARED | {"hypotheses": [{"arm": "arm", "direction": "worse"}]}, "hypotheses/0/by is missing"),
        (DECLARED | {"baseline": "bse"}, "is about the arm 'bse' and declares no arm"),
        (DECLARED | {"tuning": {"am": {"edges": {}}}}, "is about the arm 'am' and declares no arm"),
        ({"claim": "It helps.", "arms": {}, "tuning": {"arm": {"edges": {}}}}, "has tuned arms and declares none"),
        (DECLARED | {"arms": {"base": {}}}, "is about the arm 'arm' and declares no arm"),
    ],
)
def test_declaration_lacking_required_key_is_named(tmp_path, record, says):
    files.write_json(tmp_path / "experiment.json", record)
    with pytest.raises(ProblemError, match=rf"experiment\.json .*{says}.*Delete it, and `run`"):
        run_directory.read_experiment(tmp_path)


def test_stored_declaration_is_read_unchanged(tmp_path):
    assert run_directory.read_experiment(tmp_path) is None
    files.write_json(tmp_path / "experiment.json", DECLARED | {"kind": "stat"})
    assert run_directory.read_experiment(tmp_path).to_dict() == DECLARED | {"kind": "stat"}


def test_history_has_row_per_epoch_and_columns_in_order(tmp_path):
    rows = [
        {"epoch": 1, "lr": 0.1, "train/loss": 3},
        {"epoch": 2, "train/loss": float("nan"), "lr": 0.05, "probe/a": 7},
    ]
    run_directory.write_history(tmp_path, rows)
    assert (tmp_path / "history.csv").read_bytes() == b"epoch,lr,train/loss,probe/a\n1,0.1,3,\n2,0.05,nan,7\n"


def test_runs_are_ordered_by_arm_then_seed(tmp_path):
    for arm, seed in [("b", 1), ("a", 10), ("a", 2), ("a", 0), ("a b", 3)]:
        write_run(run_paths.run_path(tmp_path, "topic.experiment", arm, seed))
    found = list(run_directory.runs(tmp_path / "topic.experiment"))
    assert [(run.arm, run.seed) for run in found] == [("a", 0), ("a", 2), ("a", 10), ("a b", 3), ("b", 1)]
    assert found[2].path == tmp_path / "topic.experiment" / "a" / "seed-10"


def test_directories_that_are_not_runs_are_ignored(tmp_path):
    write_run(tmp_path / "a" / "seed-1")
    for name in ("seed-", "seed-x", "seed-1.old", "seeds", "seed--1"):
        (tmp_path / "a" / name).mkdir()
    (tmp_path / "a" / "seed-2").write_text("a file")
    assert [run.seed for run in run_directory.runs(tmp_path)] == [1]


def test_experiment_never_run_has_no_runs(tmp_path):
    assert list(run_directory.runs(tmp_path / "nothing")) == []


@pytest.mark.parametrize(
    ("recorded", "done", "status"),
    [
        ("done", True, "done"),
        ("diverged", True, "diverged"),
        ("failed", False, "failed"),
        ("running", False, "incomplete"),
        ("done", False, "incomplete"),  # broken off between run.json and DONE
        ("diverged", False, "incomplete"),
    ],
)
def test_recorded_status_counts_only_when_done(tmp_path, recorded, done, status):
    run = run_directory.read_run(write_run(tmp_path / "arm" / "seed-3", recorded, done))
    assert (run.arm, run.seed, run.status, run.done) == ("arm", 3, status, done)


@pytest.mark.parametrize("left", [[], ["DONE"], ["history.csv"]])
def test_run_without_record_is_incomplete(tmp_path, left):
    for name in left:
        files.write_text(tmp_path / "arm" / "seed-3" / name, "")
    run = run_directory.read_run(tmp_path / "arm" / "seed-3")
    assert (run.record, run.done, run.status) == (None, False, "incomplete")


def test_begin_removes_files_of_interrupted_attempt(tmp_path):
    leftovers = [
        "DONE",
        "history.csv",
        "best.weights.h5",
        "test_rows.npz",
        "train/events.out.tfevents.1.host.1.0",
        "validation/events.out.tfevents.1.host.1.1",
        ".tmp-123.run.json",
        ".tmp-123.best.weights.h5",
    ]
    for name in (*leftovers, "run.json", "notes.txt", "train/notes.txt"):
        files.write_text(tmp_path / name, "old")
    run_directory.begin(tmp_path, {"status": "running"})
    assert written_files(tmp_path) == ["notes.txt", "run.json", "train/notes.txt"]
    assert files.read_json(tmp_path / "run.json") == {"status": "running"}


def test_resuming_removes_what_is_written_after_training(tmp_path):
    for name in ("DONE", "test_rows.npz", "history.csv", "best.weights.h5"):
        files.write_text(tmp_path / name, "old")
    run_directory.begin(tmp_path, {"status": "running"}, event_files={})
    assert written_files(tmp_path) == ["best.weights.h5", "history.csv", "run.json"]


def test_begin_creates_directory(tmp_path):
    run_directory.begin(tmp_path / "arm" / "seed-0", {"status": "running"})
    assert written_files(tmp_path) == ["arm/seed-0/run.json"]


@pytest.mark.parametrize("status", ["done", "diverged"])
def test_done_is_written_last(tmp_path, monkeypatch, status):
    written = []
    write = files.write_text
    for module in (run_directory, files):
        monkeypatch.setattr(module, "write_text", lambda path, text: (written.append(path.name), write(path, text)))
    run_directory.finish(tmp_path, {"status": status})
    assert written == ["run.json", "DONE"]
    assert (tmp_path / "DONE").read_text() == f"{status}\n"


def test_failed_run_is_not_done(tmp_path):
    run_directory.finish(tmp_path, {"status": "failed"})
    assert written_files(tmp_path) == ["run.json"]


def test_move_aside_keeps_all_files_under_timestamp(tmp_path):
    write_run(tmp_path / "topic.a" / "arm" / "seed-0")
    aside = run_directory.move_aside(tmp_path / "topic.a", now=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert aside == tmp_path / ".aside" / "topic.a-20260102-030405"
    assert written_files(tmp_path) == [
        f".aside/topic.a-20260102-030405/arm/seed-0/{name}" for name in ("DONE", "run.json")
    ]
    assert run_directory.move_aside(tmp_path / "topic.a") is None


def test_move_aside_never_overwrites(tmp_path):
    now = datetime(2026, 1, 2, tzinfo=UTC)
    for status in ("done", "diverged"):
        write_run(tmp_path / "topic.a" / "arm" / "seed-0", status)
        if status == "done":
            run_directory.move_aside(tmp_path / "topic.a", now)
    with pytest.raises(OSError, match="not empty"):
        run_directory.move_aside(tmp_path / "topic.a", now)
    kept = {path.relative_to(tmp_path).parts[0]: path.read_text() for path in tmp_path.rglob("DONE")}
    assert kept == {".aside": "done\n", "topic.a": "diverged\n"}


@pytest.mark.parametrize("below", ["", "deeper", "deeper/still"])
def test_log_directory_under_file_is_refused(tmp_path, below):
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(ProblemError, match=r"notes\.txt is a file. Name a directory with --logdir"):
        run_directory.check_logdir(tmp_path / "notes.txt" / below)


def test_log_directory_without_write_access_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)
    with pytest.raises(PermissionError, match="cannot be written"):
        run_directory.check_logdir(tmp_path / "new" / "logs")


def test_new_log_directory_is_allowed_and_not_created(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for logdir in (tmp_path, tmp_path / "new" / "logs", type(tmp_path)("relative")):
        assert run_directory.check_logdir(logdir) == logdir
    assert list(tmp_path.iterdir()) == []


def test_experiments_are_found_by_declaration(tmp_path):
    for name in ("b.two", "a.one", ".aside/a.one-20260101-000000", ".hidden"):
        files.write_json(tmp_path / name / "experiment.json", {})
    write_run(tmp_path / "c.no_declaration" / "arm" / "seed-0")
    assert [path.name for path in run_paths.experiments(tmp_path)] == ["a.one", "b.two"]
    assert run_paths.experiments(tmp_path / "a.one") == [tmp_path / "a.one"]
    assert run_paths.experiments(tmp_path / "nothing") == []


def test_snapshot_reads_each_run_once(tmp_path, monkeypatch):
    run_directory.finish(tmp_path / "arm" / "seed-0", {"status": "failed", "seed": 0, "arm": "arm"})
    opened = []
    monkeypatch.setattr(run_directory, "read_json", lambda file: opened.append(file))
    read = run_directory.Snapshot()
    for _ in range(3):
        assert [run.seed for run in run_directory.runs(tmp_path, read)] == [0]
    assert len(opened) == 1
