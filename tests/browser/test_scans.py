"""Real scans that a person opens: by button and by drop, seen on their right side, continued; and settings files."""

import base64
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from playwright.sync_api import Locator, Page, Route, expect

from ctflow.io.nifti import write_nifti
from ctflow.volume import Volume, plane_affine
from tests.app.fake import SPACING_MM, chest, sleeping
from tests.browser.conftest import Visit
from tests.browser.test_access import AXE, violations
from tests.browser.viewer import expect_status, generate, place_of, point_at, write_report
from tests.io.scans import write_dicom

Open = Callable[..., Visit]
SLICES = 48
SIDES = [(0.3, 0.5), (0.7, 0.5), (0.58, 0.42), (0.3, 0.7)]  # right lung, left lung, heart, liver


@pytest.fixture
def ct(tmp_path: Path) -> Path:
    """The fake model's chest, with each axis the other way than the model has it."""
    path = tmp_path / "Doe Jane.nii.gz"
    hu = np.ascontiguousarray(chest(SLICES, 3, "I")[::-1, ::-1, ::-1])
    write_nifti(Volume(hu, plane_affine(("S", "A", "R"), SPACING_MM, 256, 256)), path, "")
    return path


def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Open", exact=True)


def open_files(page: Page, *files: Path) -> None:
    page.get_by_role("button", name="Open scan…").click()
    dialog(page).locator("input[type=file]").first.set_input_files(files)


def drop(page: Page, *files: Path) -> None:
    """As a person does: over the page first, where one sees that they may be dropped."""
    told = [[file.name, base64.b64encode(file.read_bytes()).decode()] for file in files]
    transfer = page.evaluate_handle(
        """files => {
            const transfer = new DataTransfer();
            for (const [name, data] of files) {
                transfer.items.add(new File([Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0))], name));
            }
            return transfer;
        }""",
        told,
    )
    target = page.locator("body")
    target.dispatch_event("dragenter", {"dataTransfer": transfer})
    expect(page.get_by_text("Drop a scan")).to_be_visible()
    target.dispatch_event("dragover", {"dataTransfer": transfer})
    target.dispatch_event("drop", {"dataTransfer": transfer})
    expect(page.get_by_text("Drop a scan")).to_be_hidden()


def expect_chest(page: Page) -> None:
    """Each voxel of the axial plane is that of the file, at its place in the patient."""
    hu = chest(SLICES, 3, "I")
    for share in SIDES:
        seen, slice_, row, column = point_at(page, "axial", share, SLICES)
        there = (SLICES - 1 - slice_, 255 - row, 255 - column)
        assert seen == hu[there]
        assert abs(there[2] - share[0] * 256) < 2, "the patient's right is on the left of the screen"
        assert abs(there[1] - share[1] * 256) < 2


@pytest.mark.parametrize("how", [open_files, drop])
def test_a_scan_is_seen_on_its_side_with_its_hu_and_never_as_synthetic(
    visit: Open, ct: Path, how: Callable[..., None]
) -> None:
    seen = visit(sleeping(0))
    page = seen.page
    how(page, ct)
    expect_status(page, "Scan: 48 slices, 144 mm.")
    expect(dialog(page)).to_be_hidden()
    expect_chest(page)
    write_report(page, "Clear lungs.")
    expect(page.locator(".ct-sentence")).to_contain_text("Clear lungs.")
    expect(page.locator(".ct-sentence mark")).to_have_count(0)  # a scan has no report that it could differ from
    card = page.locator(".ctv-strip li")
    expect(card).to_contain_text("Doe Jane.nii.gz")
    expect(card).to_contain_text("Scan")
    expect(page.get_by_role("button", name="Settings (JSON)")).to_be_hidden()
    page.locator(".ctv-bar").get_by_role("button", name="Picture", exact=True).click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save PNG").click()
    assert waiting.value.suggested_filename == "scan.png"
    page.keyboard.press("Escape")
    page.reload()
    expect_status(page, "Scan: 48 slices, 144 mm.")
    expect_chest(page)
    seen.check_clean()


