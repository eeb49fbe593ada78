"""Where things are on the page, in every window: what is pressed stays in its place, and the planes are at hand."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.app.fake import FakeGenerator, Gate, sleeping
from tests.browser.conftest import Visit
from tests.browser.sizes import LONG_REPORT, NARROW, SIZES, WIDE
from tests.browser.viewer import expect_status, generate, write_report

Open = Callable[..., Visit]
KNOWN = ("Pleural effusion", "Pneumothorax")
NOTICE = "A notice that takes two lines: what everybody must know about the volumes of this model. " * 3
MOST_SCROLL_PX = 2000


def box(page: Page, name: str) -> tuple[float, float, float, float]:
    """Where a button is in the window: left, top, right, bottom."""
    left, top, width, height = page.get_by_role("button", name=name, exact=True).evaluate(
        "button => { const box = button.getBoundingClientRect(); return [box.x, box.y, box.width, box.height]; }"
    )
    return left, top, left + width, top + height


def fake(gate: Gate | None = None) -> FakeGenerator:
    generator = FakeGenerator(gate or (lambda chunk, step: None), known=KNOWN)
    return generator


@pytest.mark.parametrize("size", SIZES)
def test_generate_and_stop_stay_in_their_place_and_in_the_window(visit: Open, size: str) -> None:
    """A header of two lines had pushed Generate out of the window, before anything was typed."""
    page = visit(fake(), **SIZES[size]).page
    page.locator(".ct-notice").evaluate(f"notice => notice.textContent = {NOTICE!r}")
    page.wait_for_timeout(300)
    before = {name: box(page, name) for name in ("Generate", "Stop")}
    for left, top, right, bottom in before.values():
        assert left >= 0 and top >= 0
        assert right <= SIZES[size]["width"] and bottom <= SIZES[size]["height"]
    write_report(page, LONG_REPORT)
    expect(page.locator(".ct-cut")).to_be_visible()
    assert {name: box(page, name) for name in before} == before
    page.get_by_label("Seed", exact=True).fill("-1")
    page.get_by_label("Seed", exact=True).blur()
    generate(page)
    expect(page.locator(".ct-run .ct-problem")).to_be_visible()
    assert {name: box(page, name) for name in before} == before
    page.get_by_label("Seed", exact=True).fill("1")
    page.get_by_label("Seed", exact=True).blur()
    generate(page)
    expect_status(page, "Done")
    assert {name: box(page, name) for name in before} == before


@pytest.mark.parametrize("size", WIDE)
def test_in_a_wide_window_nothing_but_the_report_scrolls(visit: Open, size: str) -> None:
    page = visit(fake(), **SIZES[size]).page
    page.locator(".ct-notice").evaluate(f"notice => notice.textContent = {NOTICE!r}")
    write_report(page, LONG_REPORT)
    expect(page.locator(".ct-cut")).to_be_visible()
    generate(page)
    expect_status(page, "Done")
    width, height = SIZES[size]["width"], SIZES[size]["height"]
    page.wait_for_function(f"document.documentElement.scrollHeight <= {height}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for name in ("axial", "coronal", "sagittal"):
        canvas = page.locator(f".ctv-{name} canvas").bounding_box()
        assert canvas is not None
        assert canvas["y"] + canvas["height"] <= height and canvas["height"] > 150


@pytest.mark.parametrize("size", SIZES)
def test_the_reading_of_a_long_report_can_be_seen_whole(visit: Open, size: str) -> None:
    """Its end hid behind the bar of buttons."""
    page = visit(fake(), **SIZES[size]).page
    write_report(page, LONG_REPORT)
    expect(page.locator(".ct-cut")).to_be_visible()
    last = page.locator(".ct-sentence, .ct-known summary").filter(visible=True).last
    last.scroll_into_view_if_needed()
    hit = last.evaluate(
        """element => {
            const { x, y, height } = element.getBoundingClientRect();
            return element.contains(document.elementFromPoint(x + 20, y + height / 2));
        }"""
    )
    assert hit


@pytest.mark.parametrize("size", NARROW)
def test_in_a_narrow_window_the_planes_are_one_press_away(visit: Open, size: str) -> None:
    """Or a short way to scroll: with a long report they were 2,000 pixels away."""
    page = visit(fake(), **SIZES[size]).page
    write_report(page, LONG_REPORT)
    expect(page.locator(".ct-cut")).to_be_visible()
    assert page.locator(".ctv-axial").evaluate("plane => plane.getBoundingClientRect().top") < MOST_SCROLL_PX
    page.get_by_role("button", name="Planes").click()
    expect(page.get_by_role("button", name="Report")).to_be_visible()
    top, bottom = page.locator(".ctv-axial").evaluate(
        "plane => { const { top, bottom } = plane.getBoundingClientRect(); return [top, bottom]; }"
    )
    assert top >= 0
    assert bottom <= box(page, "Generate")[1], "the whole plane is above the buttons"
    page.get_by_role("button", name="Report").click()
    expect(page.get_by_role("button", name="Planes")).to_be_visible()
    expect(page.get_by_label("Findings")).to_be_in_viewport()


@pytest.mark.parametrize("size", NARROW)
def test_in_a_narrow_window_who_generates_is_taken_to_the_planes(visit: Open, size: str) -> None:
    page = visit(sleeping(0), **SIZES[size]).page
    page.get_by_role("button", name="Normal study").click()
    generate(page)
    expect(page.locator(".ctv-axial canvas")).to_be_in_viewport(ratio=0.9)
    expect_status(page, "Done")
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"]


def test_a_report_that_is_too_long_is_told_once(visit: Open) -> None:
    """It was told in the line of its length, and again below it."""
    page = visit(sleeping(0)).page
    write_report(page, LONG_REPORT)
    expect(page.locator(".ct-cut")).to_be_visible()
    assert page.locator(".ct-panel").inner_text().lower().count("too long") == 1


def test_a_report_that_is_refused_for_its_length_is_told_once(visit: Open) -> None:
    """Where it is read, while one writes; beside the button, once it was pressed."""
    page = visit(sleeping(0)).page
    write_report(page, "x " * 10_001 + "x")
    expect(page.locator(".ct-tokens")).to_contain_text("at most 20,000 are accepted")
    expect(page.locator(".ct-run .ct-problem")).to_be_hidden()
    generate(page)
    expect(page.locator(".ct-run .ct-problem")).to_contain_text("at most 20,000 are accepted")
    assert page.locator(".ct-panel").inner_text().count("at most 20,000") == 1
    page.get_by_label("Seed", exact=True).fill("5")
    page.get_by_label("Seed", exact=True).blur()
    expect(page.locator(".ct-run .ct-problem")).to_be_hidden()
    expect(page.locator(".ct-tokens")).to_be_visible()
    assert page.locator(".ct-panel").inner_text().count("at most 20,000") == 1


def test_tab_past_sex_leaves_nothing_open_and_the_choice_is_made_again_after_a_reload(visit: Open) -> None:
    """The list that it left floated over everything."""
    generator = sleeping(0)
    page = visit(generator).page
    sex = page.get_by_label("Sex (optional)")
    sex.focus()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Age (optional)")).to_be_focused()
    expect(page.get_by_role("listbox")).to_have_count(0)
    sex.select_option("female")
    write_report(page, "Clear.")
    page.get_by_label("Findings").blur()
    generate(page)
    expect_status(page, "Done")
    assert generator.requests[0].report.sex == "F"
    page.reload()
    expect(page.get_by_label("Sex (optional)")).to_have_value("F")
    page.get_by_role("button", name="Large right effusion").click()
    expect(page.get_by_label("Sex (optional)")).to_have_value("M")


@pytest.mark.parametrize("field", ["Findings", "Seed", "Age (optional)", "Sex (optional)"])
def test_ctrl_enter_generates_with_what_is_typed(visit: Open, field: str) -> None:
    generator = sleeping(0)
    page = visit(generator).page
    write_report(page, "Clear.")
    typed = page.get_by_label(field, exact=field == "Seed")  # the tab Ask asks for other seeds
    if field != "Sex (optional)":
        typed.fill({"Findings": "No effusion."}.get(field, "42"))
    typed.focus()
    page.keyboard.press("Control+Enter")
    expect_status(page, "Done")
    (request,) = generator.requests
    assert {
        "Findings": request.report.findings == "No effusion.",
        "Seed": request.seed == 42,
        "Age (optional)": request.report.age == 42,
        "Sex (optional)": request.report.sex is None,
    }[field]
    expect(page.get_by_label("Findings")).to_have_value("No effusion." if field == "Findings" else "Clear.")


def test_the_tab_says_how_far_the_run_is_and_wears_our_icon(visit: Open, gate: Gate) -> None:
    page = visit(FakeGenerator(gate)).page
    expect(page).to_have_title("CTFlow")
    icon = page.locator("link[rel=icon]").evaluate("link => link.href")
    assert page.request.get(icon).headers["content-type"] == "image/svg+xml"
    write_report(page, "Clear.")
    generate(page)
    gate.open(6)
    expect(page).to_have_title("25 % · CTFlow")
    gate.open(18)
    expect(page).to_have_title("Done · CTFlow")
