"""How long the viewer takes to show the difference of two volumes of 256 x 256 x 256 voxels: part of tests.load.ui."""

from collections.abc import Iterator
from dataclasses import replace

from playwright.sync_api import Browser, Page

from tests.app.fake import FakeGenerator, sleeping
from tests.load.figures import Figure

CHUNKS = 16
FIRST_MS, WHOLE_MS = 100.0, 1000.0
# From the press to the end of the frame with the first picture, and of the one that says how much has changed.
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


def cubes() -> FakeGenerator:
    """Makes volumes of 256 slices."""
    generator = sleeping(0)
    card = generator.card
    geometry = replace(card.geometry, max_chunks=CHUNKS)
    generator.card = replace(card, geometry=geometry, defaults=replace(card.defaults, chunks=CHUNKS, steps=1))
    return generator


def difference(browser: Browser, url: str) -> Iterator[Figure]:
    """`url`: of a server of `cubes`. Makes two volumes of other seeds; nothing has been drawn or compiled before."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(url)
    page.wait_for_selector(".ctv-canvas")
    for seed in (0, 3):
        make(page, seed)
    first, whole = page.evaluate(SHOW)
    page.close()
    yield Figure("difference of two volumes of 256 x 256 x 256, first picture", first, FIRST_MS, " ms")
    yield Figure("difference of two volumes of 256 x 256 x 256, whole", whole, WHOLE_MS, " ms")


def make(page: Page, seed: int) -> None:
    page.get_by_label("Findings").fill("Clear.")
    page.get_by_label("Seed", exact=True).fill(str(seed))
    page.get_by_label("Seed", exact=True).blur()
    page.get_by_role("button", name="Generate", exact=True).click()
    page.locator(".ctv-status").get_by_text(f"Seed {seed}.").wait_for(timeout=120_000)
    page.wait_for_timeout(2000)  # what comes after the last slice
