"""DICOM folders, and each reason to refuse one."""

import os
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import Tag
from pydicom.uid import (
    ExplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
    RLELossless,
    RTDoseStorage,
    XRayRadiationDoseSRStorage,
    generate_uid,
)

from ctflow.errors import VolumeError
from ctflow.io.dicom import find_series, read_dicom, read_series
from ctflow.io.scan import read_scan, read_volume
from ctflow.volume import plane_affine
from tests.io.geometry import Chest, hu_with_ball, off_in_voxels, write_by_pydicom
from tests.io.scans import ORIGIN, values, write_dicom


def edit_tag(tag: str, value: str, only: int | None = None) -> Callable[[int, dict[str, str]], None]:
    def edit(i: int, tags: dict[str, str]) -> None:
        if only in (None, i):
            tags[tag] = value

    return edit


def shear(i: int, tags: dict[str, str]) -> None:
    tags["0020|0032"] = f"{ORIGIN[0]}\\{ORIGIN[1] + 0.5 * i}\\{ORIGIN[2] + 2.5 * i}"


def twice(i: int, tags: dict[str, str]) -> None:
    tags["0020|0032"] = f"{ORIGIN[0]}\\{ORIGIN[1]}\\{ORIGIN[2] + 2.5 * (i - (i > 3))}"


def uneven(i: int, tags: dict[str, str]) -> None:
    tags["0020|0032"] = f"{ORIGIN[0]}\\{ORIGIN[1]}\\{ORIGIN[2] + 2.5 * i + 0.4 * (i > 3)}"


def oblique(i: int, tags: dict[str, str]) -> None:
    """Turned by 0.5 rad about x."""
    tags["0020|0037"] = f"1\\0\\0\\0\\{np.cos(0.5)}\\{np.sin(0.5)}"
    tags["0020|0032"] = f"0\\{-2.5 * i * np.sin(0.5)}\\{2.5 * i * np.cos(0.5)}"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (edit_tag("0008|0060", "MR"), "modality MR; CT was expected"),
        (edit_tag("0008|0060", "PT"), "modality PT"),
        (edit_tag("colour", ""), "colour image"),
        (shear, "tilted gantry"),
        (edit_tag("skip", "", only=3), "missing slices"),
        (uneven, "uneven spacing"),
        (twice, "several slices at one place"),
        (edit_tag("0020|000e", "1.2.3.5", only=2), "holds 2 DICOM series"),
        (edit_tag("0020|0037", "1\\0\\0\\0\\0\\-1", only=2), "size or plane"),
        (edit_tag("0008|0060", ""), "modality unknown"),
        (lambda i, tags: tags.update(skip="") if i else None, "single slice"),
        (oblique, "28.6 degrees off the patient's"),
    ],
)
def test_a_dicom_folder_that_is_not_one_upright_ct_is_refused(
    tmp_path: Path, edit: Callable[[int, dict[str, str]], None], said: str
) -> None:
    with pytest.raises(VolumeError, match=said):
        read_scan(write_dicom(tmp_path / "dicom", edit))


@pytest.mark.parametrize(
    ("element", "value", "said"),
    [
        (0x32, b"", "does not say its position"),
        (0x32, b"1\\2", "says .* for its position; 3 numbers were expected"),
        (0x37, b"1\\0\\0\\0\\x\\0", "says .* for its orientation; 6 numbers were expected"),
    ],
)
def test_a_dicom_file_with_words_where_numbers_belong_is_refused(
    tmp_path: Path, element: int, value: bytes, said: str
) -> None:
    """Such a header ended in a ValueError. SimpleITK writes none, so its bytes are changed."""
    file = write_dicom(tmp_path / "dicom") / "7.dcm"
    data = file.read_bytes()
    begin = data.index(struct.pack("<2H", 0x20, element)) + 8
    (length,) = struct.unpack_from("<I", data, begin - 4)
    file.write_bytes(data[:begin] + value.ljust(length) + data[begin + length :])
    with pytest.raises(VolumeError, match=said):
        read_scan(tmp_path / "dicom")


@pytest.mark.parametrize("name", ["4.dcm", "7.dcm"])
def test_a_dicom_file_that_was_cut_short_is_refused(tmp_path: Path, name: str) -> None:
    """At the end of the scan, where no gap would tell, and inside."""
    folder = write_dicom(tmp_path / "dicom")
    file = folder / name
    file.write_bytes(file.read_bytes()[:-60])
    with pytest.raises(VolumeError, match=f"{name} is no whole DICOM image"):
        read_scan(folder)


def test_a_folder_without_dicom_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VolumeError, match="no DICOM series"):
        read_scan(tmp_path)


