"""How long the planes take to follow the wheel and a window drag: one volume, slabs, and two linked volumes.

From an event of the mouse, by the browser's own clock, to the end of the frame that shows what it did. A canvas on an
empty page stands beside them: what it takes is the browser's own.
"""

import statistics
from collections.abc import Callable, Iterator

from playwright.sync_api import Browser, Page

from tests.load.figures import Figure
from tests.load.ui.page import make_volume, opened

SIZES = ((1440, 900), (1920, 1080))
EVENTS = 120
EVERY_MS = 25
MEDIAN_MS, P95_MS, HEAVY_MEDIAN_MS = 17.0, 34.0, 34.0
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


EMPTY = """<div class="ctv-axial"><canvas class="ctv-canvas" style="width: 100%; height: 90vh"></canvas></div><script>
    const pen = document.querySelector('canvas').getContext('2d');
    let drawn = 0;
    const draw = () => requestAnimationFrame(() => pen.clearRect(drawn++ % 10, 0, 10, 10));
    for (const type of ['wheel', 'pointermove']) addEventListener(type, draw);
</script>"""


def latencies(browser: Browser) -> Iterator[Figure]:
    """96 slices of 256² voxels in each window; slabs are 20 mm thick, as they come."""
    for width, height in SIZES:
        print_empty(browser, width, height)
        with opened(browser, width=width, height=height) as page:
            make_volume(page)
            page.evaluate(LISTEN)
            yield from both(page, f"{width} x {height}", HEAVY_MEDIAN_MS, is_heavy=False)
            choose_slabs(page, "MIP")
            yield from both(page, f"{width} x {height}, MIP", HEAVY_MEDIAN_MS)
            choose_slabs(page, "Slice")
            make_volume(page, seed=1)
            page.get_by_role("button", name="Side by side").click()
            page.wait_for_timeout(1000)
            page.evaluate(LISTEN)
            yield from both(page, f"{width} x {height}, two linked volumes", HEAVY_MEDIAN_MS)


def print_empty(browser: Browser, width: int, height: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_content(EMPTY)
    page.evaluate(LISTEN)
    wheel_ms, drag_ms = (statistics.median(latency(page, act)) for act in (wheel, drag_window))
    page.close()
    print(f"{width} x {height}, an empty page: wheel {wheel_ms:.4g} ms, window drag {drag_ms:.4g} ms, medians")


def choose_slabs(page: Page, slab: str) -> None:
    for plane in ("Axial", "Coronal", "Sagittal"):
        page.get_by_label(f"{plane} slab", exact=True).first.select_option(slab)


def both(page: Page, name: str, heavy_ms: float, is_heavy: bool = True) -> Iterator[Figure]:
    for way, act in {"wheel": wheel, "window drag": drag_window}.items():
        found = latency(page, act)
        yield Figure(f"{name}, {way}, median", statistics.median(found), heavy_ms if is_heavy else MEDIAN_MS, " ms")
        if not is_heavy:
            yield Figure(f"{name}, {way}, 95 %", found[int(0.95 * (len(found) - 1))], P95_MS, " ms")


def latency(page: Page, act: Callable[[Page, int, tuple[float, float]], None]) -> list[float]:
    """Milliseconds, the shortest first."""
    box = page.locator(".ctv-axial canvas").first.bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.wait_for_timeout(500)
    page.evaluate("window.latencies.length = 0")
    for i in range(EVENTS):
        act(page, i, middle)
        page.wait_for_timeout(EVERY_MS)
    page.mouse.up(button="right")
    return sorted(page.evaluate("window.latencies"))


def wheel(page: Page, number: int, middle: tuple[float, float]) -> None:
    """Back and forth, so that it never stands at an end."""
    page.mouse.wheel(0, 100 if number // 20 % 2 else -100)


def drag_window(page: Page, number: int, middle: tuple[float, float]) -> None:
    """Nothing is asked of the page meanwhile: that would be drawn, too."""
    if number == 0:
        page.mouse.down(button="right")
    page.mouse.move(middle[0] + number, middle[1] + number % 20)
