"""The difference B - A as a person sees it: colours and their sign, legend, numbers, ml, and what the reports say."""

import dataclasses
import re
from collections.abc import Callable
from contextlib import closing

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from ctflow.analysis.places import body_of
from ctflow.generator import EventStream, Started
from ctflow.request import GenerationRequest, ScanStart
from ctflow.volume import Volume, plane_affine
from tests.app.fake import SIZE, SPACING_MM, FakeGenerator, Gate, chest, sleeping
from tests.browser.conftest import Visit
from tests.browser.viewer import (
    expect_mid_lung,
    expect_status,
    generate,
    grey_at,
    mid_lung,
    place_of,
    readout,
    write_report,
)

Open = Callable[..., Visit]
SLICES = 96
AXES = ("I", "P", "L")
A_SEED, B_SEED = 3, 0  # the newest is A
DENSER, THINNER = (255, 226, 140), (172, 230, 255)  # at the ends of the legend
AFFINE = plane_affine(AXES, SPACING_MM, SIZE, SIZE)


class Placed(FakeGenerator):
    """Puts the volume of each seed where its affine says."""

    def __init__(self, affines: dict[int, np.ndarray]) -> None:
        super().__init__(lambda chunk, step: None)
        self.affines = affines

    def stream(self, request: GenerationRequest, start: ScanStart | None = None) -> EventStream:
        with closing(super().stream(request, start)) as events:
            for event in events:
                is_start = isinstance(event, Started)
                yield dataclasses.replace(event, affine=self.affines[request.seed]) if is_start else event


def make_two(page: Page) -> None:
    write_report(page, "Large effusion. No nodule.")
    generate(page)
    expect_status(page, f"Seed {B_SEED}")
    write_report(page, "Small effusion. No nodule. One cyst.")
    page.get_by_label("Seed", exact=True).fill(str(A_SEED))
    page.get_by_label("Seed", exact=True).blur()
    generate(page)
    expect_status(page, f"Seed {A_SEED}")


def show_difference(page: Page) -> None:
    page.get_by_role("button", name="Difference", exact=True).click()
    expect(page.locator(".ctv-axial canvas")).to_have_attribute("aria-label", re.compile("difference B − A"))


@pytest.fixture
def page(visit: Open) -> Page:
    """A page that shows the difference of two volumes on one grid, with the axial plane in the middle of A's lungs."""
    page = visit(sleeping(0)).page
    make_two(page)
    expect_mid_lung(page, chest(SLICES, A_SEED, "I"))
    show_difference(page)
    return page


def both() -> tuple[np.ndarray, np.ndarray]:
    return chest(SLICES, A_SEED, "I").astype(int), chest(SLICES, B_SEED, "I").astype(int)


def share_of(row: int, column: int) -> tuple[float, float]:
    return (column + 0.5) / SIZE, (row + 0.5) / SIZE


def vessels() -> tuple[int, tuple[float, float], tuple[float, float]]:
    """The slice that is shown (from 0), and where in it B has a vessel and A lung, and the other way round."""
    a, b = both()
    slice_ = mid_lung(a) - 1
    change = b[slice_] - a[slice_]
    denser, thinner = (
        tuple(np.argwhere(one).mean(axis=0).round().astype(int)) for one in (change > 500, change < -500)
    )
    return slice_, share_of(*denser), share_of(*thinner)


def changed_ml(
    a: np.ndarray, b: np.ndarray, threshold: int, voxel_ml: float = float(np.prod(SPACING_MM)) / 1000
) -> str:
    """What the row says, by numpy."""
    body = body_of(Volume(a.astype(np.int16), AFFINE)) | body_of(Volume(b.astype(np.int16), AFFINE))
    count = (np.abs(b - a)[body] >= threshold).sum()
    ml = count * voxel_ml
    return f"{ml:.{1 if ml < 10 else 0}f} ml changed, {100 * count / body.sum():.1f} % of the body"


def test_what_is_denser_in_b_is_orange_and_what_is_less_dense_is_blue(page: Page) -> None:
    _, denser, thinner = vessels()
    assert grey_at(page, "axial", denser, SLICES) == DENSER
    assert grey_at(page, "axial", thinner, SLICES) == THINNER
    page.get_by_role("button", name="Swap").click()
    expect_status(page, f"Seed {B_SEED}")
    expect(page.locator(".ctv-axial canvas")).to_have_attribute("aria-label", re.compile("difference B − A"))
    assert grey_at(page, "axial", denser, SLICES) == THINNER
    assert grey_at(page, "axial", thinner, SLICES) == DENSER


