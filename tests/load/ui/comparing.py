"""The difference of two volumes of 256 x 256 x 256 voxels, and the memory of a page that holds four of them."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import Browser

from tests.app.fake import FakeGenerator, sleeping
from tests.load.figures import Figure
from tests.load.ui.page import make_volume, ms_between, note_press, opened, watch

CHUNKS = 16
FIRST_MS, WHOLE_MS, PAGE_MB = 100.0, 1000.0, 400.0
VOLUMES = 4


def large() -> FakeGenerator:
    """A generator of 256 slices."""
    generator = sleeping(0)
    card = generator.card
    geometry, defaults = replace(card.geometry, max_chunks=CHUNKS), replace(card.defaults, chunks=CHUNKS)
    generator.card = replace(card, geometry=geometry, defaults=defaults)
    return generator


def difference_and_memory(browser: Browser) -> Iterator[Figure]:
    """From the press of Difference to its first picture, and to the ml that have changed in the whole volume."""
    with opened(browser, large()) as page:
        for seed in range(VOLUMES):
            make_volume(page, seed)
        watch(page, ".ctv-axial canvas", "difference", "first")
        watch(page, ".ctv-pair-words", r"\bml\b", "whole")
        note_press(page, "pressed")
        page.get_by_role("button", name="Difference", exact=True).click()
        yield Figure("difference of two 256³, first picture", ms_between(page, "pressed", "first"), FIRST_MS, " ms")
        yield Figure("difference of two 256³, whole", ms_between(page, "pressed", "whole"), WHOLE_MS, " ms")
        yield Figure(f"page with {VOLUMES} volumes of 256³", page_mb(browser), PAGE_MB, " MB")


def page_mb(browser: Browser) -> float:
    """The memory of the one page that is open: what its process has for itself, and its share of what is shared."""
    found = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    return max(process_mb(int(process["id"])) for process in found if process["type"] == "renderer")


def process_mb(pid: int) -> float:
    """Proportional set size (Linux)."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
    (kilobytes,) = re.findall(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
    return int(kilobytes) * 1024 / 1e6
