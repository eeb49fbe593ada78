"""Takes the README's pictures of the app: python -m assets.screenshot FOLDER

Serves the demo model and asks for a large right effusion. Takes app.png while the volume is being made, finished.png
when it is done, and narrow.png in a window 400 pixels wide. Needs the packages of the tests, and Chromium.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from app import ui
from ctflow.checkpoint.catalog import find_checkpoint
from ctflow.pipeline import CTFlow

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
LONGEST_MS = 300_000


def main() -> None:
    """Serves the app and visits it."""
    folder = Path(sys.argv[1])
    shown = ui.Page(CTFlow.load(find_checkpoint("demo"), "cpu"))
    url = shown.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        take(page, url, folder)
        browser.close()
    shown.demo.close(verbose=False)


def take(page: Page, url: str, folder: Path) -> None:
    """One visit, from the empty page to the finished volume."""
    page.set_default_timeout(LONGEST_MS)
    page.goto(url)
    page.get_by_role("button", name="Large right effusion").click()
    page.get_by_role("button", name="Generate", exact=True).click()
    page.mouse.move(0, 0)
    status = page.locator(".ctv-status")
    status.get_by_text("Making slices 65").wait_for()
    page.wait_for_timeout(700)
    page.screenshot(path=folder / "app.png")
    status.get_by_text("Done").wait_for()
    page.wait_for_timeout(700)
    page.screenshot(path=folder / "finished.png")
    page.set_viewport_size({"width": 400, "height": 860})
    page.wait_for_timeout(700)
    page.screenshot(path=folder / "narrow.png", full_page=True)


if __name__ == "__main__":
    main()
