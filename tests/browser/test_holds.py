"""What must not be lost: reloads, cut connections, restarts, several visitors, a line."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.app.fake import FakeGenerator, Gate, chest, sleeping
from tests.app.server import Apart, Serve
from tests.browser.conftest import Visit
from tests.browser.viewer import (
    expect_mid_lung,
    expect_slice,
    expect_status,
    expect_window,
    generate,
    point_at,
    stop,
    write_report,
)
from tests.browser.wire import Wire

Open = Callable[..., Visit]
SLICES = 96
STEPS = 4


def expect_busy(page: Page, busy: bool) -> None:
    for name, on in (("Generate", not busy), ("Stop", busy)):
        button = page.get_by_role("button", name=name, exact=True)
        expect(button).to_be_enabled() if on else expect(button).to_be_disabled()


def test_a_reload_finds_run_report_slices_window_and_place_again(visit: Open, gate: Gate) -> None:
    page = visit(FakeGenerator(gate)).page
    write_report(page, "Clear lungs, said once.")
    generate(page)
    gate.open(2 * STEPS)
    expect_slice(page, "32 / 96")
    page.keyboard.press("4")
    for _ in range(5):
        page.mouse.move(400, 400)
        page.mouse.wheel(0, -100)
    expect_slice(page, "27 / 96")
    page.reload()
    expect_slice(page, "27 / 96")
    expect(page.get_by_label("Findings")).to_have_value("Clear lungs, said once.")
    expect_window(page, "Bone")
    expect_busy(page, True)
    gate.open(4 * STEPS)
    expect_status(page, "Done: 96 slices")
    expect_slice(page, "27 / 96")
    expect_busy(page, False)
    hu, *index = point_at(page, "axial", (0.4, 0.5), SLICES)
    assert hu == chest(SLICES, 0, "I")[tuple(index)]
    page.reload()
    expect_status(page, "Done: 96 slices")
    expect_slice(page, "27 / 96")


def test_generate_right_after_a_reload_leaves_one_run_on_the_page(visit: Open, gate: Gate) -> None:
    """The page followed the old run and the new one at once, and the picture went to and fro between them."""
    generator = FakeGenerator(gate)
    page = visit(generator).page
    write_report(page, "Clear.")
    generate(page)
    gate.open(6 * STEPS)
    expect_status(page, "Seed 0")
    page.evaluate("sessionStorage.setItem('ctflow-asked', JSON.stringify('A'.repeat(22)))")  # never heard of
    page.reload()
    expect(page.get_by_label("Findings")).to_have_value("Clear.")  # the draft is back, and takes no field any more
    page.get_by_label("Seed", exact=True).fill("5")
    page.get_by_label("Seed", exact=True).blur()
    generate(page)
    gate.open(6 * STEPS)
    expect_status(page, "Seed 5")
    page.wait_for_timeout(1500)
    assert "Seed 5" in page.locator(".ctv-status").inner_text()
    hu, *index = point_at(page, "axial", (0.4, 0.5), SLICES)
    assert hu == chest(SLICES, 5, "I")[tuple(index)]


def test_a_cut_connection_costs_nothing_not_even_a_reload(visit: Open, gate: Gate) -> None:
    seen = visit(FakeGenerator(gate))
    page = seen.page
    wire = Wire(int(seen.url.rstrip("/").rsplit(":", 1)[1]))
    page.goto(f"http://127.0.0.1:{wire.port}/")
    write_report(page, "Clear lungs.")
    page.evaluate("window.sameDocument = true")
    generate(page)
    gate.open(2 * STEPS)
    expect_slice(page, "32 / 96")
    wire.cut()
    gate.open(STEPS)
    expect_slice(page, "48 / 96")
    wire.hold()
    expect_status(page, "The server does not answer")
    gate.open(3 * STEPS)
    wire.release()
    expect_status(page, "Done: 96 slices")
    expect_mid_lung(page)
    assert page.evaluate("window.sameDocument")
    expect(page.get_by_label("Findings")).to_have_value("Clear lungs.")
    wire.close()


def test_what_was_asked_and_heard_without_an_answer_happens_once(visit: Open) -> None:
    generator = sleeping(0)
    page = visit(generator).page
    heard = []

    def lose_two(route: Route) -> None:
        answer = route.fetch()
        heard.append(answer.status)
        route.abort() if len(heard) < 3 else route.fulfill(response=answer)

    page.route("**/ask/start", lose_two)
    write_report(page, "Clear.")
    generate(page)
    expect_status(page, "Done: 96 slices")
    assert heard == [200, 200, 200]
    assert len(generator.requests) == 1


def test_generate_pressed_twice_at_once_starts_one_run(visit: Open) -> None:
    """The first of two was followed by nobody, and the second waited behind it."""
    generator = sleeping(0)
    page = visit(generator).page
    write_report(page, "Clear.")
    page.get_by_role("button", name="Generate", exact=True).evaluate("button => { button.click(); button.click(); }")
    expect_status(page, "Done: 96 slices")
    page.wait_for_timeout(500)
    assert len(generator.requests) == 1


def test_a_late_word_of_the_old_run_leaves_the_new_one_on_the_page(visit: Open) -> None:
    page = visit(sleeping(0)).page
    write_report(page, "Clear.")
    generate(page)
    expect_status(page, "Seed 0")
    late: list[Route] = []
    page.route("**/ask/news", lambda route: route.continue_() if late else late.append(route))
    page.reload()
    page.wait_for_selector(".ctv-canvas")
    page.get_by_label("Seed", exact=True).fill("5")
    page.get_by_label("Seed", exact=True).blur()
    generate(page)
    expect_status(page, "Seed 5")
    late[0].continue_()
    page.wait_for_timeout(1500)
    assert "Seed 5" in page.locator(".ctv-status").inner_text()


def test_a_refusal_is_told_in_its_own_words(visit: Open) -> None:
    """A server that was restarted knows no login; the page said that it did not answer."""
    page = visit(sleeping(0)).page
    write_report(page, "Clear.")
    generate(page)
    expect_status(page, "Done")
    words = "Log in first: reload the page."
    page.route("**/ask/*", lambda route: route.fulfill(status=401, body=words))
    page.get_by_role("button", name="Download NIfTI").click()
    expect(page.locator(".ct-run .ct-problem")).to_have_text(words)
    expect_status(page, words)
    page.unroute("**/ask/*")
    expect_status(page, "Done")


def test_why_a_download_failed_stays_to_be_read(visit: Open, gate: Gate) -> None:
    """The next news of the run took its place, half a second later."""
    page = visit(FakeGenerator(gate)).page
    write_report(page, "Clear.")
    generate(page)
    gate.open(STEPS)
    expect_slice(page, "16 / 96")
    page.route("**/ask/export", lambda route: route.fulfill(json={"problem": "The disk is full."}))
    page.get_by_role("button", name="Download NIfTI").click()
    gate.open(5 * STEPS)
    expect_status(page, "Done")
    expect(page.locator(".ct-run .ct-problem")).to_have_text("The disk is full.")


def test_two_visitors_take_turns_and_each_keeps_what_is_theirs(visit: Open, gate: Gate) -> None:
    first = visit(FakeGenerator(gate))
    pages = [first.page, visit(FakeGenerator(gate), url=first.url).page]
    for seed, page in enumerate(pages):
        write_report(page, f"Visitor {seed}.")
        page.get_by_label("Seed", exact=True).fill(str(seed))
        page.get_by_label("Seed", exact=True).blur()
        generate(page)
        if seed == 0:
            expect_status(page, "Making slices 1")
    expect_status(pages[1], "Waiting for the model: 1 run ahead of yours")
    gate.open(2 * STEPS)
    expect_status(pages[1], "1 run ahead of yours, about ")
    gate.open(10 * STEPS)
    for seed, page in enumerate(pages):
        expect_status(page, f"Seed {seed}")
        hu, *index = point_at(page, "axial", (0.28, 0.6), SLICES)
        assert hu == chest(SLICES, seed, "I")[tuple(index)]
        expect(page.get_by_label("Findings")).to_have_value(f"Visitor {seed}.")


def test_the_line_can_be_left(visit: Open, gate: Gate) -> None:
    generator = FakeGenerator(gate)
    first = visit(generator)
    second = visit(generator, url=first.url).page
    write_report(first.page, "Clear.")
    generate(first.page)
    expect_status(first.page, "Making slices 1")
    write_report(second, "Clear.")
    generate(second)
    expect_status(second, "Waiting for the model")
    stop(second)
    expect_status(second, "Stopped before it began")
    expect_busy(second, False)
    gate.open(6 * STEPS)
    expect_status(first.page, "Done")
    assert len(generator.requests) == 1


def test_where_a_request_has_to_drive_its_run_a_reload_does_not_end_it(visit: Open, serve: Serve, gate: Gate) -> None:
    """As on ZeroGPU: the page asks for the drive through Gradio's queue, and that connection ends with the page."""
    generator = FakeGenerator(gate)
    page = visit(generator, url=serve(generator, driven=True)).page
    write_report(page, "Clear.")
    generate(page)
    gate.open(2 * STEPS)
    expect_slice(page, "32 / 96")
    page.reload()
    expect_slice(page, "32 / 96")
    gate.open(4 * STEPS)
    expect_status(page, "Done: 96 slices")
    assert len(generator.requests) == 1


