"""What a person takes away from the foot and from the strip."""

from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from playwright.sync_api import Locator, Page, expect

from tests.app.fake import FakeGenerator, chest
from tests.browser.conftest import Visit
from tests.browser.sizes import SIZES
from tests.browser.viewer import expect_status, generate, write_report

Open = Callable[..., Visit]


def downloaded(page: Page, within: Locator, folder: Path) -> tuple[str, list[Path]]:
    """Presses its DICOM button; the name of the zip, and the files in it from the head down."""
    with page.expect_download() as saved:
        within.get_by_role("button", name="Download DICOM (zip)").click()
    with ZipFile(saved.value.path()) as packed:
        packed.extractall(folder)
    (series,) = folder.iterdir()
    return saved.value.suggested_filename, sorted(series.iterdir())


def test_a_dicom_series_is_taken_from_the_foot_and_from_the_strip(page: Page, tmp_path: Path) -> None:
    page.get_by_role("spinbutton", name="Seed").fill("3")
    page.get_by_role("spinbutton", name="Seed").blur()
    generate(page)
    expect_status(page, "Seed 3")
    name, files = downloaded(page, page.locator(".ctv-foot"), tmp_path / "shown")
    assert name.endswith("-seed3-dicom.zip")
    image = sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(files[0].parent)))
    assert image.GetSpacing() == (1.5, 1.5, 3.0)
    # GDCM puts slices in the order in which z grows, and these come from the head down.
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image)[::-1], chest(96, 3, "I"))
    assert "SYNTHETIC" in pydicom.dcmread(files[0]).SeriesDescription
    page.locator(".ctv-strip li").first.get_by_role("button", name="Details of").click()
    dialog = page.get_by_role("dialog", name="Run", exact=True)
    name, files = downloaded(page, dialog, tmp_path / "other")
    assert name.endswith("-seed0-dicom.zip") and len(files) == 96


@pytest.mark.parametrize("size", SIZES)
def test_the_foot_fits_every_window_and_what_stands_under_the_pointer_moves_no_plane(visit: Open, size: str) -> None:
    page = visit(FakeGenerator(lambda *_: None), **SIZES[size]).page
    write_report(page, "Clear.")
    generate(page)
    expect_status(page, "Done")
    foot = page.locator(".ctv-foot")
    assert foot.evaluate("foot => foot.scrollWidth <= foot.clientWidth")
    for button in foot.get_by_role("button").filter(visible=True).all():
        box = button.bounding_box()
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= SIZES[size]["width"]
    before = page.locator(".ctv-axial canvas").bounding_box()
    words = "-1000 HU   column 256  row 256  slice 96   R 190.8 A 190.8 I 285.0 mm"
    page.locator(".ctv-readout").evaluate("(readout, words) => { readout.textContent = words; }", words)
    expect(page.locator(".ctv-readout")).to_have_text(words)
    assert page.locator(".ctv-axial canvas").bounding_box() == before
    page.locator(".ctv-readout").evaluate("readout => { readout.textContent = ''; }")
    assert page.locator(".ctv-axial canvas").bounding_box() == before
