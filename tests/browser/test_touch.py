"""Fingers on a phone."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import CDPSession, Page, expect

from tests.app.fake import sleeping
from tests.browser.conftest import Visit
from tests.browser.sizes import PHONE
from tests.browser.viewer import expect_mid_lung, expect_slice, expect_status, generate, write_report

Open = Callable[..., Visit]
THUMB_PX = 44
Place = tuple[float, float]


@pytest.fixture
def page(visit: Open) -> Page:
    page = visit(sleeping(0), **PHONE).page
    write_report(page, "Clear.")
    generate(page)
    expect_status(page, "Done")
    expect_mid_lung(page)
    page.wait_for_timeout(500)  # the way to the planes
    return page


@pytest.fixture
def fingers(page: Page) -> Iterator[CDPSession]:
    session = page.context.new_cdp_session(page)
    yield session
    session.detach()


def touch(session: CDPSession, kind: str, *places: Place) -> None:
    points = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(places)]
    session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def swipe(session: CDPSession, start: Place, dx: float, dy: float, moves: int = 12) -> None:
    touch(session, "touchStart", start)
    for i in range(1, moves + 1):
        touch(session, "touchMove", (start[0] + dx * i / moves, start[1] + dy * i / moves))
    touch(session, "touchEnd")


def middle(page: Page, selector: str) -> Place:
    box = page.locator(selector).bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def scrolled(page: Page) -> float:
    return page.evaluate("window.scrollY")


def shown_slice(page: Page, plane: str = "axial") -> int:
    label = page.locator(f".ctv-{plane} canvas").get_attribute("aria-label") or ""
    return int(label.split()[1])


def test_a_swipe_on_a_plane_scrolls_slices_and_not_the_page(page: Page, fingers: CDPSession) -> None:
    """It did both: the crosshair moved, and then the page went away under it."""
    at, before = scrolled(page), shown_slice(page)
    swipe(fingers, middle(page, ".ctv-axial canvas"), 0, -100)
    page.wait_for_function(f"!document.querySelector('.ctv-axial canvas').ariaLabel.includes(' {before} /')")
    assert shown_slice(page) > before, "up is onwards, as a page goes"
    assert scrolled(page) == at
    expect_slice(page, "Coronal  129 / 256", "coronal")
    expect_slice(page, "Sagittal  129 / 256", "sagittal")


def test_a_swipe_beside_the_planes_scrolls_the_page_and_not_the_slices(page: Page, fingers: CDPSession) -> None:
    at, before = scrolled(page), shown_slice(page)
    swipe(fingers, middle(page, ".ctv-said"), 0, 150)
    page.wait_for_function(f"window.scrollY < {at}")
    assert shown_slice(page) == before


def test_a_vertical_swipe_that_begins_on_a_slider_scrolls_no_page(page: Page, fingers: CDPSession) -> None:
    at = scrolled(page)
    swipe(fingers, middle(page, ".ctv-axial .ctv-slider"), 0, -100)
    page.wait_for_timeout(500)
    assert scrolled(page) == at


def test_a_tap_moves_the_crosshair(page: Page, fingers: CDPSession) -> None:
    x, y = middle(page, ".ctv-axial canvas")
    touch(fingers, "touchStart", (x - 60, y))
    touch(fingers, "touchEnd")
    page.wait_for_function("!document.querySelector('.ctv-sagittal canvas').ariaLabel.includes(' 129 /')")
    assert shown_slice(page, "sagittal") < 129
    expect_mid_lung(page)


def test_a_pinch_zooms_and_the_page_stays(page: Page, fingers: CDPSession) -> None:
    def column_beside(page: Page) -> int:
        """Which column lies 100 pixels to the right of the middle."""
        x, y = middle(page, ".ctv-axial canvas")
        page.mouse.move(x + 100, y)
        expect(page.locator(".ctv-readout")).to_contain_text("HU")
        return int(page.locator(".ctv-readout").inner_text().split("column")[1].split()[0])

    before, at, slice_ = column_beside(page), scrolled(page), shown_slice(page)
    x, y = middle(page, ".ctv-axial canvas")
    touch(fingers, "touchStart", (x - 20, y), (x + 20, y))
    for apart in (25, 30, 35, 40):
        touch(fingers, "touchMove", (x - apart, y), (x + apart, y))
    touch(fingers, "touchEnd")
    page.wait_for_timeout(300)
    assert column_beside(page) - 128 == pytest.approx((before - 128) / 2, abs=3), "twice as large"
    assert page.evaluate("window.visualViewport.scale") == 1
    assert (scrolled(page), shown_slice(page)) == (at, slice_)


def test_a_long_press_places_the_crosshair_and_opens_no_menu(page: Page, fingers: CDPSession) -> None:
    x, y = middle(page, ".ctv-axial canvas")
    page.keyboard.press("w")  # whatever the tool
    window = page.get_by_label("Window width").input_value()
    touch(fingers, "touchStart", (x - 60, y))
    expect_slice(page, "Sagittal  ", "sagittal")
    expect(page.locator(".ctv-sagittal canvas")).not_to_have_attribute("aria-label", re.compile("129 / 256"))
    touch(fingers, "touchEnd")
    assert page.get_by_label("Window width").input_value() == window


def test_a_finger_draws_a_length(page: Page, fingers: CDPSession) -> None:
    page.get_by_role("button", name="Length", exact=True).tap()
    at, before = scrolled(page), shown_slice(page)
    swipe(fingers, middle(page, ".ctv-axial canvas"), 90, 60)
    expect(page.get_by_role("button", name="Marks", exact=True)).to_be_enabled()
    assert (scrolled(page), shown_slice(page)) == (at, before)


def test_two_fingers_move_the_picture(page: Page, fingers: CDPSession) -> None:
    x, y = middle(page, ".ctv-axial canvas")
    page.mouse.move(x, y)
    expect(page.locator(".ctv-readout")).to_contain_text("column 129")
    touch(fingers, "touchStart", (x - 40, y), (x, y))
    for moved in (10, 20, 30, 40):
        touch(fingers, "touchMove", (x - 40 + moved, y), (x + moved, y))
    touch(fingers, "touchEnd")
    page.mouse.move(x + 39, y)
    page.mouse.move(x + 40, y)
    expect(page.locator(".ctv-readout")).to_contain_text("column 129")


def test_sliders_and_buttons_are_large_enough_for_a_thumb(page: Page) -> None:
    for plane in ("axial", "coronal", "sagittal"):
        slider = page.locator(f".ctv-{plane} .ctv-slider").bounding_box()
        assert slider is not None
        assert slider["height"] >= THUMB_PX
    for button in page.locator(".ctv-bar button, .ct-run button").filter(visible=True).all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 40