def test_after_the_run_is_gone_the_page_says_so_and_works(visit: Open) -> None:
    page = visit(sleeping(0)).page
    page.evaluate("sessionStorage.setItem('ctflow-run', JSON.stringify('no such run'))")
    page.reload()
    expect_status(page, "no longer on the server")
    write_report(page, "Clear.")
    generate(page)
    expect_status(page, "Done")


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Apart]:
    server = Apart(tmp_path / "apart", "--hold-chunk", "2")
    yield server
    server.kill()


def test_a_page_outlives_its_server(visit: Open, apart: Apart) -> None:
    """kill -9 in the middle: the page says so, keeps its slices and its report, and the next run works."""
    page = visit(sleeping(0), url=apart.url).page
    page.evaluate("window.sameDocument = true")
    write_report(page, "Clear lungs.")
    generate(page)
    expect_slice(page, "32 / 96")
    apart.kill()
    apart.options = ()
    apart.start()
    expect_status(page, "The server was restarted. The slices that you see stay")
    expect_busy(page, False)
    shown = page.locator(".ctv-axial canvas").get_attribute("aria-label") or ""
    assert int(re.findall(r"\d+", shown)[0]) >= 32
    page.keyboard.press("Home")
    hu, *index = point_at(page, "axial", (0.4, 0.5), SLICES)
    assert hu == chest(SLICES, 0, "I")[tuple(index)]
    expect(page.get_by_label("Findings")).to_have_value("Clear lungs.")
    generate(page)
    expect_status(page, "Done: 96 slices")
    assert page.evaluate("window.sameDocument")
