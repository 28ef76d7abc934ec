"""The pictures of docs/board.md: the board of stored runs in Chromium, on its verdict and on the runs of single seeds.

python -m experiments run quickstart.california_housing --seeds 8 --data real
python -m benchmarks.board_pictures logs/quickstart.california_housing docs
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from folklore.report.board import live, places

if TYPE_CHECKING:
    from playwright.sync_api import Page

HOST = "127.0.0.1"
SIZE = {"width": 1280, "height": 870}
STARTS_WITHIN = 60_000  # milliseconds


def main(experiment: Path, out: Path) -> None:
    """Write `board.png` and `board_seeds.png` into a folder.

    Args:
        experiment: its directory, with runs.
        out: the folder.
    """
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for name, tab, only in (("board", "verdict", None), ("board_seeds", "timeseries", "*")):
            page = browser.new_page(viewport=SIZE)  # type: ignore[arg-type]
            picture(page, live.Board([experiment], Path(folder) / name, only), tab, out / f"{name}.png")
        browser.close()


def picture(page: Page, board: live.Board, tab: str, file: Path) -> None:
    """Take a picture of a tab, once its first chart is drawn."""
    port = live.port_for(HOST, 0)
    process = subprocess.Popen(live.command(board.out, port), stderr=subprocess.DEVNULL)
    try:
        _open(page, places.address(HOST, port, board.metrics, tab))
        if tab == "verdict":
            page.frame_locator("iframe").locator(".js-line").first.wait_for(state="attached")
        else:
            page.locator("metrics-pinned-view scalar-card").get_by_text("validation").first.wait_for()
            page.get_by_role("button", name="Settings").click()  # closes them
            page.wait_for_timeout(1000)  # a worker draws
        shot = Image.open(io.BytesIO(page.screenshot()))
        shot.convert("RGB").quantize(256, kmeans=3, dither=Image.Dither.NONE).save(
            file, optimize=True
        )  # half of the bytes
    finally:
        process.terminate()
        process.wait()


def _open(page: Page, address: str) -> None:
    """Open an address as soon as something listens there."""
    from playwright.sync_api import Error

    for _ in range(STARTS_WITHIN // 200):
        try:
            page.goto(address)
            return
        except Error:
            page.wait_for_timeout(200)
    raise TimeoutError(address)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
