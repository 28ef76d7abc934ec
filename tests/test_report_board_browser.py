"""TensorBoard on the board's log directories, as rendered by headless Chromium."""

import contextlib
import json
import re
import subprocess
import time
import urllib.request

import numpy as np
import pytest

from callbacks import ConfusionMatrix, Embedding, Filters
from callbacks.event_file import EventFile
from folklore.report.board import live, places
from models import mlp
from tests.chromium import chromium, needs_chromium, page_without_errors  # noqa: F401
from tests.conftest import add_run, declare, study

pytestmark = needs_chromium
HOST = "127.0.0.1"
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


@contextlib.contextmanager
def serving(folder, run):
    """The port of a TensorBoard on a folder, once it has found a run."""
    port = live.port_for(HOST, 0)
    process = subprocess.Popen(live.command(folder, port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    try:
        while True:
            with contextlib.suppress(OSError):
                if run in answer(port, "runs"):
                    break
            assert time.monotonic() < deadline, "TensorBoard did not answer"
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()


def answer(port, what):
    return json.loads(urllib.request.urlopen(f"http://{HOST}:{port}/data/{what}", timeout=10).read())


def wait_for(page, selector, ready):
    """Wait until the texts of the elements that fit are as they should be."""
    deadline = time.monotonic() + 60
    while not ready(found := page.evaluate(DEEP, selector)):
        assert time.monotonic() < deadline, f"{selector}: {found}"
        page.wait_for_timeout(100)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return study(tmp_path_factory.mktemp("logs") / "topic.experiment")


@pytest.fixture(scope="module")
def board(path, tmp_path_factory):
    return live.Board([path], tmp_path_factory.mktemp("board") / "out")


@pytest.fixture(scope="module")
def port(board):
    with serving(board.out, "verdict") as port:
        yield port


def tab(page, port, name, metrics=("test/rmse",)):
    page.goto(places.address(HOST, port, metrics, name))


def test_board_opens_on_verdict_with_compared_metric_and_its_bands(page, port):
    page.goto(f"http://{HOST}:{port}")  # without the address that was printed, too
    shown = page.frame_locator("iframe")
    shown.locator(".card h2").first.filter(has_text=re.compile("^rmse$")).wait_for()
    assert shown.locator(".block .word").inner_text() == "supported"
    assert "more than the 0.5000 that would matter" in shown.locator(".block p").first.inner_text()
    first = shown.locator(".chart").first
    lines = first.locator(".js-line")
    lines.nth(7).wait_for(state="attached")  # of two arms, train and validation: a mean each, and bounds
    colours = set(lines.evaluate_all("lines => lines.map(line => line.style.stroke)"))
    marks = shown.locator("table .swatch").evaluate_all("found => found.map(one => getComputedStyle(one).fill)")
    assert marks == ["rgb(0, 114, 178)", "rgb(213, 94, 0)"]
    assert set(marks) <= colours


def test_time_series_pins_compared_metric_without_smoothing_in_colours_of_report(page, port):
    tab(page, port, "timeseries")
    wait_for(page, "metrics-pinned-view card-view", lambda cards: cards and cards[0].startswith("rmse"))
    rows = ["base/train", "base/validation", "arm/train", "arm/validation"]
    wait_for(page, "metrics-pinned-view scalar-card", lambda texts: all(row in texts[0] for row in rows))
    assert "smoothing=0" in page.url
    colours = page.locator(".run-color-swatch, .color-container button").evaluate_all(
        "found => found.map(one => getComputedStyle(one).backgroundColor)"
    )
    assert {"rgb(0, 114, 178)", "rgb(213, 94, 0)"} <= set(colours)


def test_hparams_tab_lists_arms_with_figures_of_report(page, port):
    tab(page, port, "hparams")
    cells = {"base", "arm", "params.kind", "test/rmse", "11.500", "13.500", "n", "8.0000", "2.0000"}
    wait_for(page, "vaadin-grid-cell-content", lambda texts: cells <= set(texts))


def test_text_tab_shows_verdict(page, port):
    tab(page, port, "text")
    wait_for(page, "li", lambda texts: any(text.startswith("supported: It helps.") for text in texts))


def test_run_that_ends_while_board_is_open_appears(page, port, path, board):  # after tests of the first sixteen
    tab(page, port, "verdict")
    shown = page.frame_locator("iframe")
    shown.get_by_text("16 runs ended").wait_for()
    with live.followed(board, every=0.1):
        add_run(path, "arm", 8, 11.0, {"train/rmse": [9, 8, 7], "validation/rmse": [9, 8, 7]})
        shown.get_by_text("17 runs ended").wait_for()
    count = "plugin/scalars/scalars?run=arm/validation&tag=~figures/2"  # which TensorBoard reads every five seconds
    deadline = time.monotonic() + 30
    while (found := answer(port, count))[-1][-1] != 9:
        assert time.monotonic() < deadline
        page.wait_for_timeout(100)
    assert len(found) == 1  # the earlier value is forgotten


@pytest.fixture(scope="module")
def sixty(tmp_path_factory):
    """A TensorBoard on sixty runs with event files."""
    path = tmp_path_factory.mktemp("sixty") / "topic.experiment"
    arms = ("base", "arm", "other")
    declare(path, arms=arms)
    for seed in range(20):
        for arm in arms:
            add_run(path, arm, seed, 1.0, {"train/rmse": [3, 2, 1], "validation/rmse": [3, 2, 2]})
            for split in ("train", "validation"):
                file = EventFile(path / arm / f"seed-{seed}" / split)
                file.add_scalars({"a_bias": 1.0, "rmse": 2.0 + seed}, 1)
                file.close()
    board = live.Board([path], path.parent / places.LINKS, only="*")
    assert board.linked == (18, 60)
    with serving(board.out, "other/seed-5/validation") as port:
        yield port


def test_seeds_of_sixty_runs_show_curves_of_compared_metric_first(page, sixty):
    tab(page, sixty, "timeseries")
    wait_for(page, "metrics-pinned-view card-view", lambda cards: cards and cards[0].startswith("rmse"))
    runs = [f"{arm}/seed-{seed}/validation" for arm in ("base", "arm", "other") for seed in range(6)]
    wait_for(page, "metrics-pinned-view scalar-card", lambda texts: all(run in texts[0] for run in runs))


@pytest.fixture(scope="module")
def pictured(tmp_path_factory):
    """A TensorBoard on the linked runs of two experiments, of which one has pictures."""
    logs = tmp_path_factory.mktemp("pictured")
    declare(logs / "topic.drawn", arms=("base",))
    add_run(logs / "topic.drawn", "base", 0, 1.0)
    run = logs / "topic.drawn" / "base" / "seed-0"
    x, y = np.random.default_rng(0).random((50, 6, 6, 1), dtype=np.float32), np.arange(50) % 3
    for callback in (Filters(run), ConfusionMatrix(run, x, y), Embedding(run, x, y)):
        callback.set_model(mlp((6, 6, 1), 3, widths=(7,)))
        callback.on_train_begin()
        callback.on_epoch_end(0)
        callback.on_train_end()
    board = live.Board([logs / "topic.drawn", study(logs / "topic.other")], logs / places.LINKS, only="*")
    with serving(board.out, "topic.drawn/base/seed-0/validation") as port:
        yield port


def test_images_tab_shows_pictures(page, pictured):
    tab(page, pictured, "images")
    page.wait_for_function(f"() => ({LOADED})() == 2", timeout=60_000)  # filters and confusion matrix


def test_projector_tab_shows_last_hidden_layer(page, pictured):
    tab(page, pictured, "projector")
    found = page.frame_locator("iframe").frame_locator("iframe").locator(".numDataPoints")
    found.filter(has_text="50").wait_for(timeout=60_000)