def test_a_scan_downloads_as_it_was_opened(visit: Open, ct: Path, tmp_path: Path) -> None:
    page = visit(sleeping(0)).page
    open_files(page, ct)
    expect_status(page, "Scan: 48 slices")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download NIfTI").click()
    assert waiting.value.suggested_filename == "scan.nii.gz"
    waiting.value.save_as(tmp_path / "again.nii.gz")
    before, after = (sitk.ReadImage(str(path)) for path in (ct, tmp_path / "again.nii.gz"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(after), sitk.GetArrayFromImage(before))
    assert after.GetDirection() == before.GetDirection()


def test_of_a_zip_with_several_series_the_person_chooses_one(visit: Open, tmp_path: Path) -> None:
    def other(i: int, tags: dict[str, str]) -> None:
        tags["0020|000e"], tags["0008|103e"] = "1.2.3.5", "Lung thin"
        if i > 3:
            tags["skip"] = ""

    with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
        for folder in (write_dicom(tmp_path / "a"), write_dicom(tmp_path / "b", other)):
            for file in folder.iterdir():
                archive.write(file, f"{folder.name}/{file.name}")
    page = visit(sleeping(0)).page
    open_files(page, tmp_path / "study.zip")
    expect(dialog(page).get_by_text("It holds 2 series. Which one?")).to_be_visible()
    expect(dialog(page).get_by_label("No description · CT · 6 slices")).to_be_checked()
    if AXE.exists():
        assert violations(page) == []
    page.keyboard.press("ArrowDown")
    expect(dialog(page).get_by_label("Lung thin · CT · 4 slices")).to_be_checked()
    dialog(page).get_by_role("button", name="Open this series").click()
    expect_status(page, "Scan: 4 slices, 10 mm.")


def test_what_cannot_be_opened_is_refused_in_words_and_what_was_seen_stays(page: Page, tmp_path: Path) -> None:
    def magnetic(i: int, tags: dict[str, str]) -> None:
        if i == 2:  # which lies in the file 7.dcm
            tags["0008|0060"] = "MR"

    open_files(page, *sorted(write_dicom(tmp_path / "dicom", magnetic).iterdir()))
    problem = dialog(page).get_by_role("alert")
    expect(problem).to_have_text("7.dcm is of modality MR; CT was expected.")
    (tmp_path / "words.pdf").write_bytes(b"no scan")
    dialog(page).locator("input[type=file]").first.set_input_files(tmp_path / "words.pdf")
    expect(problem).to_contain_text("There is no scan in what was sent. Open NIfTI")
    page.keyboard.press("Escape")
    expect_status(page, "Done")
    expect(page.locator(".ctv-strip li")).to_have_count(1)
    page.get_by_role("button", name="Open scan…").click()
    expect(problem).to_be_hidden()


def test_a_reload_in_the_middle_of_an_upload_does_not_hold_up_the_next_one(visit: Open, ct: Path) -> None:
    """The server waited two minutes for the rest, and refused the person who opened the scan again."""
    page = visit(sleeping(0)).page
    page.route("**/sent/**", lambda route: None)  # never answered
    open_files(page, ct)
    expect(dialog(page).get_by_text("Sending the scan.")).to_be_visible()
    page.unroute("**/sent/**")
    page.reload()
    page.wait_for_selector(".ctv-canvas")
    open_files(page, ct)
    expect(dialog(page)).to_be_hidden(timeout=90_000)  # which it is not while something is refused
    expect_status(page, "Scan: 48 slices")


def test_an_upload_survives_a_lost_connection_and_can_be_cancelled(visit: Open, ct: Path) -> None:
    page = visit(sleeping(0)).page
    lost: list[Route] = []

    def lose_first(route: Route) -> None:
        lost.append(route)
        if len(lost) == 1:
            route.abort()
        else:
            route.continue_()

    page.route("**/sent/**", lose_first)
    open_files(page, ct)
    expect_status(page, "Scan: 48 slices")
    assert len(lost) > 1
    held: list[Route] = []
    page.unroute("**/sent/**")
    page.route("**/sent/**", lambda route: held.append(route))  # and never answered
    open_files(page, ct)
    expect(dialog(page).get_by_text("Sending the scan.")).to_be_visible()
    dialog(page).get_by_role("button", name="Cancel").click()
    expect(dialog(page)).to_be_hidden()
    page.unroute("**/sent/**")
    open_files(page, ct)  # a scan that was cancelled is not in its way
    expect(page.locator(".ctv-strip li")).to_have_count(2)


def test_a_volume_is_made_that_goes_on_from_a_scan(visit: Open, ct: Path, tmp_path: Path) -> None:
    generator = sleeping(0)
    page = visit(generator).page
    open_files(page, ct)
    expect_status(page, "Scan: 48 slices")
    write_report(page, "Large effusion.")
    page.get_by_role("button", name="Continue this scan…").click()
    if AXE.exists():
        assert violations(page) == []
    page.get_by_role("spinbutton", name="Chunks of the scan that stay").fill("2")
    page.keyboard.press("Tab")
    expect(page.get_by_text("its first 32 slices")).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Continue", exact=True).click()
    expect_status(page, "Continued from a scan: 96 slices")
    (start,) = generator.starts
    assert start is not None
    assert (start.mode, start.slices) == ("gt-head", 32)
    assert generator.requests[0].report.findings == "Large effusion."
    page.locator(".ctv-axial canvas").focus()
    page.keyboard.press("Home")
    page.mouse.move(*place_of(page, "axial", SIDES[0], 96))
    there = chest(SLICES, 3, "I")[0, 127, 76]
    words = f"A {there} HU  B {there} HU   column 77  row 128  slice 1 "
    expect(page.locator(".ctv-readout")).to_contain_text(words)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Settings (JSON)").click()
    waiting.value.save_as(tmp_path / "settings.json")
    assert json.loads((tmp_path / "settings.json").read_text())["start"]["slices"] == 32


def test_a_settings_file_fills_the_fields_for_the_same_volume(visit: Open, tmp_path: Path) -> None:
    generator = sleeping(0)
    page = visit(generator).page
    page.get_by_role("button", name="Cardiomegaly").click()
    page.get_by_role("spinbutton", name="Seed").fill("77")
    page.get_by_role("button", name="More").click()
    page.get_by_role("spinbutton", name="Length").fill("2")
    page.keyboard.press("Tab")
    generate(page)
    expect_status(page, "Done")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Settings (JSON)").click()
    path = tmp_path / "settings.json"
    waiting.value.save_as(path)
    page.get_by_role("button", name="Normal study").click()
    page.get_by_role("spinbutton", name="Seed").fill("1")
    page.get_by_role("spinbutton", name="Length").fill("3")
    page.keyboard.press("Tab")
    drop(page, path)
    expect_status(page, "The fields hold the settings of settings.json.")
    expect(page.get_by_role("spinbutton", name="Seed")).to_have_value("77")
    generate(page)
    expect(page.locator(".ctv-strip > li")).to_have_count(2)
    expect_status(page, "Seed 77.")
    assert generator.requests[0] == generator.requests[1]
    other = json.loads(path.read_text()) | {"model": {"name": "another", "sha256": "1" * 64}}
    path.write_text(json.dumps(other))
    drop(page, path)
    expect(dialog(page)).to_contain_text("Note: it was made by another, and here runs fake")
    path.write_text("{}")
    page.keyboard.press("Escape")
    drop(page, path)
    expect(dialog(page).get_by_role("alert")).to_contain_text("The file is not a CTFlow sidecar")


def test_a_folder_that_cannot_be_read_and_a_second_scan_are_answered_in_words(
    visit: Open, ct: Path, tmp_path: Path
) -> None:
    page = visit(sleeping(0)).page
    page.evaluate(
        """() => {
            const fails = (done, failed) => failed(new DOMException('gone', 'NotReadableError'));
            const folder = { isDirectory: true, isFile: false, createReader: () => ({ readEntries: fails }) };
            DataTransferItem.prototype.webkitGetAsEntry = () => folder;
        }"""
    )
    drop(page, ct)
    expect(dialog(page).get_by_role("alert")).to_contain_text("A file cannot be read any more")
    page.evaluate("() => { DataTransferItem.prototype.webkitGetAsEntry = () => null; }")
    page.route("**/open", lambda route: None)  # the server never answers, so the first one stays under way
    drop(page, ct)
    drop(page, ct)
    expect(dialog(page).get_by_role("alert")).to_have_text("A scan is being opened. Cancel it before you open another.")


def test_the_planes_keep_their_place_when_a_scan_comes(visit: Open, ct: Path) -> None:
    page = visit(sleeping(0)).page
    before = place_of(page, "axial", (0.5, 0.5), SLICES)
    open_files(page, ct)
    expect_status(page, "Scan: 48 slices")
    assert place_of(page, "axial", (0.5, 0.5), SLICES) == before
