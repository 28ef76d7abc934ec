"""Who waits for whom, and what is left behind."""

import errno
import fcntl
import threading

import pytest

from folklore.storage.locks import locked


def test_nothing_is_left_where_nothing_was_written(tmp_path):
    logdir = tmp_path / "new" / "logs"
    with locked(logdir, ["a.one", "b.two"], pytest.fail):
        assert sorted(path.name for path in (logdir / ".locks").iterdir()) == ["a.one.lock", "b.two.lock"]
    assert list(tmp_path.iterdir()) == []


def test_what_was_written_stays(tmp_path):
    with locked(tmp_path / "logs", ["a.one"], pytest.fail):
        (tmp_path / "logs" / "file").touch()
    assert [path.name for path in (tmp_path / "logs").iterdir()] == ["file"]


def test_the_second_waits_until_the_first_has_ended(tmp_path):
    said, order = [], []
    told = threading.Event()

    def say(text):
        said.append(text)
        told.set()

    def second():
        with locked(tmp_path, ["a.one", "b.two"], say):
            order.append("second")

    with locked(tmp_path, ["b.two"], pytest.fail):
        thread = threading.Thread(target=second)
        thread.start()
        assert told.wait(10)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
    assert said == [f"Another process trains b.two into {tmp_path}; waiting until it ends."]
    with locked(tmp_path, ["a.one", "b.two"], pytest.fail):  # both are free again
        pass


def test_lock_that_is_a_link_is_not_followed(tmp_path):
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
    said = []
    with locked(tmp_path, ["a.one", "b.two"], said.append):
        assert len(said) == 1 and f"{tmp_path} cannot lock files" in said[0]
    assert list(tmp_path.iterdir()) == []


def test_other_failure_of_a_lock_is_raised(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OSError, match="Input/output"), locked(tmp_path, ["a.one"], pytest.fail):
        pass
