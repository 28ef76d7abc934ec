"""A page in headless Chromium, for tests of what people see. Import the fixtures that a test uses."""

import os
import shutil
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_chromium = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt install chromium, or a browser of that name"),
]


@pytest.fixture(scope="module", name="browser")
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(name="page")
def page_without_errors(browser):
    """A page whose console must stay free of errors."""
    errors = []
    page = browser.new_page(viewport={"width": 1300, "height": 1000})
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.close()
    assert errors == []


@pytest.fixture(name="pictures")
def folder_of_pictures(tmp_path):
    """Where pictures of pages go: the folder that FOLKLORE_PICTURES names, docs for those of the documentation."""
    return Path(os.environ.get("FOLKLORE_PICTURES", tmp_path))