def test_below_the_threshold_there_is_a_in_grey_and_dim(page: Page) -> None:
    a, b = both()
    slice_, _, _ = vessels()
    row, column = 60, 100  # soft tissue in both
    assert abs(b[slice_, row, column] - a[slice_, row, column]) < 20
    red, green, blue = grey_at(page, "axial", share_of(row, column), SLICES)
    assert red == green == blue
    assert 90 <= red <= 130, "half of a bright grey"


def test_the_readout_says_a_b_and_the_difference(page: Page) -> None:
    a, b = both()
    slice_, denser, _ = vessels()
    page.mouse.move(*place_of(page, "axial", denser, SLICES))
    expect(page.locator(".ctv-readout")).to_contain_text("B − A +")
    found = re.match(r"B − A \+(\d+) HU   A (-?\d+)  B (-?\d+)   column (\d+)  row (\d+)  slice (\d+) ", readout(page))
    assert found, readout(page)
    change, hu_a, hu_b, column, row, shown = map(int, found.groups())
    assert shown == slice_ + 1
    assert (hu_a, hu_b) == (a[slice_, row - 1, column - 1], b[slice_, row - 1, column - 1])
    assert change == hu_b - hu_a
    expect(page.locator(".ctv-tip")).to_contain_text(f"B − A +{change} HU   A {hu_a}  B {hu_b}")


def test_changed_tissue_is_told_in_ml_for_each_threshold_which_the_browser_keeps(page: Page) -> None:
    said = page.locator(".ctv-pair-words")
    expect(said).to_contain_text(changed_ml(*both(), 20))
    threshold = page.get_by_label("Threshold, HU")
    for hu in (5, 979, 1000):
        threshold.fill(str(hu))
        threshold.press("Enter")
        expect(said).to_contain_text(changed_ml(*both(), hu))
    page.get_by_label("Range of the colours, HU").fill("400")
    page.get_by_label("Range of the colours, HU").press("Enter")
    page.reload()
    expect(threshold).to_have_value("1000")
    expect(page.get_by_label("Range of the colours, HU")).to_have_value("400")
    expect(said).to_contain_text(changed_ml(*both(), 1000))


def test_a_threshold_takes_colours_away(page: Page) -> None:
    _, denser, _ = vessels()
    page.get_by_label("Threshold, HU").fill("1000")
    page.get_by_label("Threshold, HU").press("Enter")
    expect(page.locator(".ctv-axial canvas")).to_have_attribute("aria-label", re.compile("from ±1000"))
    red, green, blue = grey_at(page, "axial", denser, SLICES)
    assert red == green == blue


def test_the_legend_stands_in_every_plane_also_where_texts_are_off(page: Page) -> None:
    page.locator(".ctv-axial canvas").focus()
    for texts_on in (True, False):
        for plane in ("axial", "coronal", "sagittal"):
            ends = [pixel_from_the_left(page, plane, x) for x in (13, 12 + 158)]
            assert np.allclose(ends, [THINNER, DENSER], atol=8), (plane, texts_on)
        page.keyboard.press("t")


def pixel_from_the_left(page: Page, plane: str, x: int) -> tuple[int, ...]:
    """Of the legend's bar, which begins 62 pixels above the lower edge."""
    pixel: list[int] = page.locator(f".ctv-{plane} canvas").evaluate(
        """(canvas, x) => {
            const scale = canvas.width / canvas.clientWidth;
            const y = (canvas.clientHeight - 57) * scale;
            return Array.from(canvas.getContext('2d').getImageData(x * scale, y, 1, 1).data).slice(0, 3);
        }""",
        x,
    )
    return tuple(pixel)


