"""The ways to the page: a login, a URL prefix, a frame. And what it says where its scripts do not come."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from playwright.sync_api import Route, expect
from starlette.responses import HTMLResponse

from app.ui import Page
from tests.app.fake import FakeGenerator, sleeping
from tests.app.server import Serve
from tests.browser.conftest import Visit
from tests.browser.hosts import forwarding, hosting
from tests.browser.viewer import expect_mid_lung, expect_status, generate, write_report

Open = Callable[..., Visit]
PREFIX = "/reading/room"


@pytest.fixture
def mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Another application that has the page below PREFIX, behind a login, and a frame around it at /."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    host = FastAPI()
    host.get("/")(lambda: HTMLResponse(f"<iframe src='{PREFIX}/' width=1300 height=800></iframe>"))
    Page(sleeping(0)).mount(host, PREFIX)
    with hosting(host) as url:
        yield url


def check_the_way(seen: Visit) -> None:
    """A volume is made, seen and downloaded, and nobody else is asked."""
    page = seen.page
    write_report(page, "Clear.")
    generate(page)
    expect_status(page, "Done: 96 slices")
    expect_mid_lung(page)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download NIfTI").click()
    assert re.fullmatch(r"synthetic-ctflow-fake-[0-9a-f]{8}-seed0\.nii\.gz", waiting.value.suggested_filename)
    assert waiting.value.failure() is None
    assert seen.strangers == []


def test_under_a_login(visit: Open, serve: Serve) -> None:
    url = serve(sleeping(0), auth=("reader", "secret"))

    def log_in(seen: Visit) -> None:
        seen.page.get_by_label("username").fill("reader")
        seen.page.get_by_label("password").fill("secret")
        seen.page.get_by_role("button", name="Login").click()

    check_the_way(visit(sleeping(0), url=url, enter=log_in))


def test_mounted_below_a_prefix(visit: Open, mounted: str) -> None:
    check_the_way(visit(sleeping(0), url=f"{mounted}{PREFIX[1:]}/"))


def test_behind_a_proxy_that_takes_a_prefix_away(visit: Open, serve: Serve) -> None:
    with forwarding(serve(sleeping(0), root_path=PREFIX), PREFIX) as url:
        check_the_way(visit(sleeping(0), url=url))


def test_in_a_frame(visit: Open, mounted: str) -> None:
    """As on a Space."""
    seen = visit(sleeping(0), url=mounted, ready="iframe")
    frame = seen.page.frame_locator("iframe")
    frame.get_by_label("Findings").fill("Clear.")
    frame.get_by_role("button", name="Generate", exact=True).click()
    expect(frame.locator(".ctv-status")).to_contain_text("Done: 96 slices")
    assert seen.strangers == []


def test_events_that_come_before_the_scripts_wait_for_them(visit: Open, serve: Serve) -> None:
    """A slow network: Generate was pressed before there was anything to hear it."""
    generator = FakeGenerator(lambda chunk, step: None)
    url = serve(generator)

    def hurry(seen: Visit) -> None:
        page = seen.page
        write_report(page, "Clear.")
        page.get_by_label("Findings").blur()
        generate(page)
        assert held
        for route in held:
            route.continue_()

    held: list[Route] = []
    seen = visit(
        generator, url=url, enter=hurry, before=lambda page: page.route("**/main.js", lambda route: held.append(route))
    )
    expect_status(seen.page, "Done: 96 slices")
    assert [request.report.findings for request in generator.requests] == ["Clear."]
    expect(seen.page.get_by_label("Findings")).to_have_value("Clear.")
    seen.check_clean()


def test_what_is_written_before_the_scripts_come_is_kept_over_an_older_draft(visit: Open) -> None:
    seen = visit(sleeping(0))
    page = seen.page
    write_report(page, "An older draft.")
    page.get_by_label("Findings").blur()
    page.reload()
    expect(page.get_by_label("Findings")).to_have_value("An older draft.")
    held: list[Route] = []
    page.route("**/main.js", lambda route: held.append(route))
    page.reload()
    write_report(page, "Written meanwhile.")
    page.get_by_label("Findings").blur()
    assert held
    for route in held:
        route.continue_()
    expect_status(page, "Write or choose a report")
    expect(page.get_by_label("Findings")).to_have_value("Written meanwhile.")
    page.unroute("**/main.js")
    page.reload()
    expect(page.get_by_label("Findings")).to_have_value("Written meanwhile.")
    seen.check_clean()


def test_where_the_scripts_do_not_come_the_page_says_so(visit: Open, serve: Serve) -> None:
    def look(seen: Visit) -> None:
        words = "element => getComputedStyle(element, '::after')"
        place = seen.page.locator(".ct-viewer:empty")
        place.wait_for(state="attached")
        assert "reload the page" in place.evaluate(f"{words}.content")
        assert place.evaluate(f"{words}.visibility") == "hidden", "not at once"
        seen.page.wait_for_timeout(6000)
        assert place.evaluate(f"{words}.visibility") == "visible"

    visit(
        sleeping(0),
        url=serve(sleeping(0)),
        enter=look,
        before=lambda page: page.route("**/viewer/**", lambda route: route.abort()),
        ready=".ct-viewer",
    )
