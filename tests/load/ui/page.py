"""The page as a bench drives it, and moments on its own clock."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page

from ctflow.generator import VolumeGenerator
from tests.app.fake import sleeping
from tests.app.server import serving

# A message that is posted while a frame is drawn arrives when it has been handed to the compositor.
_WATCH = """([watched, pattern, name]) => {
    window.moments ??= {};
    const target = document.querySelector(watched);
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => { window.moments[name] = performance.now(); };
    const observer = new MutationObserver(() => {
        const said = `${target.getAttribute('aria-label') ?? ''} ${target.textContent}`;
        if (!new RegExp(pattern).test(said)) return;
        observer.disconnect();
        port2.postMessage(null);
    });
    observer.observe(target, { attributes: true, childList: true, characterData: true, subtree: true });
}"""
_PRESSED = """name => {
    window.moments ??= {};
    const note = (event) => { window.moments[name] = event.timeStamp; };
    document.addEventListener('click', note, { capture: true, once: true });
}"""


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


def watch(page: Page, watched: str, pattern: str, name: str) -> None:
    """Notes the moment at which an element's label or text is as `pattern` says, and the frame with it is drawn."""
    page.evaluate(_WATCH, [watched, pattern, name])


def note_press(page: Page, name: str) -> None:
    """Notes the moment of the next press."""
    page.evaluate(_PRESSED, name)


def ms_between(page: Page, first: str, second: str) -> float:
    """Waits for the second moment; milliseconds since the first."""
    page.wait_for_function("name => window.moments[name] !== undefined", arg=second, timeout=120_000)
    moments = page.evaluate("window.moments")
    return float(moments[second] - moments[first])
