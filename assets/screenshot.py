"""Takes the READMEs' pictures of the app: python -m assets.screenshot FOLDER

Serves the demo model and visits it. app.png: a large right effusion while it is made; finished.png and narrow.png: when
it is done, the latter in a window 400 pixels wide; pair.png: A, B and their difference, where A denies the effusion
that B has; sentences.png: what each sentence of a report did. Needs the packages of the tests, and Chromium.
"""

import base64
import re
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from app import ui
from ctflow.checkpoint.catalog import find_checkpoint
from ctflow.pipeline import CTFlow

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WINDOW, NARROW = {"width": 1440, "height": 900}, {"width": 400, "height": 860}
LONGEST_MS = 900_000
SETTLED_MS = 1500  # for what follows the last slice
THREE_SENTENCES = "Large right pleural effusion. Consolidation in the left upper lobe. The heart is enlarged."


def main() -> None:
    """Serves the app and visits it."""
    folder = Path(sys.argv[1])
    shown = ui.Page(CTFlow.load(find_checkpoint("demo"), "cpu"))
    url = shown.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for visit in (take_one, take_pair, take_sentences):
            page = browser.new_page(viewport=WINDOW)
            page.set_default_timeout(LONGEST_MS)
            page.goto(url)
            visit(page, folder)
            page.close()
        browser.close()
    shown.demo.close(verbose=False)


def take_one(page: Page, folder: Path) -> None:
    """From the empty page to the finished volume."""
    page.get_by_role("button", name="Large right effusion").click()
    page.get_by_role("button", name="Generate", exact=True).click()
    page.mouse.move(0, 0)
    page.locator(".ctv-status").get_by_text("Making slices 65").wait_for()
    page.wait_for_timeout(700)
    page.screenshot(path=folder / "app.png")
    wait_until_done(page)
    page.screenshot(path=folder / "finished.png")
    page.set_viewport_size(NARROW)
    page.wait_for_timeout(SETTLED_MS)
    page.screenshot(path=folder / "narrow.png", full_page=True)


def take_pair(page: Page, folder: Path) -> None:
    """The same seed, without and with the effusion: A, B and B - A beside each other, at one slice."""
    generate(page, "Large right pleural effusion.")
    generate(page, "No pleural effusion.")
    page.get_by_role("button", name="Side by side").click()
    page.wait_for_timeout(SETTLED_MS)
    both = [page.locator(f".ctv-{name} canvas").screenshot() for name in ("axial", "b-axial")]
    page.get_by_role("button", name="Difference").click()
    page.locator(".ctv-pair-words").get_by_text(re.compile(r"\bml\b")).wait_for()
    page.wait_for_timeout(SETTLED_MS)
    write_row(page, [*both, page.locator(".ctv-axial canvas").screenshot()], folder / "pair.png")


def take_sentences(page: Page, folder: Path) -> None:
    """What each of three sentences did, and the map of the first."""
    generate(page, THREE_SENTENCES)
    page.get_by_role("tab", name="Ask").click()
    page.get_by_role("button", name="Compare sentences").click()
    row = page.get_by_role("button", name="Large right pleural effusion.").first
    row.wait_for()
    page.locator(".ct-asked-status").get_by_text("Done").first.wait_for()
    row.click()
    page.locator(".ctv-pair-words").get_by_text(re.compile(r"\bml\b")).wait_for()
    page.mouse.move(0, 0)
    page.wait_for_timeout(SETTLED_MS)
    page.screenshot(path=folder / "sentences.png")


def generate(page: Page, findings: str) -> None:
    """Makes the volume of a report, and waits for it."""
    page.get_by_label("Findings").fill(findings)
    page.get_by_label("Findings").blur()
    page.get_by_role("button", name="Generate", exact=True).click()
    page.locator(".ctv-status").get_by_text("Making").wait_for()
    wait_until_done(page)


def wait_until_done(page: Page) -> None:
    """Until the volume is made and the view has come to rest."""
    page.locator(".ctv-status").get_by_text("Done").wait_for()
    page.wait_for_timeout(SETTLED_MS)


def write_row(page: Page, pictures: list[bytes], path: Path) -> None:
    """Writes pictures beside each other, all of one height."""
    sources = [f"data:image/png;base64,{base64.b64encode(picture).decode()}" for picture in pictures]
    row = "".join(f'<img height=420 src="{source}">' for source in sources)
    page.set_content(f'<div style="display: inline-flex; gap: 4px; background: black">{row}</div>')
    page.locator("div").screenshot(path=path)


if __name__ == "__main__":
    main()
