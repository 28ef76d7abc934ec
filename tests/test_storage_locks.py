"""Locks on studies: which process waits, and which files remain."""

import errno
import fcntl
import threading

import pytest

from folklore.storage.locks import is_locked, locked


def test_lock_leaves_nothing_when_nothing_was_written(tmp_path):
    logdir = tmp_path / "new" / "logs"
    with locked(logdir, ["a.one", "b.two"], pytest.fail):
        assert sorted(path.name for path in (logdir / ".locks").iterdir()) == ["a.one.lock", "b.two.lock"]
    assert list(tmp_path.iterdir()) == []


def test_lock_keeps_files_written_under_it(tmp_path):
    with locked(tmp_path / "logs", ["a.one"], pytest.fail):
        (tmp_path / "logs" / "file").touch()
    assert [path.name for path in (tmp_path / "logs").iterdir()] == ["file"]


def test_second_process_waits_for_first(tmp_path):
    messages, order = [], []
    waiting = threading.Event()

    def report(text):
        messages.append(text)
        waiting.set()

    def second():
        with locked(tmp_path, ["a.one", "b.two"], report):
            order.append("second")

    with locked(tmp_path, ["b.two"], pytest.fail):
        thread = threading.Thread(target=second)
        thread.start()
        assert waiting.wait(10)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
    assert messages == [f"Another process trains b.two into {tmp_path}; waiting until it ends."]
    with locked(tmp_path, ["a.one", "b.two"], pytest.fail):  # both are free again
        pass


def test_lock_is_seen_while_it_is_held(tmp_path):
    assert not is_locked(tmp_path, "a.one")
    with locked(tmp_path, ["a.one"], pytest.fail):
        assert is_locked(tmp_path, "a.one")
        assert not is_locked(tmp_path, "b.two")
    (tmp_path / ".locks").mkdir()
    (tmp_path / ".locks" / "a.one.lock").touch()  # left by a process that was killed
    assert not is_locked(tmp_path, "a.one")


def test_lock_file_that_is_link_is_not_followed(tmp_path):
    (tmp_path / "logs" / ".locks").mkdir(parents=True)
    (tmp_path / "precious").write_text("as it was")
    (tmp_path / "logs" / ".locks" / "topic.name.lock").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic links"), locked(tmp_path / "logs", ["topic.name"], print):
        pass
    assert (tmp_path / "precious").read_text() == "as it was"


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOTSUP])
def test_file_system_without_locks_is_reported_once(code, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(code, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    messages = []
    with locked(tmp_path, ["a.one", "b.two"], messages.append):
        assert len(messages) == 1 and f"{tmp_path} cannot lock files" in messages[0]
    assert list(tmp_path.iterdir()) == []


def test_other_lock_failure_is_raised(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OSError, match="Input/output"), locked(tmp_path, ["a.one"], pytest.fail):
        pass
