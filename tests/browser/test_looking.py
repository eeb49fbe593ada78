"""How a volume is looked at: slabs, windows, what lies over it, layouts, cine, pictures to take away."""

import io
import math
import re
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.app.fake import SPACING_MM, chest, sleeping
from tests.browser.conftest import Visit
from tests.browser.viewer import (
    expect_slice,
    expect_window,
    grey_at,
    mid_lung,
    place_of,
    point_at,
    readout,
)

Open = Callable[..., Visit]
SLICES = 96
MADE = chest(SLICES, 0, "I")
SLICE = mid_lung(MADE)
VESSEL = (0.22, 0.55)  # where a bright vessel goes through lung


def button(page: Page, name: str) -> Locator:
    return page.locator(".ctv").get_by_role("button", name=name, exact=True)


def width(page: Page, plane: str) -> float:
    box = page.locator(f".ctv-{plane} canvas").bounding_box()
    assert box is not None
    return box["width"]


@pytest.mark.parametrize(("name", "put_together"), [("MIP", np.max), ("MinIP", np.min), ("Mean", np.mean)])
def test_a_slab_shows_the_greatest_least_or_mean_hu(
    page: Page, name: str, put_together: Callable[..., np.ndarray]
) -> None:
    _, _, row, column = point_at(page, "axial", VESSEL, SLICES)
    page.get_by_label("Axial slab", exact=True).select_option(name)
    thickness = page.get_by_label("Axial slab, mm")
    thickness.fill("60")
    thickness.press("Enter")
    expect_slice(page, f"Axial  {SLICE} / 96  {name} 60 mm")
    page.mouse.move(5, 5)
    page.mouse.move(*place_of(page, "axial", VESSEL, SLICES))
    slices = round(60 / SPACING_MM[0])
    first = SLICE - 1 - (slices - 1) // 2
    expected = round(float(put_together(MADE[first : first + slices, row, column])))
    expect(page.locator(".ctv-readout")).to_contain_text(f"{expected} HU {name}")
    assert width(page, "coronal") > 0
    expect_slice(page, "Coronal  129 / 256", "coronal")


def test_a_window_is_typed_and_inverted(page: Page) -> None:
    share = (0.3, 0.5)
    page.get_by_label("Window width").fill("2000")
    page.get_by_label("Window width").press("Enter")
    page.get_by_label("Window level").fill("0")
    page.get_by_label("Window level").press("Enter")
    expect_window(page, "Wide")
    page.wait_for_timeout(100)
    grey, _, _ = grey_at(page, "axial", share, SLICES)
    button(page, "Invert").click()
    page.wait_for_timeout(100)
    inverted, _, _ = grey_at(page, "axial", share, SLICES)
    assert grey + inverted == pytest.approx(255, abs=3)
    assert abs(grey - inverted) > 100
    page.get_by_label("Window width").fill("0")
    page.get_by_label("Window width").press("Enter")
    expect_window(page, "Other")
    expect(page.get_by_label("Window width")).to_have_value("1")


def test_ones_own_window_is_kept_in_this_browser(page: Page) -> None:
    page.get_by_label("Window width").fill("170")
    page.get_by_label("Window width").press("Enter")
    button(page, "Display").click()
    page.get_by_label("Name of the window").fill("<b>Liver</b>")
    page.get_by_role("dialog").get_by_role("button", name="Keep").click()
    page.keyboard.press("Escape")
    expect_window(page, "<b>Liver</b>")
    page.keyboard.press("1")
    page.reload()
    expect_slice(page, f"Axial  {SLICE} / 96")
    expect_window(page, "Lung")
    page.keyboard.press("7")
    expect_window(page, "<b>Liver</b>")
    button(page, "Display").click()
    page.get_by_role("button", name="Remove the window <b>Liver</b>").click()
    page.keyboard.press("Escape")
    expect_window(page, "Other")


def test_a_browser_that_keeps_nothing_still_shows_windows(visit: Open) -> None:
    forbid = "Object.defineProperty(window, 'localStorage', { get() { throw new Error('forbidden'); } })"
    seen = visit(sleeping(0), before=lambda page: page.add_init_script(forbid))
    seen.page.keyboard.press("2")
    expect_window(seen.page, "Mediastinum")
    button(seen.page, "Display").click()
    seen.page.get_by_label("Name of the window").fill("Mine")
    seen.page.get_by_label("Name of the window").press("Enter")
    seen.page.keyboard.press("Escape")
    expect_window(seen.page, "Mediastinum")
    seen.check_clean()


def ink(page: Page, plane: str, red: int, green: int, blue: int) -> int:
    """How many pixels of a canvas have this colour, about."""
    return page.locator(f".ctv-{plane} canvas").evaluate(
        """(canvas, wanted) => {
            const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
            let found = 0;
            for (let i = 0; i < data.length; i += 4) {
                found += wanted.every((value, channel) => Math.abs(data[i + channel] - value) < 24);
            }
            return found;
        }""",
        [red, green, blue],
    )


def test_crosshair_and_texts_are_hidden_but_not_what_the_picture_is(page: Page) -> None:
    crosshair, warning = (210, 166, 82), (255, 180, 84)
    assert ink(page, "axial", *crosshair) > 100
    button(page, "Display").click()
    for label in ("Crosshair (x)", "Texts (t)"):
        page.get_by_label(label).uncheck()
    page.keyboard.press("Escape")
    page.wait_for_timeout(100)
    assert ink(page, "axial", *warning) > 50, "SYNTHETIC, not for diagnosis"
    page.mouse.move(*place_of(page, "axial", (0.3, 0.5), SLICES))
    expect(page.locator(".ctv-tip")).to_be_hidden()
    page.locator(".ctv-axial canvas").focus()
    page.keyboard.press("x")
    page.keyboard.press("t")
    expect(page.locator(".ctv-tip")).to_be_visible()


