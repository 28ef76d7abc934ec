"""TensorBoard as rendered by headless Chromium."""

import contextlib
import socket
import subprocess
import time
import urllib.request

import numpy as np
import pytest

from callbacks import ConfusionMatrix, Embedding, Filters
from folklore.report import tensorboard
from models import mlp
from tests.chromium import chromium, needs_chromium, page_without_errors  # noqa: F401
from tests.conftest import study

pytestmark = needs_chromium
# The texts of all elements that match a selector, including those inside shadow trees.
DEEP = """selector => {
    const found = [];
    const walk = root => {
        found.push(...root.querySelectorAll(selector));
        root.querySelectorAll('*').forEach(e => e.shadowRoot && walk(e.shadowRoot));
    };
    walk(document);
    return found.map(e => e.textContent.trim());
}"""

# The number of pictures that TensorBoard has loaded.
LOADED = """() => {
    let count = 0;
    const walk = root => {
        root.querySelectorAll('img[src*=individualImage]').forEach(image => count += image.naturalWidth > 0);
        root.querySelectorAll('*').forEach(e => e.shadowRoot && walk(e.shadowRoot));
    };
    walk(document);
    return count;
}"""


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return study(tmp_path_factory.mktemp("logs") / "topic.experiment")


@contextlib.contextmanager
def serving(folder, run):
    """The address of a TensorBoard on a folder, once it has found a run."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(tensorboard.command(folder, port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    try:
        while True:
            with contextlib.suppress(OSError):
                if run in urllib.request.urlopen(f"{address}/data/runs", timeout=10).read().decode():
                    break
            assert time.monotonic() < deadline, "TensorBoard did not answer"
        yield address
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def dashboard(path, tmp_path_factory):
    with serving(tensorboard.write([path], tmp_path_factory.mktemp("board") / "out"), "verdict") as address:
        yield address


@pytest.fixture(scope="module")
def pictured(tmp_path_factory):
    """A TensorBoard on two linked experiments, of which one has pictures."""
    logs = tmp_path_factory.mktemp("pictured")
    run = logs / "topic.drawn" / "arm" / "seed-0"
    x, y = np.random.default_rng(0).random((50, 6, 6, 1), dtype=np.float32), np.arange(50) % 3
    for callback in (Filters(run), ConfusionMatrix(run, x, y), Embedding(run, x, y)):
        callback.set_model(mlp((6, 6, 1), 3, widths=(7,)))
        callback.on_train_begin()
        callback.on_epoch_end(0)
        callback.on_train_end()
    linked = tensorboard.link([logs / "topic.drawn", study(logs / "topic.other")], logs / tensorboard.LINKS)
    with serving(linked, "topic.drawn/arm/seed-0/validation") as address:
        yield address


def wait_for(page, selector, ready):
    """Wait until the texts of the elements that fit are as they should be."""
    deadline = time.monotonic() + 60
    while not ready(found := page.evaluate(DEEP, selector)):
        assert time.monotonic() < deadline, f"{selector}: {found}"
        page.wait_for_timeout(200)


def test_custom_scalars_tab_draws_bands(page, dashboard):
    page.goto(f"{dashboard}/#custom_scalars")
    wait_for(page, "*", lambda texts: "rmse: mean and 95 % interval over seeds" in texts)
    wait_for(page, "path.area", lambda areas: len(areas) >= 2 * 2)  # of two arms each


def test_compared_metric_is_pinned_without_smoothing(page, dashboard):
    port = int(dashboard.rpartition(":")[2])
    page.goto(tensorboard.address("127.0.0.1", port, "test/rmse"))
    wait_for(page, "metrics-pinned-view card-view", lambda cards: cards and cards[0].startswith("validation/rmse"))
    assert "smoothing=0" in page.url


def test_hparams_tab_lists_arms(page, dashboard):
    page.goto(f"{dashboard}/#hparams")
    cells = {"base", "arm", "params.kind", "test/rmse", "11.500", "13.500"}
    wait_for(page, "vaadin-grid-cell-content", lambda texts: cells <= set(texts))


def test_text_tab_shows_verdict(page, dashboard):
    page.goto(f"{dashboard}/#text")
    wait_for(page, "li", lambda texts: any(text.startswith("supported: It helps.") for text in texts))


def test_images_tab_shows_pictures(page, pictured):
    page.goto(f"{pictured}/#images")
    page.wait_for_function(f"() => ({LOADED})() == 2", timeout=60_000)  # filters and confusion matrix


def test_projector_tab_shows_last_hidden_layer(page, pictured):
    page.goto(f"{pictured}/#projector")
    page.wait_for_selector("iframe")
    found = page.frame_locator("iframe").frame_locator("iframe").locator(".numDataPoints")
    found.filter(has_text="50").wait_for(timeout=60_000)