def test_reading_dicom_leaves_the_locale_as_it_was(tmp_path: Path) -> None:
    """GDCM set that of the whole process to "C", and from then on Python took text files for ASCII."""
    code = """
import locale, sys
from pathlib import Path
from ctflow.io.scan import read_volume
before = locale.setlocale(locale.LC_ALL)
read_volume(Path(sys.argv[1]))
assert locale.setlocale(locale.LC_ALL) == before, locale.setlocale(locale.LC_ALL)
Path(sys.argv[2]).write_text("Erguß")
"""
    command = [sys.executable, "-c", code, str(write_dicom(tmp_path / "dicom")), str(tmp_path / "a.txt")]
    subprocess.run(command, env={**os.environ, "LC_ALL": "C.UTF-8"}, check=True)
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "Erguß"


def chest(slices: int = 8, step_mm: float = 3.0) -> Chest:
    """Slices to the head, rows to the back, columns to the left, from a place that no default gives."""
    affine = plane_affine(("S", "P", "L"), (step_mm, 1.6, 1.5), 10, 12)
    affine[:3, 3] = (-37.5, 12.25, -411.5)
    ball = np.array([5, 6, 3])
    return Chest(hu_with_ball((slices, 10, 12), ball), affine, (affine @ (*ball, 1))[:3])


def edited(**values: Any) -> Callable[[Dataset, int], None]:
    """Changes elements of every slice; None takes one away."""

    def edit(ds: Dataset, i: int) -> None:
        for name, value in values.items():
            if value is None:
                delattr(ds, name)
            else:
                ds.add_new(name, dictionary_VR(name), value)

    return edit


def upper(edit: Callable[[Dataset, int], None]) -> Callable[[Dataset, int], None]:
    """The edit in the upper half alone."""
    return lambda ds, i: edit(ds, i) if i >= 4 else None


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (edited(PixelSpacing=None), "does not say its PixelSpacing"),
        (edited(PixelSpacing=""), "does not say its PixelSpacing"),
        (edited(PixelSpacing=["0", "0"]), "for its PixelSpacing; 2 lengths above 0 were expected"),
        (edited(PixelSpacing=["-1.6", "-1.5"]), "for its PixelSpacing; 2 lengths above 0 were expected"),
        (edited(PixelSpacing=["1.6", "0"]), "for its PixelSpacing; 2 lengths above 0 were expected"),
        (edited(PixelSpacing="1.6"), "for its PixelSpacing; 2 numbers were expected"),
        (upper(edited(PixelSpacing=["0.8", "0.8"])), "has a PixelSpacing of 0.8 × 0.8 mm, others of"),
        (upper(edited(PixelSpacing=None)), "does not say its PixelSpacing"),
        (edited(ImageOrientationPatient=["0"] * 6), "for its orientation; two directions of length 1"),
        (edited(ImageOrientationPatient=["1", "0", "0", "1", "0", "0"]), "for its orientation; two directions"),
        (edited(ImageOrientationPatient=None), "does not say its orientation"),
        (edited(ImagePositionPatient=None), "does not say its position"),
        (edited(PhotometricInterpretation="MONOCHROME1"), "stored as MONOCHROME1; MONOCHROME2 was expected"),
        (edited(Modality="MR"), "modality MR"),
        (edited(RescaleSlope="0"), "rescale slope of 0; one above 0 was expected"),
        (edited(RescaleSlope="-1"), "rescale slope of -1; one above 0 was expected"),
        (upper(edited(BitsStored=8)), "stores 8 of 16 bits with 15 as the highest"),
        (upper(edited(RescaleIntercept=None)), "rescale intercept in 4 of 8 slices"),
        (upper(edited(SeriesInstanceUID="1.2.3")), "holds 2 DICOM series"),
        (edited(ImagePositionPatient=["0", "0", "0"]), "several slices at one place"),
    ],
)
@pytest.mark.parametrize("signed", [True, False])
def test_a_series_whose_place_scale_or_values_are_in_doubt_is_refused(
    tmp_path: Path, edit: Callable[[Dataset, int], None], said: str, signed: bool
) -> None:
    """A missing spacing was taken for 1 mm, another one passed over, and MONOCHROME1 turned the values round."""
    with pytest.raises(VolumeError, match=said):
        read_scan(write_by_pydicom(chest(), tmp_path / "dicom", edit, signed))


def fill(path: Path, kind: str) -> None:
    whole = path.read_bytes()
    path.write_bytes({"empty": b"", "zeros": bytes(len(whole)), "cut": whole[:100], "header": whole[:400]}[kind])


