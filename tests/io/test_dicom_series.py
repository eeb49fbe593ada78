"""Synthetic volumes as DICOM series: read back, validated and received by programs of other people."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from ctflow.errors import VolumeError
from ctflow.io.dicom_series import SeriesText, dicom_files, write_dicom_series
from ctflow.io.nifti import synthetic_label
from ctflow.io.scan import read_volume
from ctflow.volume import Volume, plane_affine

TEXT = SeriesText(
    model="ctflow-demo",
    label=synthetic_label("ctflow-demo"),
    derivation="Generated from a report, seed 7. " * 40,
    missing="",
    made_at=datetime(2026, 11, 27, 12, 30),
)
# The tag that Debian's dicom3tools predates; its one line about it is the only error that may be.
UNKNOWN_TO_CHECKER = "(0x0008,0x001c)"


@pytest.fixture(scope="module")
def volume() -> Volume:
    """Another spacing along each axis, and every voxel another; not where a volume of ours would be."""
    hu = (np.arange(5 * 12 * 9).reshape(5, 12, 9) * 4 - 1000).astype(np.int16)
    affine = plane_affine(("S", "P", "L"), (3.0, 1.5, 1.25), 12, 9)
    affine[:3, 3] += (10.123, -20.5, 1 / 3)
    return Volume(hu, affine)


@pytest.fixture
def series(volume: Volume, tmp_path: Path) -> list[Path]:
    return write_dicom_series(volume, tmp_path / "series", TEXT)


def assert_same(found: Volume, volume: Volume) -> None:
    found, volume = (one.turned(("S", "P", "L")) for one in (found, volume))
    np.testing.assert_array_equal(found.hu, volume.hu)
    np.testing.assert_allclose(found.affine, volume.affine, atol=1e-3)


def test_our_own_reader_reads_it_back(series: list[Path], volume: Volume) -> None:
    assert_same(read_volume(series[0].parent), volume)


def test_simpleitk_reads_the_same_hu_at_the_same_place(series: list[Path], volume: Volume) -> None:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(series[0].parent)))
    image = reader.Execute()
    affine = np.eye(4)
    affine[:3, :3] = (np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing())[:, ::-1]
    affine[:3, 3] = image.GetOrigin()
    assert_same(Volume(sitk.GetArrayFromImage(image).astype(np.int16), affine), volume)


def test_highdicom_reads_the_same_hu_at_the_same_place(series: list[Path], volume: Volume) -> None:
    found = highdicom.get_volume_from_series([pydicom.dcmread(path) for path in series])
    assert_same(Volume(found.array.astype(np.int16), found.affine), volume)


def test_every_file_says_that_it_is_synthetic(series: list[Path]) -> None:
    for number, path in enumerate(series, 1):
        header = pydicom.dcmread(path)
        assert header.SyntheticData == "YES" and header.PatientName == "SYNTHETIC^CTFLOW"
        assert header.ImageType == ["DERIVED", "PRIMARY", "AXIAL"]
        assert "SYNTHETIC" in header.StudyDescription and "SYNTHETIC" in header.SeriesDescription
        assert header.DerivationDescription.startswith(TEXT.label) and "seed 7" in header.DerivationDescription
        assert header.InstanceNumber == number and path.name == f"synthetic-{number:04d}.dcm"
    heights = [pydicom.dcmread(path).ImagePositionPatient[2] for path in series]
    assert heights == sorted(heights, reverse=True), "the head is first"


def test_what_is_partial_says_so_in_name_and_header(volume: Volume) -> None:
    text = replace(TEXT, missing="5 of 96 slices")
    for name, data in dicom_files(volume, text):
        assert "PARTIAL" in name
        assert b"SYNTHETIC, PARTIAL: 5 of 96 slices; ctflow-demo" in data


def test_the_same_series_has_the_same_bytes_and_any_other_has_other_identifiers(volume: Volume) -> None:
    first = dict(dicom_files(volume, TEXT))
    assert first == dict(dicom_files(volume, TEXT))
    others = [
        (Volume(volume.hu + np.int16(1), volume.affine), TEXT),
        (volume, replace(TEXT, made_at=datetime(2026, 11, 28))),
        (volume, replace(TEXT, label=synthetic_label("other"))),
    ]
    made = [first, *(dict(dicom_files(*other)) for other in others)]
    headers = [pydicom.dcmread(pydicom.filebase.DicomBytesIO(data)) for files in made for data in files.values()]
    for keyword, count in (("SOPInstanceUID", 20), ("SeriesInstanceUID", 4), ("StudyInstanceUID", 4)):
        uids = {header[keyword].value for header in headers}
        assert len(uids) == count
        assert all(uid.is_valid and uid.startswith("2.25.") for uid in uids)


def test_a_folder_in_use_is_refused_and_an_empty_one_is_taken(volume: Volume, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(VolumeError, match="is in use"):
        write_dicom_series(volume, tmp_path, TEXT)
    with pytest.raises(VolumeError, match="is in use"):
        write_dicom_series(volume, tmp_path / "mine.txt", TEXT)
    (tmp_path / "empty").mkdir()
    assert len(write_dicom_series(volume, tmp_path / "empty", TEXT)) == 5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "mine.txt"]


@pytest.mark.slow
def test_the_validators_of_dicom3tools_find_no_error(series: list[Path]) -> None:
    for path in series:
        checked = subprocess.run(["dciodvfy", str(path)], capture_output=True, encoding="utf-8", check=False)
        errors = [line for line in checked.stderr.splitlines() if line.startswith("Error")]
        assert len(errors) == 1 and UNKNOWN_TO_CHECKER in errors[0], checked.stderr
        assert checked.stderr.splitlines()[1] == "CTImage"
    together = subprocess.run(["dcentvfy", *map(str, series)], capture_output=True, encoding="utf-8", check=True)
    assert together.stdout + together.stderr == ""


@pytest.mark.slow
def test_a_store_of_dcmtk_takes_every_slice(series: list[Path], tmp_path: Path) -> None:
    received = tmp_path / "received"
    received.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    with storing("storescp", "--output-directory", str(received), port):
        send = ["storescu", "--timeout", "20", "127.0.0.1", port, *map(str, series)]
        for _ in range(50):  # until it listens
            sent = subprocess.run(send, capture_output=True, encoding="utf-8", check=False)
            if sent.returncode == 0:
                break
            time.sleep(0.1)
    assert sent.returncode == 0, sent.stderr
    taken, ours = ([pydicom.dcmread(path) for path in paths] for paths in (received.iterdir(), series))
    assert {one.SOPInstanceUID: one.PixelData for one in taken} == {one.SOPInstanceUID: one.PixelData for one in ours}


@contextmanager
def storing(*command: str) -> Iterator[None]:
    """A server in the background."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            yield
        finally:
            server.terminate()
