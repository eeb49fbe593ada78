"""The whole way of a person through the page, with a generator whose every voxel is known."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from playwright.sync_api import Page, expect

from ctflow.report import Report
from ctflow.windows import WINDOWS, windowed
from tests.app.fake import DRAFT_HU, FakeGenerator, Gate, chest, sleeping
from tests.browser.conftest import Visit
from tests.browser.viewer import (
    expect_mid_lung,
    expect_slice,
    expect_status,
    generate,
    grey_at,
    place_of,
    point_at,
    stop,
    write_report,
)

Open = Callable[..., Visit]
SLICES = 96
STEPS = 4


def download(page: Page, folder: Path) -> Path:
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download NIfTI").click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def test_the_whole_way(visit: Open, gate: Gate, tmp_path: Path) -> None:
    """Report, first slices while the rest is made, scroll, stop, again, download, and the file holds what was seen."""
    generator = FakeGenerator(gate)
    seen = visit(generator)
    page = seen.page
    report = "A nodule in the right lung. <img src=x onerror=console.error(1)>"
    write_report(page, report)
    expect(page.locator(".ct-tokens")).to_contain_text("of 64 tokens")

    generate(page)
    gate.open(2 * STEPS)
    expect_slice(page, "32 / 96")
    expect_status(page, "Making slices 17 to 32")
    made = chest(SLICES, 0, "I")
    hu, *index = point_at(page, "axial", (0.3, 0.5), SLICES)
    assert hu == made[tuple(index)]
    assert index[0] == 31
    grey = grey_at(page, "axial", (0.3, 0.5), SLICES)
    assert abs(grey[0] - int(windowed(np.array(hu), WINDOWS[0]))) <= 3

    for _ in range(5):
        page.mouse.wheel(0, -100)
    expect_slice(page, "27 / 96")
    gate.open(STEPS)
    expect_status(page, "Making slices 33 to 48")
    expect_slice(page, "27 / 96")

    stop(page)
    expect_status(page, "Stopping after this step.")
    gate.open(1)
    expect_status(page, "Stopped. 48 of 96 slices kept.")
    partial = download(page, tmp_path)
    assert re.fullmatch(r"synthetic-ctflow-fake-[0-9a-f]{8}-seed0-PARTIAL-48of96\.nii\.gz", partial.name)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(partial)), made[:48])

    gate.open(6 * STEPS)
    generate(page)
    expect_status(page, "Done: 96 slices, 288 mm")
    assert generator.requests == 2 * [generator.card.request(Report(report), seed=0)], "nothing that was not typed"
    image = sitk.ReadImage(download(page, tmp_path))
    assert image.GetSpacing() == (1.5, 1.5, 3.0)
    np.testing.assert_allclose(image.GetDirection(), [1, 0, 0, 0, 1, 0, 0, 0, -1], atol=1e-6)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), made)
    seen.check_clean()


def test_what_is_not_made_yet_is_hatched_and_has_no_hu(visit: Open, gate: Gate) -> None:
    page = visit(FakeGenerator(gate)).page
    write_report(page, "Clear.")
    generate(page)
    gate.open(STEPS)
    expect_slice(page, "16 / 96")
    hatched = grey_at(page, "coronal", (0.3, 0.8), SLICES)
    assert hatched[2] > hatched[0], "bluish, as no HU is"
    page.mouse.move(*place_of(page, "coronal", (0.3, 0.8), SLICES))
    expect(page.locator(".ctv-readout")).to_contain_text("not made yet")


def test_a_draft_is_seen_before_the_first_slices_and_nothing_of_it_after_them(
    visit: Open, gate: Gate, tmp_path: Path
) -> None:
    page = visit(FakeGenerator(gate, drafts=True)).page
    write_report(page, "Clear.")
    generate(page)
    gate.open(1)
    expect_slice(page, "16 / 96  draft, Draft")
    grey = grey_at(page, "axial", (0.08, 0.2), SLICES)
    assert abs(grey[0] - int(windowed(np.array(DRAFT_HU), WINDOWS[0]))) <= 3, "where a chest has air, which is black"
    page.mouse.move(*place_of(page, "axial", (0.3, 0.5), SLICES))
    expect(page.locator(".ctv-readout")).to_contain_text("draft")
    expect_status(page, "Making slices 1 to 16 of 96")
    expect(page.get_by_role("button", name="Download NIfTI")).to_be_disabled()
    gate.open(STEPS - 1)
    expect(page.locator(".ctv-axial canvas")).to_have_attribute("aria-label", re.compile("16 / 96$"))
    hu, *index = point_at(page, "axial", (0.3, 0.5), SLICES)
    assert hu == chest(SLICES, 0, "I")[tuple(index)]
    gate.open(5 * STEPS)
    expect_status(page, "Done: 96 slices")
    image = sitk.GetArrayFromImage(sitk.ReadImage(download(page, tmp_path)))
    np.testing.assert_array_equal(image, chest(SLICES, 0, "I"))


@pytest.mark.parametrize("towards", ["I", "S"])
def test_no_plane_shows_the_wrong_side(visit: Open, towards: str) -> None:
    """The patient's right is on the left, the head is up, the front is up or left, whichever way the slices grow."""
    page = visit(sleeping_towards(towards)).page
    write_report(page, "Clear.")
    generate(page)
    expect_status(page, "Done")
    made = chest(SLICES, 0, towards)
    apex, base = (0, SLICES - 1) if towards == "I" else (SLICES - 1, 0)
    corners = {
        "axial": [((0.01, 0.01), (None, 2, 2)), ((0.99, 0.99), (None, 253, 253))],
        "coronal": [((0.01, 0.005), (apex, None, 2)), ((0.99, 0.995), (base, None, 253))],
        "sagittal": [((0.01, 0.005), (apex, 2, None)), ((0.99, 0.995), (base, 253, None))],
    }
    for plane, places in corners.items():
        for share, expected in places:
            hu, *index = point_at(page, plane, share, SLICES)
            assert hu == made[tuple(index)]
            assert all(want in (None, got) for got, want in zip(index, expected, strict=True)), (plane, index, expected)


