"""The difference of two volumes of 256 x 256 x 256 voxels, and the memory of a page that holds four of them."""

from collections.abc import Iterator
from dataclasses import replace

from playwright.sync_api import Browser

from tests.app.fake import FakeGenerator, sleeping
from tests.load.figures import Figure
from tests.load.ui.memory import proportional_bytes
from tests.load.ui.page import make_volume, opened

CHUNKS = 16
FIRST_MS, WHOLE_MS, PAGE_MB = 100.0, 1000.0, 400.0
VOLUMES = 4
# From the press to the end of the frame with the first picture, and to that of the frame that says what has changed.
SHOW = """async () => {
    const { port1, port2 } = new MessageChannel();
    const frame = () => new Promise((end) => {
        port1.onmessage = end;
        requestAnimationFrame(() => port2.postMessage(null));
    });
    const buttons = [...document.querySelectorAll('.ctv-pair button')];
    const words = document.querySelector('.ctv-pair-words');
    await frame();
    const began = performance.now();
    buttons.find(({ textContent }) => textContent === 'Difference').click();
    await frame();
    const first = performance.now() - began;
    while (!words.textContent.includes('changed')) await frame();
    return [first, performance.now() - began];
}"""


def large() -> FakeGenerator:
    """A generator of 256 slices."""
    generator = sleeping(0)
    card = generator.card
    geometry, defaults = replace(card.geometry, max_chunks=CHUNKS), replace(card.defaults, chunks=CHUNKS, steps=1)
    generator.card = replace(card, geometry=geometry, defaults=defaults)
    return generator


def difference_and_memory(browser: Browser) -> Iterator[Figure]:
    """From the press of Difference, before anything was compared, to its first picture, and to all that has changed."""
    with opened(browser, large()) as page:
        for seed in range(VOLUMES):
            make_volume(page, seed)
        first_ms, whole_ms = page.evaluate(SHOW)
        yield Figure("difference of two 256³, first picture", first_ms, FIRST_MS, " ms")
        yield Figure("difference of two 256³, whole", whole_ms, WHOLE_MS, " ms")
        yield Figure(f"page with {VOLUMES} volumes of 256³", page_mb(browser), PAGE_MB, " MB")


def page_mb(browser: Browser) -> float:
    """The memory of the one page that is open: what its process has for itself, and its share of what is shared."""
    found = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    return max(proportional_bytes(int(one["id"])) for one in found if one["type"] == "renderer") / 1e6
