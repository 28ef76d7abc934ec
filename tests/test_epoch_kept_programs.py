"""Compiled programs that processes share: verified before TensorFlow sees them, and never used once damaged."""

import hashlib
import os
import sys

import pytest

from folklore.epoch.kept_programs import KeptPrograms

PROGRAM = b"machine code" * 100


@pytest.fixture(autouse=True)
def flags(monkeypatch):
    monkeypatch.setenv("TF_XLA_FLAGS", "--given")


def compile_one(store, name="one"):
    """A process that compiles a program, and what it leaves in the store."""
    with KeptPrograms(store) as programs, programs.shared():
        (programs.folder / f"{name}.pb").write_bytes(PROGRAM)
    return [file for file in store.iterdir() if file.name.startswith(name)]


def shown(store):
    """The programs that the next process shows to TensorFlow."""
    with KeptPrograms(store) as programs, programs.shared():
        return {file.name: file.read_bytes() for file in programs.folder.iterdir()}


def test_program_of_one_process_is_shown_in_next(tmp_path):
    assert len(compile_one(tmp_path)) == 1
    assert shown(tmp_path) == {"one.pb": PROGRAM}
    assert [file.name for file in tmp_path.glob("process-*")] == []


@pytest.mark.parametrize("damage", [lambda b: bytes([b[0] ^ 1]) + b[1:], lambda b: b[:-1], lambda b: b""])
def test_damaged_program_is_never_shown_and_store_is_emptied(tmp_path, damage):
    (file,) = compile_one(tmp_path)
    compile_one(tmp_path, "two")
    file.write_bytes(damage(file.read_bytes()))
    assert "one.pb" not in shown(tmp_path)
    assert list(tmp_path.glob("*.pb.*")) == []


def test_programs_stored_meanwhile_are_shown_before_next_job(tmp_path):
    with KeptPrograms(tmp_path) as programs:
        with programs.shared():
            assert list(programs.folder.iterdir()) == []
        (tmp_path / f"later.pb.{hashlib.sha256(PROGRAM).hexdigest()}").write_bytes(PROGRAM)  # by another process
        with programs.shared():
            assert (programs.folder / "later.pb").read_bytes() == PROGRAM


def test_nothing_is_kept_without_room(tmp_path):
    with KeptPrograms(tmp_path, room=2**62):
        assert os.environ["TF_XLA_FLAGS"] == "--given"
    with KeptPrograms(tmp_path) as programs:
        assert os.environ["TF_XLA_FLAGS"].startswith(f'--given --tf_xla_persistent_cache_directory="{programs.folder}"')


def test_folder_of_killed_process_is_removed_after_a_month_without_jobs(tmp_path):
    (tmp_path / "process-killed").mkdir()
    with KeptPrograms(tmp_path):
        assert (tmp_path / "process-killed").is_dir()
    os.utime(tmp_path / "process-killed", (0, 0))
    with KeptPrograms(tmp_path) as programs, programs.shared():
        assert list(tmp_path.glob("process-*")) == [programs.folder]


def test_processes_with_one_number_have_folders_of_their_own(tmp_path):
    with KeptPrograms(tmp_path) as one, KeptPrograms(tmp_path) as other:
        assert one.folder != other.folder and one.folder.is_dir()


def test_cache_that_cannot_be_written_is_not_used(tmp_path):
    (tmp_path / "file").write_text("")
    with KeptPrograms(tmp_path / "file") as programs, programs.shared():
        assert os.environ["TF_XLA_FLAGS"] == "--given"


def test_program_that_was_dropped_is_not_stored_again_with_every_job(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[KeptPrograms.__module__], "LIMIT", len(PROGRAM))
    with KeptPrograms(tmp_path) as programs:
        for name in ("old", "new"):
            with programs.shared():
                (programs.folder / f"{name}.pb").write_bytes(PROGRAM)
            os.utime(next(tmp_path.glob(f"{name}.pb.*")), (0, 0) if name == "old" else None)
        for _ in range(2):
            with programs.shared():
                pass
            assert [file.name.partition(".")[0] for file in tmp_path.glob("*.pb.*")] == ["new"]
