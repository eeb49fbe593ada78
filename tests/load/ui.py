"""How fast the viewer is in headless Chromium, with software rendering: python -m tests.load.ui

Prints each figure beside its target, and the machine; a miss gives exit code 1. From an event of the mouse, by the
browser's own clock, to the end of the frame that shows what it did, in milliseconds. Needs Chromium.
"""

import os
import platform
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.app.fake import sleeping
from tests.app.server import serving
from tests.load.figures import Figure, met

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
SIZES = ((1440, 900), (1920, 1080))
EVENTS = 120
EVERY_MS = 25
MEDIAN_MS, P95_MS, SLAB_MEDIAN_MS = 17.0, 34.0, 34.0
FIRST_LOAD_KB = 450.0
# A message that is posted in a frame arrives when the frame has been handed to the compositor.
LISTEN = """() => {
    window.latencies = [];
    const { port1, port2 } = new MessageChannel();
    let began = null;
    port1.onmessage = () => { window.latencies.push(performance.now() - began); began = null; };
    const note = (event) => {
        if (began !== null) return;
        began = event.timeStamp;
        requestAnimationFrame(() => port2.postMessage(null));
    };
    for (const canvas of document.querySelectorAll('.ctv-canvas')) {
        canvas.addEventListener('wheel', note);
        canvas.addEventListener('pointermove', note);
    }
}"""


def main() -> None:
    """Serves a fake model, makes one volume of 96 slices of 256² voxels in each window, and measures."""
    with tempfile.TemporaryDirectory() as folder, serving() as start, sync_playwright() as playwright:
        os.environ["GRADIO_TEMP_DIR"] = folder
        url = start(sleeping(0))
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        print("python -m tests.load.ui", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"))
        print(f"{processor()}, {os.cpu_count()} cores, Chromium {browser.version}, headless, software rendering")
        done = met(measure(browser, url))
        browser.close()
    sys.exit(not done)


def processor() -> str:
    """The name that the processor gives itself (Linux), or its kind."""
    described = Path("/proc/cpuinfo")
    lines = described.read_text(encoding="utf-8").splitlines() if described.exists() else []
    return next((line.split(": ")[1] for line in lines if line.startswith("model name")), platform.processor())


def measure(browser: Browser, url: str) -> Iterator[Figure]:
    for width, height in SIZES:
        page = browser.new_page(viewport={"width": width, "height": height})
        if (width, height) == SIZES[0]:
            yield from first_load(page, url)
        else:
            page.goto(url)
        make_volume(page)
        page.evaluate(LISTEN)
        for slab in ("Slice", "MIP"):
            choose_slabs(page, slab)
            for name, act in {"wheel": wheel, "window drag": drag_window}.items():
                yield from latency(page, f"{width} x {height}, {slab}, {name}", act, slab)
        page.close()


def first_load(page: Page, url: str) -> Iterator[Figure]:
    """What the page fetches of ours: scripts, style and the example; Gradio's own files come on top."""
    sizes: dict[str, int] = {}
    page.on("requestfinished", lambda request: sizes.update({request.url: request.sizes()["responseBodySize"]}))
    page.goto(url)
    page.wait_for_selector(".ctv-canvas")
    page.wait_for_load_state("networkidle")
    ours = sum(size for address, size in sizes.items() if "/viewer/" in address)
    others = sum(sizes.values()) - ours
    print(f"first load: {others / 1000:.0f} kB of Gradio's beside ours")
    yield Figure("first load, our scripts", ours / 1000, FIRST_LOAD_KB, " kB")


def make_volume(page: Page) -> None:
    page.wait_for_selector(".ctv-canvas")
    page.get_by_label("Findings").fill("Clear.")
    page.get_by_role("button", name="Generate", exact=True).click()
    page.locator(".ctv-status").get_by_text("Done").wait_for(timeout=120_000)
    page.wait_for_timeout(1000)


def choose_slabs(page: Page, slab: str) -> None:
    """20 mm, as it comes."""
    for plane in ("Axial", "Coronal", "Sagittal"):
        page.get_by_label(f"{plane} slab", exact=True).select_option(slab)


def latency(page: Page, name: str, act: Callable[[Page, int], None], slab: str) -> Iterator[Figure]:
    box = page.locator(".ctv-axial canvas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_timeout(500)
    page.evaluate("window.latencies.length = 0")
    for i in range(EVENTS):
        act(page, i)
        page.wait_for_timeout(EVERY_MS)
    page.mouse.up(button="right")
    found = sorted(page.evaluate("window.latencies"))
    median, most = statistics.median(found), found[int(0.95 * (len(found) - 1))]
    yield Figure(f"{name}, median", median, SLAB_MEDIAN_MS if slab == "MIP" else MEDIAN_MS, " ms")
    if slab != "MIP":
        yield Figure(f"{name}, 95 %", most, P95_MS, " ms")


def wheel(page: Page, number: int) -> None:
    """Back and forth, so that it never stands at an end."""
    page.mouse.wheel(0, 100 if number // 20 % 2 else -100)


def drag_window(page: Page, number: int) -> None:
    if number == 0:
        page.mouse.down(button="right")
    box = page.locator(".ctv-axial canvas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2 + number, box["y"] + box["height"] / 2 + number % 20)


if __name__ == "__main__":
    main()