def sleeping_towards(towards: str) -> FakeGenerator:
    return FakeGenerator(lambda chunk, step: None, towards)


@pytest.mark.parametrize("towards", ["I", "S"])
def test_a_volume_that_ends_early_keeps_every_voxel_in_its_place(visit: Open, towards: str) -> None:
    page = visit(FakeGenerator(lambda chunk, step: None, towards, ends_at=40)).page
    write_report(page, "Clear.")
    generate(page)
    expect_status(page, "Done: 40 slices, 120 mm")
    made = chest(SLICES, 0, towards)[:40]
    expect_mid_lung(page, made)
    for share in ((0.3, 0.02), (0.3, 0.4), (0.7, 0.98)):
        hu, *index = point_at(page, "coronal", share, 40)
        assert hu == made[tuple(index)]


def test_an_empty_report_is_explained_beside_the_button(visit: Open) -> None:
    seen = visit(sleeping(0))
    generate(seen.page)
    expect(seen.page.get_by_role("alert").filter(has_text="The report is empty")).to_be_visible()
    seen.check_clean()


def test_a_failure_keeps_what_was_made_and_another_run_works(visit: Open) -> None:
    failing = True

    def step(chunk: int, number: int) -> None:
        if failing and chunk == 2:
            raise KeyError("secret")

    page = visit(FakeGenerator(step)).page
    write_report(page, "Clear.")
    generate(page)
    expect_status(page, "Something broke on our side (id ")
    expect_status(page, "32 of 96 slices kept.")
    failing = False
    generate(page)
    expect_status(page, "Done")


def test_what_the_model_recognised_is_shown_while_one_writes(visit: Open) -> None:
    generator = FakeGenerator(lambda chunk, step: None, known=("Pleural effusion", "Pneumothorax"))
    seen = visit(generator)
    page = seen.page
    expect(page.locator(".ct-known summary")).to_have_text("The 2 findings that this model reads")
    expect(page.locator(".ct-sentence")).to_have_count(0)
    write_report(page, "Large right pleural effusion. No pneumothorax. <img src=x onerror=console.error(1)> lies.")
    expect(page.locator(".ct-asserted")).to_have_text(["Pleural effusion, right, large"])
    expect(page.locator(".ct-denied")).to_have_text(["no pneumothorax"])
    expect(page.locator(".ct-words").last).to_have_text("<img src=x onerror=console.error(1)> lies.")
    expect(page.locator(".ct-unread")).to_have_text(["not recognised"])
    expect(page.locator(".ct-known p")).to_be_hidden()
    page.locator(".ct-known summary").click()
    expect(page.locator(".ct-known p")).to_have_text("Pleural effusion, Pneumothorax.")
    write_report(page, "Large right pleural effusion. No pleural effusion.")
    expect(page.locator(".ct-contradicted")).to_have_text("The report both asserts and denies: Pleural effusion.")
    write_report(page, "")
    expect(page.locator(".ct-sentence, .ct-contradicted").filter(visible=True)).to_have_count(0)
    seen.check_clean()


def test_a_model_that_cannot_say_what_it_recognised_shows_nothing_of_it(visit: Open) -> None:
    page = visit(sleeping(0)).page
    write_report(page, "Large right pleural effusion.")
    expect(page.locator(".ct-tokens")).to_contain_text("of 64 tokens")
    expect(page.locator(".ct-words")).to_have_text(["Large right pleural effusion."])
    expect(page.locator(".ct-chips, .ct-known").filter(visible=True)).to_have_count(0)


def test_an_example_fills_the_report_in_one_click(visit: Open) -> None:
    generator = sleeping(0)
    page = visit(generator).page
    page.get_by_role("button", name="Large right effusion").click()
    expect(page.get_by_label("Findings")).to_have_value(re.compile("^Large right pleural effusion"))
    expect(page.get_by_label("Age (optional)")).to_have_value("63")
    generate(page)
    expect_status(page, "Done")
    report = generator.requests[0].report
    assert (report.sex, report.age) == ("M", 63)
