"""What a page loads at first, and how long a chunk takes from the server's disk to the screen."""

import statistics
from collections.abc import Iterator
from pathlib import Path

from gradio.utils import get_upload_folder
from playwright.sync_api import Browser

from app.example import read_example
from ctflow.checkpoint.catalog import find_checkpoint
from ctflow.checkpoint.folder import folder_sha256
from tests.app.fake import sleeping
from tests.app.server import serving
from tests.load.figures import Figure
from tests.load.ui.page import make_volume, opened

FIRST_LOAD_KB = 450.0
CHUNK_MS = 100.0
STEP_S = 0.25  # four of them are a chunk: the one before has long been drawn
OURS = ("/viewer/", "/example/", "/plotly/", "/ask/", "/favicon")
SLICES_PER_CHUNK = 16
# The last slice of a chunk is shown in the frame in which the label names it.
FOLLOW = """() => {
    window.drawn = {};
    const canvas = document.querySelector('.ctv-axial canvas');
    const { port1, port2 } = new MessageChannel();
    const atMs = () => performance.timeOrigin + performance.now();
    port1.onmessage = ({ data }) => { window.drawn[data] ??= atMs(); };
    new MutationObserver(() => {
        const slice = canvas.getAttribute('aria-label').match(/(\\d+) \\/ /)?.[1];
        if (slice) port2.postMessage(slice);
    }).observe(canvas, { attributes: true });
}"""


def first_load(browser: Browser) -> Iterator[Figure]:
    """All bytes on the line until the page rests, with the demo model's example in the planes.

    Beside it is printed how much of that is ours (scripts, the example's first slices, what the page asks), how much
    the page itself with its settings and our style, and how much Gradio's own scripts and styles.
    """
    sizes: dict[str, int] = {}
    generator = sleeping(0)
    generator.model_sha256 = folder_sha256(find_checkpoint("demo"))
    assert read_example(generator.model_sha256) is not None
    with serving() as start:
        url = start(generator)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.on("requestfinished", lambda request: sizes.update({request.url: request.sizes()["responseBodySize"]}))
        page.goto(url)
        page.locator(".ctv-axial canvas[aria-label*=Example]").wait_for()
        page.wait_for_load_state("networkidle")
        page.close()
    parts = {part: sum(size for address, size in sizes.items() if part in address) for part in OURS}
    parts["page and settings"] = sum(size for address, size in sizes.items() if address in (url, f"{url}config"))
    parts["Gradio's own"] = sum(sizes.values()) - sum(parts.values())
    print("first load:", ", ".join(f"{name.strip('/')} {size / 1000:.0f} kB" for name, size in parts.items() if size))
    yield Figure("first load", sum(sizes.values()) / 1000, FIRST_LOAD_KB, " kB")


def chunk_to_picture(browser: Browser) -> Iterator[Figure]:
    """From the moment at which the file of a chunk was written, by the disk, to the frame that shows it."""
    with opened(browser, sleeping(STEP_S)) as page:
        make_volume(page)
        page.evaluate(FOLLOW)
        make_volume(page, seed=1)
        drawn = {int(slices): float(ms) for slices, ms in page.evaluate("window.drawn").items()}
        written = written_ms(newest_run())
    # When the last one has come, the planes go to the middle of the lungs.
    late_ms = [drawn[slices] - ms for slices, ms in written.items() if slices < max(written)]
    yield Figure(f"chunk written, then drawn, median of {len(late_ms)}", statistics.median(late_ms), CHUNK_MS, " ms")


def newest_run() -> Path:
    """The folder of the run that began last."""
    first_chunks = Path(get_upload_folder()).glob("ctflow/*/*/0000.bin")
    return max(first_chunks, key=lambda file: file.stat().st_mtime).parent


def written_ms(run: Path) -> dict[int, float]:
    """When the file of each chunk was written, in ms since 1970, by the number of slices up to its last one."""
    chunks = run.glob("[0-9]*[0-9].bin")
    return {int(file.stem) + SLICES_PER_CHUNK: file.stat().st_mtime_ns / 1e6 for file in chunks}