def test_a_file_of_several_frames_is_refused(tmp_path: Path) -> None:
    def edit(ds: Dataset, i: int) -> None:
        ds.NumberOfFrames = "2"
        ds.PixelData *= 2
        ds["PixelData"].VR = "OW"

    with pytest.raises(VolumeError, match="holds 2 frames; one file per slice was expected"):
        read_scan(write_by_pydicom(chest(), tmp_path / "dicom", edit))


@pytest.mark.parametrize("kind", ["empty", "zeros", "cut", "header"])
def test_slices_that_cannot_be_read_are_counted_and_named(tmp_path: Path, kind: str) -> None:
    """Of a series copied onto a full disk the lower part was read, without a word."""
    folder = write_by_pydicom(chest(), tmp_path / "dicom")
    for name in ("35-IM5.dcm", "42-IM6.dcm", "49-IM7.dcm", "28-IM4.dcm"):
        fill(folder / name, kind)
    said = "holds 4 files, of 8, that are no whole DICOM images: 28-IM4.dcm, 35-IM5.dcm, 42-IM6.dcm and 1 more"
    with pytest.raises(VolumeError, match=said):
        read_scan(folder)


def test_a_slice_with_fewer_pixels_than_its_header_says_is_broken(tmp_path: Path) -> None:
    """GDCM filled it up with anything."""

    def edit(ds: Dataset, i: int) -> None:
        if i == 3:
            ds.PixelData = ds.PixelData[:-20]
            ds["PixelData"].VR = "OW"

    with pytest.raises(VolumeError, match=r"IM3\.dcm is no whole DICOM image"):
        read_scan(write_by_pydicom(chest(), tmp_path / "dicom", edit))


def test_compressed_slices_are_read_and_known_to_be_cut_short(tmp_path: Path) -> None:
    def compress(ds: Dataset, i: int) -> None:
        ds.compress(RLELossless, generate_instance_uid=False)

    folder = write_by_pydicom(chest(), tmp_path / "dicom", compress)
    np.testing.assert_array_equal(read_scan(folder).hu, chest().hu)
    file = folder / "21-IM3.dcm"
    file.write_bytes(file.read_bytes()[:-60])
    with pytest.raises(VolumeError, match=r"IM3\.dcm is no whole DICOM image"):
        read_scan(folder)


@pytest.mark.parametrize("ending", ["", ".IMA", ".001"])
@pytest.mark.parametrize("content", [b"", b"broken"])
def test_a_broken_slice_is_known_by_its_name(tmp_path: Path, ending: str, content: bytes) -> None:
    folder = write_by_pydicom(chest(), tmp_path / "dicom")
    for path in folder.iterdir():
        path.rename(path.with_suffix(ending))
    (folder / f"49-IM7{ending}").write_bytes(content)
    with pytest.raises(VolumeError, match=f"49-IM7{ending} is no whole DICOM image"):
        read_scan(folder)


def test_what_lies_beside_a_series_and_is_no_slice_is_passed_over(tmp_path: Path) -> None:
    folder = write_by_pydicom(chest(), tmp_path / "dicom")
    for name in ("dicomdir", "DICOMDIR", "README.txt", ".DS_Store", "._35-IM5.dcm", "report.pdf", "LICENSE"):
        (folder / name).write_bytes(b"not a slice")
    (folder / "deeper").mkdir()
    assert off_in_voxels(read_scan(folder), chest()) < 1e-3


def test_a_dose_of_one_frame_beside_a_series_is_named(tmp_path: Path) -> None:
    """It ended in a traceback of SimpleITK's."""
    folder = write_by_pydicom(chest(), tmp_path / "dicom")
    dose = edited(
        SOPClassUID=RTDoseStorage,
        Modality="RTDOSE",
        NumberOfFrames="1",
        FrameIncrementPointer=Tag(0x3004, 0x000C),
        GridFrameOffsetVector="0",
        DoseGridScaling="0.001",
    )

    def edit(ds: Dataset, i: int) -> None:
        dose(ds, i)
        ds.file_meta.MediaStorageSOPClassUID = RTDoseStorage

    alone = replace(chest(), hu=chest().hu[:1])
    write_by_pydicom(alone, tmp_path / "dose", edit)
    (tmp_path / "dose" / "00-IM0.dcm").rename(folder / "RD.dcm")
    with pytest.raises(VolumeError, match=r"RD\.dcm"):
        read_scan(folder)


