"""The report as rendered by headless Chromium."""

import pytest

from folklore.report import html, summary
from tests.chromium import MARKS
from tests.conftest import study

pytestmark = MARKS


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return study(tmp_path_factory.mktemp("logs") / "topic.experiment")


@pytest.fixture(scope="module")
def index(path, tmp_path_factory):
    return html.write([summary.summarise(path, seeds=True)], tmp_path_factory.mktemp("report"))


def traces(page, name):
    return page.locator(f"#plot-{name} .scatterlayer .trace").count()


def test_index_draws_effects_and_links_to_pages(page, index):
    page.goto(index.as_uri())
    page.wait_for_selector("svg.mark circle")
    assert page.locator("script[src]").count() == 0  # nothing large blocks the first paint
    page.click("a:has-text('It helps.')")
    page.wait_for_selector("#plot-strip .scatterlayer .trace")
    assert page.title() == "It helps."


def test_page_draws_all_plots_and_shows_seeds_on_request(page, index):
    page.goto(index.with_name("topic.experiment.html").as_uri())
    page.wait_for_selector("#plot-curves-rmse .scatterlayer .trace")
    for name in ("forest", "strip", "curves-rmse", "layers-0"):
        assert traces(page, name) > 0
    before = traces(page, "curves-rmse")
    page.click(".updatemenu-button:has-text('every seed')")
    page.wait_for_timeout(300)
    assert traces(page, "curves-rmse") == before + 2 * 2 * 8


@pytest.mark.parametrize("name", ["index.html", "topic.experiment.html"])
def test_phone_layout_does_not_scroll_sideways(page, index, name):
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(index.with_name(name).as_uri())
    page.wait_for_selector(".scatterlayer .trace, svg.mark")
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390


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


def test_printed_page_has_no_buttons(page, index):
    page.goto(index.with_name("topic.experiment.html").as_uri())
    page.emulate_media(media="print")
    page.wait_for_selector("#plot-strip .scatterlayer .trace")
    assert not page.locator(".updatemenu-container").first.is_visible()
