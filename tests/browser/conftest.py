"""A real server in this process, and a real Chromium before it."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.app.fake import FakeGenerator, Gate, sleeping
from tests.app.server import Serve, serving
from tests.browser.viewer import expect_mid_lung, expect_status, generate, write_report

expect.set_options(timeout=20_000)  # a busy machine may be slow, never wrong

HERE = Path(__file__).parent
GRADIO_LEAVES = ("ResourceWarning", "pytest.PytestUnraisableExceptionWarning")  # sockets, to the garbage collector
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.browser)
            for warning in GRADIO_LEAVES:
                item.add_marker(pytest.mark.filterwarnings(f"ignore::{warning}"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    with serving() as start:
        yield start


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open(10_000)


@dataclass
class Visit:
    """A page, and everything it said or asked for that it should not have."""

    page: Page
    url: str
    console: list[str]
    strangers: list[str]

    def check_clean(self) -> None:
        assert self.console == []
        assert self.strangers == [], "no request leaves this machine"


@pytest.fixture
def visit(browser: Browser, serve: Serve) -> Iterator[Callable[..., Visit]]:
    contexts = []

    def open_page(
        generator: FakeGenerator,
        width: int = 1400,
        height: int = 860,
        url: str = "",
        before: Callable[[Page], None] = lambda page: None,
        enter: Callable[[Visit], None] = lambda seen: None,
        ready: str = ".ctv-canvas",
        **device: Any,
    ) -> Visit:
        """Opens the page, does `before` on the empty tab and `enter` on what is loaded, and waits for `ready`.

        `device`: what else the browser is told of the machine that it runs on.
        """
        url = url or serve(generator)
        context = browser.new_context(viewport={"width": width, "height": height}, accept_downloads=True, **device)
        contexts.append(context)
        context.set_default_timeout(20_000)
        context.set_default_navigation_timeout(90_000)
        seen = Visit(context.new_page(), url, [], [])
        seen.page.on("console", lambda message: seen.console.append(message.text))
        seen.page.on("pageerror", lambda error: seen.console.append(str(error)))
        seen.page.on("request", lambda request: _note_stranger(seen, request.url))
        before(seen.page)
        seen.page.goto(url)
        enter(seen)
        seen.page.wait_for_selector(ready)
        return seen

    yield open_page
    for context in contexts:
        context.close()


def _note_stranger(seen: Visit, url: str) -> None:
    if not url.startswith((seen.url, "data:", "blob:")):
        seen.strangers.append(url)


@pytest.fixture
def page(visit: Callable[..., Visit]) -> Page:
    """A page that shows a finished volume, with the axial plane in the middle of the lungs."""
    page = visit(sleeping(0)).page
    write_report(page, "Clear.")
    generate(page)
    expect_status(page, "Done")
    expect_mid_lung(page)
    return page
