"""The report and TensorBoard as rendered by headless Chromium."""

import contextlib
import shutil
import socket
import subprocess
import time
import urllib.request

import numpy as np
import pytest

from callbacks import ConfusionMatrix, Embedding, Filters
from folklore.report import html, summary, tensorboard
from models import mlp
from tests.conftest import study

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt install chromium, or a browser of that name"),
]
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


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    """A page whose console must stay free of errors."""
    errors = []
    page = browser.new_page(viewport={"width": 1300, "height": 1000})
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.close()
    assert errors == []


@pytest.fixture(scope="module")
def index(path, tmp_path_factory):
    return html.write([summary.summarise(path, seeds=True)], tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def experiment(index):
    return index.with_name("topic.experiment.html").as_uri()


def traces(page, name):
    return page.locator(f"#plot-{name} .scatterlayer .trace").count()


def scroll_through(page):
    """Bring every plot into view."""
    for plot in page.locator(".plot").all():
        plot.scroll_into_view_if_needed()
    page.wait_for_function("[...document.querySelectorAll('.plot')].every(plot => plot.querySelector('.main-svg'))")


def test_index_draws_effects_and_links_to_pages(page, index):
    page.goto(index.as_uri())
    page.wait_for_selector("svg.mark circle")
    assert page.locator("script[src]").count() == 0  # nothing large blocks the first paint
    page.click("a:has-text('It helps.')")
    page.wait_for_selector("#plot-strip .scatterlayer .trace")
    assert page.title() == "It helps."


def test_page_draws_plots_as_they_come_into_view_and_moves_nothing(page, experiment):
    page.goto(experiment)
    page.wait_for_selector("#plot-strip .scatterlayer .trace")
    assert traces(page, "layers-0") == 0
    height = page.evaluate("document.documentElement.scrollHeight")
    scroll_through(page)
    for name in ("strip", "curves-rmse", "layers-0"):
        assert traces(page, name) > 0
    assert page.evaluate("document.documentElement.scrollHeight") == height


def test_page_shows_every_seed_on_request(page, experiment):
    page.goto(experiment)
    box = page.locator("[data-seeds-of=plot-curves-rmse]")
    box.scroll_into_view_if_needed()
    page.wait_for_selector("#plot-curves-rmse .scatterlayer .trace")
    before = traces(page, "curves-rmse")
    box.focus()
    page.keyboard.press("Space")
    page.wait_for_function(
        f"document.querySelectorAll('#plot-curves-rmse .scatterlayer .trace').length == {before + 2 * 2 * 8}"
    )


def test_text_is_there_before_the_script(page, experiment):
    page.route("**/plotly-basic.min.js", lambda route: None)  # never answered
    page.goto(experiment, wait_until="commit")
    page.wait_for_selector(".word:has-text('supported')")
    assert page.locator("table.figures tbody tr").count() == 2
    assert page.locator(".plot .main-svg").count() == 0
    page.unroute_all()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["index.html", "topic.experiment.html"])
def test_nothing_is_wider_than_the_window(page, index, name, width, scheme):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(index.with_name(name).as_uri())
    scroll_through(page)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 24, 28)"}[scheme]
    if name != "index.html":
        marker = page.locator("#plot-strip .scatterlayer .points path").first
        colour = marker.evaluate("path => getComputedStyle(path).fill")
        assert colour == {"light": "rgb(0, 114, 178)", "dark": "rgb(90, 169, 230)"}[scheme]


def test_index_is_filtered_by_word_and_text(page, index):
    page.goto(index.as_uri())
    row = page.locator("tr[data-word=supported]")
    assert row.is_visible()
    page.fill("#search", "no such claim")
    assert not row.is_visible()
    page.fill("#search", "IT HELPS")
    assert row.is_visible()
    page.uncheck(".word-filter[value=supported]")
    assert not row.is_visible()
    assert not page.locator("#topic").is_visible()  # nor its empty topic


def test_phone_shows_every_verdict_whole(page, index):
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(index.as_uri())
    boxes = [word.bounding_box() for word in page.locator(".claims .verdict").all()]
    assert boxes
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in boxes)


def test_printed_page_is_light_and_whole(page, experiment):
    page.emulate_media(color_scheme="dark")
    page.goto(experiment)
    page.wait_for_selector("#plot-strip .scatterlayer .trace")
    page.emulate_media(media="print", color_scheme="dark")
    page.wait_for_function("[...document.querySelectorAll('.plot')].every(plot => plot.querySelector('.main-svg'))")
    assert page.locator("details:not([open])").count() == 0
    assert not page.locator(".seeds").first.is_visible()
    assert page.locator("#plot-strip .main-svg").first.bounding_box()["width"] == 640  # fits on A4
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    marker = page.locator("#plot-strip .scatterlayer .points path").first
    assert marker.evaluate("path => getComputedStyle(path).fill") == "rgb(0, 114, 178)"
    page.emulate_media(media="screen", color_scheme="dark")
    page.wait_for_selector("details:not([open])", state="attached")


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
