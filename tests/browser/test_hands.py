"""Mouse and keyboard on the viewer."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.app.fake import sleeping
from tests.browser.conftest import Visit
from tests.browser.viewer import (
    expect_mid_lung,
    expect_slice,
    expect_status,
    expect_window,
    generate,
    grey_at,
    place_of,
    point_at,
    readout,
)

Open = Callable[..., Visit]
SLICES = 96


def button(page: Page, name: str) -> Locator:
    return page.locator(".ctv-bar").get_by_role("button", name=name, exact=True)


def test_the_keyboard_does_what_the_mouse_does(page: Page) -> None:
    axial = page.locator(".ctv-axial canvas")
    axial.focus()
    for key, shown in [
        ("ArrowUp", "30 / 96"),
        ("PageUp", "20 / 96"),
        ("Home", "1 / 96"),
        ("ArrowDown", "2 / 96"),
        ("PageDown", "12 / 96"),
        ("End", "96 / 96"),
        ("ArrowDown", "96 / 96"),
    ]:
        page.keyboard.press(key)
        expect_slice(page, f"Axial  {shown}")
    for number, name in enumerate(["Lung", "Mediastinum", "Soft tissue", "Bone", "PE", "Wide"], start=1):
        page.keyboard.press(str(number))
        expect_window(page, name)
    page.keyboard.press("w")
    expect(button(page, "W/L")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("m")
    expect(page.locator(".ctv-coronal")).to_be_hidden()
    page.keyboard.press("r")
    expect(page.locator(".ctv-coronal")).to_be_visible()
    expect_window(page, "Wide")  # reset took it for the Lung window
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_keys_in_the_report_are_letters_and_not_commands(page: Page) -> None:
    page.get_by_label("Findings").press_sequentially("crf 1234?")
    expect(page.get_by_label("Findings")).to_have_value(re.compile(r"crf 1234\?"))
    expect_window(page, "Lung")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_a_click_moves_the_crosshair_in_all_planes(page: Page) -> None:
    page.mouse.click(*place_of(page, "coronal", (0.2, 0.5), SLICES))
    _, slice_, row, column = point_at(page, "coronal", (0.2, 0.5), SLICES)
    expect_slice(page, f"{slice_ + 1} / 96", "axial")
    expect_slice(page, f"{column + 1} / 256", "sagittal")
    expect_slice(page, f"{row + 1} / 256", "coronal")


def test_right_drag_sets_the_window_and_leaves_the_hu_alone(page: Page) -> None:
    before = point_at(page, "axial", (0.5, 0.45), SLICES)
    grey = grey_at(page, "axial", (0.1, 0.5), SLICES)
    page.mouse.down(button="right")
    x, y = place_of(page, "axial", (0.5, 0.45), SLICES)
    page.mouse.move(x, y + 60)
    page.mouse.up(button="right")
    assert point_at(page, "axial", (0.5, 0.45), SLICES) == before
    assert grey_at(page, "axial", (0.1, 0.5), SLICES) != grey
    expect_window(page, "Other")


def test_ctrl_wheel_zooms_and_keeps_what_is_under_the_pointer(page: Page) -> None:
    at = point_at(page, "axial", (0.3, 0.4), SLICES)
    page.keyboard.down("Control")
    for _ in range(4):
        page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    expect_mid_lung(page)
    box = page.locator(".ctv-axial canvas").bounding_box()
    assert box is not None
    x, y = place_of(page, "axial", (0.3, 0.4), SLICES)
    page.mouse.move(x + 1, y)
    page.mouse.move(x, y)
    expect(page.locator(".ctv-readout")).to_contain_text(f"column {at[3] + 1}  row {at[2] + 1}  slice {at[1] + 1}")
    page.mouse.move(x + box["width"] * 0.05, y)
    shifted = re.search(r"column (\d+)", page.locator(".ctv-readout").inner_text())
    assert shifted is not None
    assert int(shifted[1]) - at[3] - 1 < 256 * 0.05 / 2, "zoomed in, a step on screen is fewer voxels"


def test_keys_are_for_the_plane_under_the_pointer_or_else_for_the_focused_one(page: Page) -> None:
    """They were for the plane that was clicked last, wherever one looked."""
    page.locator(".ctv-axial canvas").click()
    page.locator(".ctv-coronal canvas").hover()
    page.keyboard.press("Home")
    expect_slice(page, "Coronal  1 / 256", "coronal")
    page.mouse.move(5, 5)
    page.keyboard.press("Home")
    expect_slice(page, "Axial  1 / 96")
    for _ in range(5):  # what lies below it
        page.keyboard.press("Tab")
    page.keyboard.press("End")
    expect_slice(page, "Coronal  256 / 256", "coronal")


def test_keys_work_over_a_plane_while_a_button_elsewhere_has_the_focus(page: Page) -> None:
    page.get_by_role("button", name="New seed").focus()
    page.locator(".ctv-sagittal canvas").hover()
    page.keyboard.press("Home")
    expect_slice(page, "Sagittal  1 / 256", "sagittal")
    page.mouse.move(5, 5)
    page.keyboard.press("End")
    page.wait_for_timeout(300)
    expect_slice(page, "Sagittal  1 / 256", "sagittal")


def test_a_double_click_leaves_the_crosshair_where_it_was(page: Page) -> None:
    page.mouse.click(*place_of(page, "axial", (0.3, 0.6), SLICES))
    page.mouse.move(5, 5)
    expect(page.locator(".ctv-readout")).to_contain_text("HU")
    before = readout(page)
    page.wait_for_timeout(600)  # so that the next press is not the second of a double click
    page.mouse.dblclick(*place_of(page, "coronal", (0.8, 0.2), SLICES))
    expect(page.locator(".ctv-axial")).to_be_hidden()
    page.mouse.move(5, 5)
    expect(page.locator(".ctv-readout")).to_have_text(before)


def test_on_a_screen_with_other_pixels_the_planes_are_sharp(page: Page) -> None:
    """A window that was moved there kept its old pixels, and showed them blurred."""
    canvas = page.locator(".ctv-axial canvas")
    assert canvas.evaluate("canvas => canvas.width / canvas.clientWidth") == pytest.approx(1, abs=0.01)
    session = page.context.new_cdp_session(page)
    session.send(
        "Emulation.setDeviceMetricsOverride", {"width": 1400, "height": 860, "deviceScaleFactor": 2, "mobile": False}
    )
    page.mouse.move(*place_of(page, "axial", (0.5, 0.5), SLICES))
    page.wait_for_function("document.querySelector('.ctv-axial canvas').width > 1000")
    assert canvas.evaluate("canvas => canvas.width / canvas.clientWidth") == pytest.approx(2, abs=0.01)
    assert grey_at(page, "axial", (0.3, 0.5), SLICES) != (0, 0, 0), "and something is drawn on them"


def test_a_double_click_gives_a_plane_all_the_room(page: Page) -> None:
    coronal = page.locator(".ctv-coronal canvas")
    before = coronal.bounding_box()
    coronal.dblclick()
    expect(page.locator(".ctv-axial")).to_be_hidden()
    after = coronal.bounding_box()
    assert before is not None
    assert after is not None
    assert after["width"] > 1.5 * before["width"]
    coronal.dblclick()
    expect(page.locator(".ctv-axial")).to_be_visible()


def test_canvases_and_buttons_name_themselves(page: Page) -> None:
    for plane in ("axial", "coronal", "sagittal"):
        canvas = page.locator(f".ctv-{plane} canvas")
        assert canvas.get_attribute("tabindex") == "0"
        assert canvas.get_attribute("role")
        assert re.match(plane, canvas.get_attribute("aria-label") or "", re.IGNORECASE)
    assert page.locator(".ctv-status").get_attribute("aria-live") == "polite"
    for button in page.locator(".ctv button:visible").all():
        assert button.inner_text() or button.get_attribute("aria-label")
        assert button.get_attribute("title"), "and says what it does"


def test_at_400_pixels_nothing_is_cut_off(visit: Open) -> None:
    page = visit(sleeping(0), width=400, height=800).page
    page.get_by_role("button", name="Normal study").click()
    generate(page)
    expect_status(page, "Done")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    for plane in ("axial", "coronal", "sagittal"):
        box = page.locator(f".ctv-{plane} canvas").bounding_box()
        assert box is not None
        assert box["width"] > 300
        assert box["x"] >= 0
    expect(page.locator(".ct-notice")).to_have_count(1)
