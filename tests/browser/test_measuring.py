"""Marks: made with the mouse and the keyboard, measured against the known voxels, moved, deleted, copied, saved."""

import csv
import re
from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.app.fake import SIZE, SPACING_MM, chest
from tests.browser.conftest import Visit
from tests.browser.viewer import (
    expect_slice,
    expect_status,
    generate,
    grey_at,
    mid_lung,
    place_of,
)

Open = Callable[..., Visit]
SLICES = 96
MADE = chest(SLICES, 0, "I")
SLICE = mid_lung(MADE)  # from 1: where the axial plane is
PIXEL_MM = 1.0  # a canvas pixel is smaller


def drag(page: Page, plane: str, *shares: tuple[float, float]) -> None:
    """Presses at the first place, goes through the others and lets go. Places are shares of the plane's extent."""
    places = [place_of(page, plane, share, SLICES) for share in shares]
    page.mouse.move(*places[0])
    page.mouse.down()
    for x, y in places[1:]:
        page.mouse.move(x, y, steps=3)
    page.mouse.up()


def marks(page: Page) -> list[list[str]]:
    """What the table of marks says: kind, place and what was measured."""
    page.get_by_role("button", name="Marks", exact=True).click()
    rows = page.get_by_role("dialog").locator("tbody tr").all()
    found = [[cell.inner_text() for cell in row.locator("td").all()[:3]] for row in rows]
    page.keyboard.press("Escape")
    return found


def is_marked(page: Page, plane: str, share: tuple[float, float]) -> bool:
    """Whether a line of a mark is drawn there: greener than any grey."""
    red, green, _ = grey_at(page, plane, share, SLICES)
    return green > red + 20


def select_none(page: Page) -> None:
    """What is selected is white, as bone is."""
    page.keyboard.press("Escape")
    page.wait_for_timeout(100)


def test_a_length_is_measured_in_mm_and_stays_in_its_slice(page: Page) -> None:
    page.keyboard.press("l")
    drag(page, "axial", (0.2, 0.4), (0.6, 0.4))
    select_none(page)
    assert is_marked(page, "axial", (0.4, 0.4))
    ((kind, place, measured),) = marks(page)
    assert (kind, place) == ("length", f"Axial {SLICE}")
    assert float(measured.removesuffix(" mm")) == pytest.approx(0.4 * SIZE * SPACING_MM[2], abs=PIXEL_MM)
    page.locator(".ctv-axial canvas").hover()
    page.mouse.wheel(0, 100)
    expect_slice(page, f"Axial  {SLICE + 1} / 96")
    page.wait_for_timeout(100)
    assert not is_marked(page, "axial", (0.4, 0.4))


def test_a_length_in_the_coronal_plane_heeds_the_spacing_of_slices(page: Page) -> None:
    page.keyboard.press("l")
    drag(page, "coronal", (0.4, 0.2), (0.4, 0.8))
    ((_, place, measured),) = marks(page)
    assert place == "Coronal 129"
    assert float(measured.removesuffix(" mm")) == pytest.approx(0.6 * SLICES * SPACING_MM[0], abs=2 * PIXEL_MM)


def test_an_ellipse_measures_the_voxels_that_it_holds(page: Page) -> None:
    page.keyboard.press("e")
    drag(page, "axial", (0.25, 0.4), (0.35, 0.6))
    ((kind, _, measured),) = marks(page)
    numbers = re.fullmatch(r"mean (\S+) ± (\d+) HU\nmin (\S+), max (\S+) HU\n(\S+) cm²", measured)
    assert kind == "ellipse"
    assert numbers, measured
    mean, sd, least, most, area_cm2 = map(float, numbers.groups())
    rows, columns = np.ogrid[:SIZE, :SIZE]
    radii = (0.1 * SIZE, 0.05 * SIZE)
    inside = ((rows + 0.5 - 0.5 * SIZE) / radii[0]) ** 2 + ((columns + 0.5 - 0.3 * SIZE) / radii[1]) ** 2 <= 1
    hu = MADE[SLICE - 1][inside]
    assert (mean, sd) == (pytest.approx(hu.mean(), abs=2), pytest.approx(hu.std(), abs=2))
    assert (least, most) == (hu.min(), hu.max())
    assert area_cm2 == pytest.approx(np.pi * radii[0] * radii[1] * SPACING_MM[1] * SPACING_MM[2] / 100, rel=0.05)


def test_an_angle_is_a_drag_and_a_click(page: Page) -> None:
    page.keyboard.press("a")
    drag(page, "axial", (0.2, 0.5), (0.5, 0.5))
    page.mouse.click(*place_of(page, "axial", (0.5, 0.2), SLICES))
    ((kind, _, measured),) = marks(page)
    assert kind == "angle"
    assert float(measured.removesuffix("°")) == pytest.approx(90, abs=1)