def test_what_differs_is_told_word_by_word_whatever_is_shown(page: Page) -> None:
    page.get_by_role("button", name="A alone").click()
    page.get_by_role("button", name="What differs").click()
    dialog = page.get_by_role("dialog", name="What differs")
    expect(dialog.locator(".ctv-words del")).to_have_text(["Large"])
    expect(dialog.locator(".ctv-words ins")).to_have_text(["Small", "One cyst."])
    expect(dialog).to_contain_text(f"seed {B_SEED} → {A_SEED}")
    expect(dialog).to_contain_text(changed_ml(*both(), 20))
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_b_with_other_slices_is_resampled_and_the_page_says_so(visit: Open) -> None:
    spacing_mm = (2.0, *SPACING_MM[1:])  # A's slices are 3 mm apart
    page = visit(Placed({A_SEED: AFFINE, B_SEED: plane_affine(AXES, spacing_mm, SIZE, SIZE)})).page
    make_two(page)
    show_difference(page)
    axial = page.locator(".ctv-axial canvas")
    expect(axial).to_have_attribute("aria-label", re.compile("B is resampled to A's grid for display"))
    a, b = both()
    at = np.arange(64) * 1.5  # B ends at 190 mm, and A's slice 64 lies at 189 mm
    first = at.astype(int)
    following = np.minimum(first + 1, SLICES - 1)
    on_a = np.floor(b[first] + (at - first)[:, None, None] * (b[following] - b[first]) + 0.5).astype(int)
    expect(page.locator(".ctv-pair-words")).to_contain_text(changed_ml(a[:64], on_a, 20))
    page.get_by_label("Axial slice", exact=True).fill("94")
    page.mouse.move(*place_of(page, "axial", (0.5, 0.4), SLICES))
    expect(page.locator(".ctv-readout")).to_contain_text("no difference here   A ")
    assert len({grey_at(page, "axial", (share, 0.4), SLICES) for share in np.linspace(0.3, 0.7, 9)}) <= 4, "hatched"


def test_volumes_that_do_not_overlap_have_no_difference(visit: Open) -> None:
    away = AFFINE.copy()
    away[0, 3] += 2000
    page = visit(Placed({A_SEED: AFFINE, B_SEED: away})).page
    make_two(page)
    show_difference(page)
    expect(page.locator(".ctv-axial canvas")).to_have_attribute("aria-label", re.compile("do not overlap"))
    words = page.locator(".ctv-pair-words")
    expect(words).to_contain_text("do not overlap")
    expect(words).not_to_contain_text("0.0 ml")


def test_while_a_is_made_its_slices_that_are_there_are_compared(visit: Open, gate: Gate) -> None:
    page = visit(FakeGenerator(gate)).page
    gate.open(24)  # all of B: 6 chunks of 4 steps
    write_report(page, "Clear.")
    generate(page)
    expect_status(page, f"Seed {B_SEED}")
    page.get_by_label("Seed", exact=True).fill(str(A_SEED))
    page.get_by_label("Seed", exact=True).blur()
    generate(page)
    gate.open(8)
    a, b = both()
    show_difference_when_it_can_be(page)
    words = page.locator(".ctv-pair-words")
    expect(words).to_contain_text(changed_ml(a[:32], b[:32], 20))
    page.get_by_label("Axial slice", exact=True).fill("60")
    expect(page.locator(".ctv-axial canvas")).to_have_attribute("aria-label", re.compile("not made yet"))
    page.mouse.move(*place_of(page, "axial", (0.5, 0.4), SLICES))
    expect(page.locator(".ctv-readout")).to_contain_text("no difference here   A –  B ")
    gate.open(16)
    expect_status(page, "Done")
    expect(words).to_contain_text(changed_ml(a, b, 20))


def show_difference_when_it_can_be(page: Page) -> None:
    expect(page.get_by_role("button", name="Difference", exact=True)).to_be_enabled()
    show_difference(page)


def test_the_controls_need_no_mouse_and_do_not_move_the_planes(visit: Open) -> None:
    page = visit(sleeping(0)).page
    make_two(page)
    before = page.locator(".ctv-axial canvas").bounding_box()
    page.get_by_role("button", name="Difference", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Range of the colours, HU")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Range of the colours, HU")).to_be_focused()
    page.keyboard.type("500")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Threshold, HU")).to_be_focused()
    page.keyboard.type("50")
    page.keyboard.press("Enter")
    expect(page.locator(".ctv-pair-words")).to_contain_text(changed_ml(*both(), 50))
    assert page.locator(".ctv-axial canvas").bounding_box() == before