def test_each_slice_is_rescaled_by_its_own_header(tmp_path: Path) -> None:
    """The type of the first one was taken for all, and -1000 HU became 64,536."""

    def edit(ds: Dataset, i: int) -> None:
        if i == 0:
            ds.RescaleIntercept = "0"
            ds.PixelData = np.maximum(chest().hu[0], 0).astype("<u2").tobytes()
            ds["PixelData"].VR = "OW"
        if i == 1:
            ds.RescaleSlope, ds.RescaleIntercept = "0.5", "-1024"
            ds.PixelData = ((chest().hu[1] + 1024) * 2).astype("<u2").tobytes()
            ds["PixelData"].VR = "OW"

    hu = read_scan(write_by_pydicom(chest(), tmp_path / "dicom", edit)).hu
    np.testing.assert_array_equal(hu[1:], chest().hu[1:])
    np.testing.assert_array_equal(hu[0], np.maximum(chest().hu[0], 0))


@pytest.mark.parametrize("step_mm", [0.625, 0.25, 1.25])
def test_positions_rounded_to_a_tenth_lie_on_a_straight_line_all_the_same(tmp_path: Path, step_mm: float) -> None:
    """Neighbours were compared, and 0.7 mm beside 0.6 mm was taken for a gap."""

    def edit(ds: Dataset, i: int) -> None:
        ds.ImagePositionPatient[2] = f"{float(ds.ImagePositionPatient[2]):.1f}"

    made = chest(slices=60, step_mm=step_mm)
    volume = read_scan(write_by_pydicom(made, tmp_path / "dicom", edit))
    assert volume.spacing_mm[0] == pytest.approx(step_mm, abs=0.002)
    assert off_in_voxels(volume, made) < 0.5


@pytest.mark.parametrize("gone", [1, 30, 58])
@pytest.mark.parametrize("step_mm", [0.625, 0.25, 3.0])
def test_one_missing_slice_is_found_at_any_place(tmp_path: Path, gone: int, step_mm: float) -> None:
    folder = write_by_pydicom(chest(slices=60, step_mm=step_mm), tmp_path / "dicom")
    (path,) = folder.glob(f"*-IM{gone}.dcm")
    path.unlink()
    with pytest.raises(VolumeError, match="missing slices"):
        read_scan(folder)


def test_a_folder_or_a_slice_whose_name_is_not_utf8_is_refused(tmp_path: Path) -> None:
    """The process ended in C++, by SIGABRT."""
    folder = write_by_pydicom(chest(), tmp_path / "dicom")
    with pytest.raises(VolumeError, match="not UTF-8"):
        read_scan(folder.rename(tmp_path / os.fsdecode(b"M\xfcller")))
    folder = write_by_pydicom(chest(), tmp_path / "dicom")
    (folder / "35-IM5.dcm").rename(folder / os.fsdecode(b"M\xfc.dcm"))
    with pytest.raises(VolumeError, match="has a name that is not UTF-8"):
        read_scan(folder)


def test_what_an_archive_sends_beside_the_slices_is_no_broken_slice(tmp_path: Path) -> None:
    """A report of the dose and a directory lie in every study, and a whole series was refused for them."""
    folder = write_dicom(tmp_path / "dicom")
    for name, storage in (("dose.dcm", XRayRadiationDoseSRStorage), ("DIR.dcm", MediaStorageDirectoryStorage)):
        report = Dataset()
        report.file_meta = FileMetaDataset()
        report.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        report.SOPClassUID, report.SOPInstanceUID = storage, generate_uid()
        report.save_as(folder / name, enforce_file_format=True)
    assert read_volume(folder).hu.shape == (6, 7, 9)


def test_the_series_of_a_folder_are_told_apart_before_any_is_read(tmp_path: Path) -> None:
    folder = write_dicom(tmp_path / "a", edit_tag("0008|103e", "Lung"))
    for file in write_dicom(
        tmp_path / "b", several({"0020|000e": "1.2.3.5", "0018|0050": "5", "skip": ""}, 4)
    ).iterdir():
        file.rename(folder / f"other-{file.name}")
    long, short = find_series(folder)
    assert (long.description, long.modality, len(long.slices), long.voxels) == ("Lung", "CT", 6, 6 * 7 * 9)
    assert (short.description, len(short.slices), short.spacing) == ("", 4, "0.9 × 0.8 × 5 mm")
    np.testing.assert_array_equal(read_series(short).hu, values()[:4])
    with pytest.raises(VolumeError, match="holds 2 DICOM series"):
        read_dicom(folder)


def several(tags: dict[str, str], before: int) -> Callable[[int, dict[str, str]], None]:
    """Changes each slice, and leaves out those from number `before` on, if `skip` is among the tags."""

    def edit(i: int, header: dict[str, str]) -> None:
        header.update({name: value for name, value in tags.items() if name != "skip" or i >= before})

    return edit
