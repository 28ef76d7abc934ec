"""The report's pages as rendered by headless Chromium. FOLKLORE_PICTURES=docs makes the pictures of docs/report.md."""

from pathlib import Path

import pytest

from folklore.report import html, summary
from tests.chromium import chromium, folder_of_pictures, needs_chromium, page_without_errors  # noqa: F401
from tests.conftest import study

pytestmark = needs_chromium
RESULTS = Path(__file__).parent.parent / "docs" / "results"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return study(tmp_path_factory.mktemp("logs") / "topic.experiment")


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
    page.wait_for_function("document.querySelector('#plot-strip .main-svg').clientWidth > 640")


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """The report on the kept results, which docs/report.md shows."""
    return html.write([summary.read(file) for file in sorted(RESULTS.glob("*.json"))], tmp_path_factory.mktemp("book"))


@pytest.mark.parametrize(
    ("name", "of", "width", "height", "scheme"),
    [
        ("report_index", "index", 1280, 900, "light"),
        ("report_index_dark", "index", 1280, 900, "dark"),
        ("report_index_phone", "index", 390, 844, "light"),
        ("report_page", "regularization.dropout_regression", 1280, 1300, "light"),
        ("report_page_phone", "regularization.dropout_regression", 390, 844, "dark"),
    ],
)
def test_book_fits_and_its_pictures_are_small(page, book, pictures, name, of, width, height, scheme):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": height})
    page.goto(book.with_name(f"{of}.html").as_uri())
    page.wait_for_selector("svg.mark circle, .plot .main-svg")
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    file = pictures / f"{name}.png"
    page.screenshot(path=file)
    assert file.stat().st_size < 200_000


@pytest.mark.parametrize(("width", "shown"), [(1280, 6), (390, 0)])
def test_names_of_arms_are_left_to_the_table_where_they_do_not_fit(page, book, width, shown):
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(book.with_name("normalization.bn_before_after.html").as_uri())
    scroll_through(page)
    assert page.locator("#plot-strip .xtick").count() == shown
