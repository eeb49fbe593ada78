"""The viewer as a test sees it: by its texts, and by where a voxel must lie on the screen."""

import re

import numpy as np
from playwright.sync_api import Page, expect

from tests.app.fake import SIZE, SPACING_MM, chest

POINTED_AT = re.compile(r"(?:[AB] )?(-?\d+) HU(?:\s+[AB] .*?)?\s+column (\d+)\s+row (\d+)\s+slice (\d+)\s")
PLANES = {"axial": (0, 1), "coronal": (0, 2), "sagittal": (1, 2)}


def extent_mm(slices: int) -> tuple[float, float, float]:
    """Along x (to the left), y (to the back), z (to the feet)."""
    return SIZE * SPACING_MM[2], SIZE * SPACING_MM[1], slices * SPACING_MM[0]


def place_of(page: Page, plane: str, share: tuple[float, float], slices: int) -> tuple[float, float]:
    """Where on the page a plane shows the point at `share` (0 to 1) of its extent to the right and down.

    `plane`: one of `PLANES`, or one of a second volume's: "b-axial".
    """
    box = page.locator(f".ctv-{plane} canvas").bounding_box()
    assert box is not None
    across, down = (extent_mm(slices)[axis] for axis in PLANES[plane.removeprefix("b-")])
    scale = min((box["width"] - 2) / across, (box["height"] - 2) / down)
    return (
        box["x"] + box["width"] / 2 + (share[0] - 0.5) * across * scale,
        box["y"] + box["height"] / 2 + (share[1] - 0.5) * down * scale,
    )


def point_at(page: Page, plane: str, share: tuple[float, float], slices: int) -> tuple[int, int, int, int]:
    """Moves the pointer there and reads HU and (slice, row, column) from 0."""
    page.mouse.move(*place_of(page, plane, share, slices))
    expect(page.locator(".ctv-readout")).to_contain_text(POINTED_AT)  # comes with the next frame
    numbers = POINTED_AT.match(readout(page))
    assert numbers, readout(page)
    hu, column, row, slice_ = map(int, numbers.groups())
    return hu, slice_ - 1, row - 1, column - 1


def readout(page: Page) -> str:
    return page.locator(".ctv-readout").inner_text()


def grey_at(page: Page, plane: str, share: tuple[float, float], slices: int) -> tuple[int, int, int]:
    """The pixel that is painted there."""
    x, y = place_of(page, plane, share, slices)
    red, green, blue, _ = page.locator(f".ctv-{plane} canvas").evaluate(
        """(canvas, [x, y]) => {
            const box = canvas.getBoundingClientRect();
            const scale = canvas.width / box.width;
            const pen = canvas.getContext('2d');
            return Array.from(pen.getImageData((x - box.x) * scale, (y - box.y) * scale, 1, 1).data);
        }""",
        [x, y],
    )
    return red, green, blue


def expect_status(page: Page, words: str) -> None:
    expect(page.locator(".ctv-status")).to_contain_text(words)


def expect_slice(page: Page, words: str, plane: str = "axial") -> None:
    expect(page.locator(f".ctv-{plane} canvas")).to_have_attribute("aria-label", re.compile(re.escape(words)))


def mid_lung(hu: np.ndarray) -> int:
    """The slice, from 1, in the middle of those that hold at least half as much lung as the one with most."""
    inner = hu[:, SIZE // 4 : -SIZE // 4, SIZE // 4 : -SIZE // 4]
    areas = ((inner >= -950) & (inner <= -500)).sum(axis=(1, 2))
    large = np.flatnonzero(areas >= areas.max() / 2)
    return int(large[0] + large[-1]) // 2 + 1


def expect_mid_lung(page: Page, hu: np.ndarray | None = None) -> None:
    """Where a finished volume is shown, unless the person has gone elsewhere. `hu`: if it is not that of seed 0."""
    made = chest(96, 0, "I") if hu is None else hu
    expect_slice(page, f"Axial  {mid_lung(made)} / {len(made)}")


def write_report(page: Page, findings: str) -> None:
    page.get_by_label("Findings").fill(findings)


def generate(page: Page) -> None:
    page.get_by_role("button", name="Generate", exact=True).click()


def expect_window(page: Page, name: str) -> None:
    """The preset that is chosen; "Other" if it is none of them."""
    expect(page.get_by_role("combobox", name="Window").locator("option:checked")).to_have_text(name)


def stop(page: Page) -> None:
    page.get_by_role("button", name="Stop", exact=True).click()