def test_without_interpolation_voxels_are_squares(page: Page) -> None:
    """Where one voxel is many pixels, neighbours within it are the same."""
    page.locator(".ctv-axial canvas").hover()
    for _ in range(10):
        page.keyboard.press("+")
    count = """canvas => {
        const { width, height } = canvas;
        const { data } = canvas.getContext('2d').getImageData(width / 4, height / 4, width / 2, 40);
        return new Set(data.filter((_, i) => i % 4 === 0)).size;
    }"""
    page.wait_for_timeout(200)
    smooth = page.locator(".ctv-axial canvas").evaluate(count)
    page.keyboard.press("n")
    page.wait_for_timeout(200)
    assert page.locator(".ctv-axial canvas").evaluate(count) < smooth


def test_the_planes_stand_in_a_row_alone_or_large_and_the_panel_folds_away(page: Page) -> None:
    layout = page.get_by_role("combobox", name="Layout")
    large = width(page, "axial")
    layout.select_option("Three in a row")
    page.wait_for_function("document.querySelector('.ctv-planes').dataset.layout === 'row'")
    page.wait_for_timeout(100)
    assert width(page, "axial") == pytest.approx(width(page, "sagittal"), abs=2)
    button(page, "Fold report panel").click()
    expect(page.get_by_label("Findings")).to_be_hidden()
    page.wait_for_timeout(100)
    assert 3 * width(page, "axial") > 1300
    layout.select_option("One plane")
    expect(page.locator(".ctv-coronal")).to_be_hidden()
    button(page, "Fold report panel").click()
    expect(page.get_by_label("Findings")).to_be_visible()
    button(page, "Axial alone").click()
    expect(layout.locator("option:checked")).to_have_text("Three in a row")
    layout.select_option("Axial large")
    page.wait_for_timeout(100)
    assert width(page, "axial") == pytest.approx(large, abs=2)


def test_the_planes_fill_the_screen_and_keys_go_on_working(page: Page) -> None:
    button(page, "Full screen").click()
    page.wait_for_function("document.fullscreenElement?.matches('.ctv')")
    page.locator(".ctv-axial canvas").hover()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Shift+F")
    page.wait_for_function("!document.fullscreenElement")


def test_cine_runs_until_it_is_stopped(page: Page) -> None:
    button(page, "Axial cine").click()
    expect(page.locator(".ctv-axial canvas")).not_to_have_attribute(
        "aria-label", re.compile(f" ({SLICE}|{SLICE + 1}) /")
    )
    button(page, "Axial cine").click()
    page.wait_for_timeout(200)
    stopped = page.locator(".ctv-axial canvas").get_attribute("aria-label")
    page.wait_for_timeout(500)
    assert page.locator(".ctv-axial canvas").get_attribute("aria-label") == stopped


def test_hu_mm_and_slice_stand_beside_the_pointer(page: Page) -> None:
    hu, slice_, row, column = point_at(page, "coronal", (0.3, 0.4), SLICES)
    x, y = ((index - (256 - 1) / 2) * mm for index, mm in ((column, SPACING_MM[2]), (row, SPACING_MM[1])))
    tenths = [math.floor(abs(mm) * 10 + 0.5) / 10 for mm in (x, y, slice_ * SPACING_MM[0])]
    mm = f"{'RL'[x > 0]} {tenths[0]} {'AP'[y > 0]} {tenths[1]} {'SI'[slice_ > 0]} {tenths[2]} mm"
    tip = page.locator(".ctv-tip")
    expect(tip).to_have_text(f"{hu} HU\n{mm}\nslice {slice_ + 1}")
    assert readout(page).endswith(mm)
    box = tip.bounding_box()
    assert box is not None
    place = place_of(page, "coronal", (0.3, 0.4), SLICES)
    assert abs(box["x"] - place[0]) < 30 and abs(box["y"] - place[1]) < 30
    page.mouse.move(5, 5)
    expect(tip).to_be_hidden()


def test_a_picture_is_saved_and_copied_and_says_what_it_is(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator(".ctv-axial canvas").hover()
    page.keyboard.press("Shift+S")
    dialog = page.get_by_role("dialog")
    with page.expect_download() as waiting:
        dialog.get_by_role("button", name="Save PNG").click()
    assert re.fullmatch(r"synthetic-ctflow-[0-9a-f]{8}-seed0\.png", waiting.value.suggested_filename)
    picture = Image.open(waiting.value.path())
    planes = page.locator(".ctv-planes").bounding_box()
    assert planes is not None
    assert picture.width == pytest.approx(planes["width"], abs=2)
    assert np.asarray(picture.convert("L"))[-40:].max() > 150, "a caption"
    dialog.get_by_label("With the report's text").check()
    dialog.get_by_role("button", name="Copy").click()
    expect(dialog.get_by_role("status")).to_have_text("Copied.")
    copied = page.evaluate(
        """async () => {
            const [item] = await navigator.clipboard.read();
            return Array.from(new Uint8Array(await (await item.getType('image/png')).arrayBuffer()));
        }"""
    )
    longer = Image.open(io.BytesIO(bytes(copied)))
    assert longer.height > picture.height, "the report takes a line"
