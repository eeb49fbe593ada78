"""A scan is placed right or refused: random geometries, written by other libraries, read by ours."""

import struct
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from ctflow.errors import VolumeError
from ctflow.io.scan import read_scan
from tests.io.geometry import (
    LPS_TO_RAS,
    Chest,
    chests,
    off_in_voxels,
    write_by_nibabel,
    write_by_pydicom,
    write_by_sitk,
)

HALF_A_VOXEL = 0.5
HEADER_FIELDS = [
    *((40 + 2 * i, "h") for i in range(5)),  # dim
    (70, "h"),  # data type
    (72, "h"),  # bits per voxel
    *((76 + 4 * i, "f") for i in range(4)),  # pixdim
    (108, "f"),  # where the voxels begin
    (112, "f"),  # slope
    (116, "f"),  # intercept
    (123, "b"),  # units
    (252, "h"),  # code of the qform
    (254, "h"),  # code of the sform
    *((256 + 4 * i, "f") for i in range(6)),  # qform
    *((280 + 4 * i, "f") for i in range(12)),  # sform
]
VALUES = {
    "f": st.sampled_from([0.0, 1.0, -1.0, 2.0, 352.0, float("nan"), float("inf"), -1024.0]) | st.floats(-99, 99),
    "h": st.integers(-2, 20),
    "b": st.integers(0, 7),
}


class _Header(nibabel.Nifti1Header):
    """nibabel refuses a quaternion that rounding lengthened; ours reads it, and scales it back to a length of 1."""

    quaternion_threshold = -1e-5


class _Nifti(nibabel.Nifti1Image):
    header_class = _Header


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("place")


@settings(max_examples=60)
@given(
    chest=chests(),
    forms=st.sampled_from(["sform", "qform", "both"]),
    order=st.sampled_from("<>"),
    kind=st.sampled_from(["i2", "i4", "f4", "f8"]),
    slope=st.sampled_from([1.0, 2.0, 0.5]),
    ending=st.sampled_from([".nii", ".nii.gz", ".NII.GZ"]),
)
def test_what_nibabel_writes_is_placed_right(folder: Path, chest: Chest, ending: str, **written: Any) -> None:
    path = folder / f"a{ending.lower()}"
    write_by_nibabel(chest, path, **written)
    volume = read_scan(path.rename(folder / f"a{ending}"))
    assert off_in_voxels(volume, chest) < HALF_A_VOXEL
    assert volume.hu.shape == chest.hu.shape


@settings(max_examples=60)
@given(chest=chests(), ending=st.sampled_from([".nrrd", ".mha", ".mhd", ".nii", ".nii.gz", ".NRRD", ".MHA", ".Mhd"]))
def test_what_simpleitk_writes_is_placed_right(folder: Path, chest: Chest, ending: str) -> None:
    path = folder / f"b{ending.lower()}"
    write_by_sitk(chest, path)
    volume = read_scan(path.rename(folder / f"b{ending}"))
    assert off_in_voxels(volume, chest) < HALF_A_VOXEL
    np.testing.assert_array_equal(volume.hu, chest.hu)


@settings(max_examples=40, deadline=None)
@given(chest=chests(), signed=st.booleans(), implicit=st.booleans(), digits=st.sampled_from([1, 3, 8]))
def test_what_pydicom_writes_is_placed_right(
    tmp_path_factory: pytest.TempPathFactory, chest: Chest, signed: bool, implicit: bool, digits: int
) -> None:
    """Positions are rounded, as some scanners do."""

    def rounded(ds: Dataset, i: int) -> None:
        ds.ImagePositionPatient = [f"{float(value):.{digits}f}" for value in ds.ImagePositionPatient]

    made = write_by_pydicom(chest, tmp_path_factory.mktemp("dicom") / "a", rounded, signed, implicit)
    assert off_in_voxels(read_scan(made), chest) < HALF_A_VOXEL


@settings(max_examples=150, deadline=None)
@given(
    chest=chests(),
    forms=st.sampled_from(["sform", "qform", "both"]),
    change=st.sampled_from(HEADER_FIELDS).flatmap(lambda field: st.tuples(st.just(field), VALUES[field[1]])),
)
def test_a_header_with_any_number_changed_is_read_as_nibabel_reads_it_or_refused(
    folder: Path, chest: Chest, forms: str, change: tuple[tuple[int, str], float]
) -> None:
    path = folder / "c.nii"
    write_by_nibabel(chest, path, forms)
    data = bytearray(path.read_bytes())
    (offset, kind), value = change
    struct.pack_into(f"<{kind}", data, offset, value)
    path.write_bytes(data)
    try:
        volume = read_scan(path)
    except VolumeError:
        return
    theirs = _Nifti.from_filename(path)
    unit = {1: 1000.0, 3: 0.001}.get(data[123] & 7, 1.0)
    np.testing.assert_array_equal(volume.hu, np.rint(np.squeeze(np.asarray(theirs.dataobj)).T))
    affine = LPS_TO_RAS @ np.diag([unit, unit, unit, 1]) @ theirs.affine
    np.testing.assert_allclose(volume.affine, affine[:, [2, 1, 0, 3]], atol=1e-3)