def test_marks_are_drawn_where_they_cross_the_other_planes(page: Page) -> None:
    page.keyboard.press("l")
    drag(page, "axial", (0.3, 0.502), (0.7, 0.502))  # in the coronal plane's own row
    select_none(page)
    page.wait_for_function("document.querySelector('.ctv-coronal canvas')")
    depth = (SLICE - 0.5) / SLICES
    assert is_marked(page, "coronal", (0.35, depth))
    assert not is_marked(page, "coronal", (0.25, depth))
    assert not is_marked(page, "coronal", (0.35, depth + 0.1))


def test_a_mark_is_moved_by_its_end_and_as_a_whole_and_deleted_by_key_and_by_button(page: Page) -> None:
    page.keyboard.press("l")
    drag(page, "axial", (0.2, 0.4), (0.4, 0.4))
    page.keyboard.press("c")  # with any tool
    drag(page, "axial", (0.4, 0.4), (0.6, 0.4))
    ((_, _, longer),) = marks(page)
    assert float(longer.removesuffix(" mm")) == pytest.approx(0.4 * SIZE * SPACING_MM[2], abs=PIXEL_MM)
    drag(page, "axial", (0.3, 0.4), (0.3, 0.6))
    select_none(page)
    assert is_marked(page, "axial", (0.35, 0.6)) and not is_marked(page, "axial", (0.35, 0.4))
    expect(page.locator(".ctv-sagittal canvas")).to_have_attribute("aria-label", re.compile(r"129 / 256"))
    page.mouse.click(*place_of(page, "axial", (0.3, 0.6), SLICES))
    page.keyboard.press("Delete")
    expect(page.get_by_role("button", name="Marks", exact=True)).to_be_disabled()
    page.keyboard.press("h")
    page.mouse.click(*place_of(page, "axial", (0.3, 0.5), SLICES))
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("button", name="Marks", exact=True)).to_be_disabled()


def test_a_double_click_with_a_measuring_tool_leaves_no_mark(page: Page) -> None:
    page.keyboard.press("l")
    page.mouse.dblclick(*place_of(page, "axial", (0.3, 0.6), SLICES))
    expect(page.locator(".ctv-coronal")).to_be_hidden()
    expect(page.get_by_role("button", name="Marks", exact=True)).to_be_disabled()


def test_the_keyboard_alone_measures(page: Page) -> None:
    page.locator(".ctv-axial canvas").focus()
    page.keyboard.press("h")
    page.keyboard.press("Enter")
    page.keyboard.press("l")
    page.keyboard.press("Enter")
    for _ in range(4):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    assert marks(page) == [
        ["HU", f"Axial {SLICE}", f"{MADE[SLICE - 1, 128, 128]} HU"],
        ["length", f"Axial {SLICE}", "6.0 mm"],
    ]


def test_marks_are_copied_saved_found_again_and_stay_after_a_reload(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.keyboard.press("h")
    page.mouse.click(*place_of(page, "axial", (0.3, 0.5), SLICES))
    page.locator(".ctv-axial canvas").focus()
    page.keyboard.press("Home")
    page.get_by_role("button", name="Marks", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Copy").click()
    expect(dialog.get_by_role("status")).to_have_text("Copied.")
    name, line = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert re.fullmatch(r"Fake model, for tests · seed 0 · report and settings [0-9a-f]{8}", name)
    assert re.fullmatch(rf"Axial {SLICE}, HU: -8\d\d HU", line)
    with page.expect_download() as waiting:
        dialog.get_by_role("button", name="Save CSV").click()
    assert re.fullmatch(r"synthetic-ctflow-[0-9a-f]{8}-seed0-marks\.csv", waiting.value.suggested_filename)
    (row,) = csv.DictReader(waiting.value.path().read_text(encoding="utf-8").splitlines())
    assert (row["volume"], row["kind"], row["plane"], row["slice"]) == (name, "hu", "Axial", str(SLICE))
    assert line.endswith(f"{row['hu']} HU")
    dialog.get_by_role("button", name="Show").click()
    expect_slice(page, f"Axial  {SLICE} / 96")
    page.reload()
    expect_slice(page, f"Axial  {SLICE} / 96")
    assert marks(page) == [["HU", f"Axial {SLICE}", f"{row['hu']} HU"]]
    page.get_by_label("Seed", exact=True).fill("5")
    page.get_by_label("Seed", exact=True).blur()
    generate(page)
    expect_status(page, "Seed 5")
    expect(page.get_by_role("button", name="Marks", exact=True)).to_be_disabled()
