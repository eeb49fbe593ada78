"""The page as a bench drives it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page

from ctflow.generator import VolumeGenerator
from tests.app.fake import sleeping
from tests.app.server import serving


@contextmanager
def opened(
    browser: Browser, generator: VolumeGenerator | None = None, width: int = 1440, height: int = 900
) -> Iterator[Page]:
    """A page that has loaded, of a server of its own; a fake model's, if no other is given."""
    with serving() as start:
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(start(generator or sleeping(0)))
        page.wait_for_selector(".ctv-canvas")
        yield page
        page.close()


def make_volume(page: Page, seed: int = 0) -> None:
    """Makes one of the model's default length, and waits until it is done and drawn."""
    page.get_by_label("Findings").fill("Clear.")
    page.get_by_role("spinbutton", name="Seed").fill(str(seed))
    page.get_by_role("spinbutton", name="Seed").blur()
    page.get_by_role("button", name="Generate", exact=True).click()
    page.locator(".ctv-status").get_by_text(re.compile(rf"Done.*Seed {seed}\.")).wait_for(timeout=120_000)
    page.wait_for_timeout(1000)
