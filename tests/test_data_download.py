"""Data sets that are not cached: no network, a hanging server, an unwritable cache, and downloads."""

import contextlib
import io
import os
import socket
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.datasets import _california_housing

from data import DataError, cache, california_housing, diabetes, digits, fashion_mnist, resolve

REAL = {"fashion_mnist": fashion_mnist, "california_housing": california_housing}
VARIABLE = {"fashion_mnist": "KERAS_HOME", "california_housing": "SCIKIT_LEARN_DATA"}
REAL_HOUSING = Path(os.environ.get("SCIKIT_LEARN_DATA", "unset"), "cal_housing_py3.pkz")  # before `home` hides it


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """An empty cache, nothing loaded yet, no proxies, and short timeouts."""
    forget()
    for variable in VARIABLE.values():
        monkeypatch.setenv(variable, str(tmp_path))
    for variable in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(variable)
    monkeypatch.setattr(cache, "PROBE_SECONDS", 0.3)
    monkeypatch.setattr(cache, "STALL_SECONDS", 0.3)
    yield tmp_path
    forget()


def forget() -> None:
    for source in REAL.values():
        source.load.cache_clear()


@contextlib.contextmanager
def within(seconds: float):
    began = time.perf_counter()
    yield
    assert time.perf_counter() - began < seconds


def through_proxy(monkeypatch, port: int) -> None:
    for variable in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(variable, f"http://127.0.0.1:{port}")


@contextlib.contextmanager
def silent_server():
    """A port that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def closed_port() -> int:
    with silent_server() as port:
        return port


def assert_unavailable(source, *words: str) -> None:
    """`real` fails with one paragraph that names a remedy; `auto` uses the stand-in and gives the same reason."""
    with pytest.raises(DataError) as caught, within(2):
        resolve(source, "real")
    message = str(caught.value)
    for word in (source.name, VARIABLE[source.name], "--data bundled", *words):
        assert word in message
    assert "\n" not in message
    used, why = resolve(source, "auto")
    assert used is source.stand_in
    assert why.startswith(f"{used.name} stands in for {source.name}.")
    assert all(word in why for word in words)


def test_network_timeouts_stay_below_15_seconds(monkeypatch):
    monkeypatch.undo()
    assert cache.PROBE_SECONDS + cache.STALL_SECONDS < 15


@pytest.mark.parametrize("name", REAL)
def test_refused_connection_is_reported(name, home, monkeypatch):
    through_proxy(monkeypatch, closed_port())
    assert_unavailable(REAL[name], str(home), "cannot be reached", "Connection refused")


@pytest.mark.parametrize("name", REAL)
def test_silent_server_is_reported(name, home, monkeypatch):
    with silent_server() as port:
        through_proxy(monkeypatch, port)
        assert_unavailable(REAL[name], "cannot be reached")


def test_silent_name_server_is_reported(monkeypatch):
    over = threading.Event()

    def hang(*_: object, **__: object) -> None:
        over.wait(10)
        raise socket.gaierror("no such name")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    with within(2):
        assert_unavailable(california_housing, "no answer within 0.3 seconds")
    over.set()


@pytest.mark.parametrize("name", REAL)
def test_cache_that_is_file_is_reported(name, home, monkeypatch):
    monkeypatch.setattr(cache, "_why_unreachable", lambda *_: pytest.fail("the network was asked"))
    (home / "file").write_text("")
    monkeypatch.setenv(VARIABLE[name], str(home / "file"))
    assert_unavailable(REAL[name], "cannot be written", str(home / "file"))


@pytest.mark.parametrize("name", REAL)
def test_read_only_cache_is_reported(name, home, monkeypatch):
    monkeypatch.setattr(cache, "_why_unreachable", lambda *_: pytest.fail("the network was asked"))
    access = os.access  # root ignores permissions
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and access(path, mode))
    assert_unavailable(REAL[name], "cannot be written: it is read-only", str(home))


@contextlib.contextmanager
def web(monkeypatch, answer):
    """A server whose GET is `answer(handler)`, at the address that scikit-learn asks for California housing.

    HEAD gets an error status, as from servers that only know GET: that counts as reachable. Yields the GETs so far.
    """
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_error(405)

        def do_GET(self):
            asked.append(self.path)
            answer(self)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/cal_housing.tgz"
    monkeypatch.setattr(_california_housing, "ARCHIVE", _california_housing.ARCHIVE._replace(url=url))
    try:
        yield asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def send(handler, content: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


def test_failed_download_is_reported(home, monkeypatch):
    with web(monkeypatch, lambda handler: handler.send_error(404)):
        assert_unavailable(california_housing, "download from http://127.0.0.1", "404")
    assert list(home.iterdir()) == []


def test_stalled_download_is_tried_once(home, monkeypatch):
    over = threading.Event()
    before = socket.getdefaulttimeout()
    with web(monkeypatch, lambda _: over.wait(10)) as asked:
        with pytest.raises(DataError, match="timed out"), within(2):
            california_housing.load()
        over.set()
    assert len(asked) == 1
    assert socket.getdefaulttimeout() == before


def test_download_of_other_content_is_reported(home, monkeypatch):
    with web(monkeypatch, lambda handler: send(handler, b"<html>Please log in.</html>")):
        assert_unavailable(california_housing, "SHA256 checksum")


def test_california_is_downloaded_cached_and_read(home, monkeypatch):
    if not REAL_HOUSING.exists():
        pytest.skip(f"SCIKIT_LEARN_DATA does not name a folder with {REAL_HOUSING.name} to serve")
    columns = joblib.load(REAL_HOUSING)[:, np.argsort([8, 7, 2, 3, 4, 5, 6, 1, 0])]
    content = "\n".join(",".join(map(repr, row)) for row in columns.tolist()).encode()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz", compresslevel=1) as tar:
        member = tarfile.TarInfo("CaliforniaHousing/cal_housing.data")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    with web(monkeypatch, lambda handler: send(handler, archive.getvalue())) as asked:
        unchecked = _california_housing.ARCHIVE._replace(checksum=None)  # the checksum is that of the published archive
        monkeypatch.setattr(_california_housing, "ARCHIVE", unchecked)
        assert resolve(california_housing, "auto") == (california_housing, None)
        california_housing.load.cache_clear()
        assert california_housing.load().x.shape == (20640, 8)
    assert len(asked) == 1
    assert [file.name for file in home.iterdir()] == ["cal_housing_py3.pkz"]


def test_bundled_sets_need_neither_cache_nor_network(home, monkeypatch):
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(home / "nowhere"))
    assert resolve(fashion_mnist, "bundled") == (digits, None)
    assert resolve(california_housing, "bundled") == (diabetes, None)
    for source in (digits, diabetes):
        source.load.cache_clear()
        assert len(source(0).train)
    assert list(home.iterdir()) == []
