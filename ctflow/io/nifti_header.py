"""NIfTI headers: the only place that decides what one means, and where our LPS coordinates become NIfTI's RAS.

The standard is nifti1.h. nibabel, which reads and writes the fields, is imported inside because it takes a while.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ctflow.errors import VolumeError
from ctflow.io.checks import check_right_angles
from ctflow.volume import Volume

if TYPE_CHECKING:
    from nibabel import Nifti1Header

HEADER_BYTES = 348
DATA_OFFSET = 352  # in files without extensions: after the header come four bytes that say so
MAX_LENGTH = 32767  # of an axis: the header's numbers are int16
_DESCRIPTION_BYTES = 80
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_SCANNER = 1  # the code of scanner coordinates
_UNIT_MM = {1: 1000.0, 3: 0.001}  # metres, microns; any other code is taken for mm
_SPACING_SHARE = 0.01  # by which the header's two spacings may differ


def header_of(volume: Volume, description: str) -> "Nifti1Header":
    """The header of a file of int16 HU. `description` is cut to the header's 80 bytes.

    Raises VolumeError for a volume that NIfTI cannot hold.
    """
    from nibabel import Nifti1Header

    if not volume.hu.size or max(volume.hu.shape) > MAX_LENGTH:
        raise VolumeError(f"A NIfTI file holds 1 to {MAX_LENGTH} slices, rows and columns; got {volume.hu.shape}.")
    _check_axes(volume)
    affine = _swapped(volume.affine)
    header = Nifti1Header(endianness="<")
    header.set_data_dtype(np.int16)
    header.set_data_shape(volume.hu.shape[::-1])
    header.set_data_offset(DATA_OFFSET)
    header.set_slope_inter(1, 0)
    header.set_xyzt_units("mm")
    header.set_qform(affine, code=_SCANNER)
    header.set_sform(affine, code=_SCANNER)
    header["descrip"] = description.encode()[:_DESCRIPTION_BYTES].decode(errors="ignore").encode()
    return header


def parse_header(data: bytes, path: Path) -> "Nifti1Header":
    """The header at the beginning of a file. Raises VolumeError if it is not one of a single file in NIfTI-1."""
    from nibabel import Nifti1Header

    if len(data) < HEADER_BYTES or data[344:347] != b"n+1":
        raise VolumeError(f"{path} is not a NIfTI-1 file.")
    return Nifti1Header(data[:HEADER_BYTES], check=False)  # nibabel's check mends what should be refused


def shape_of(header: "Nifti1Header", path: Path) -> tuple[int, int, int]:
    """Slices, rows and columns. Raises VolumeError unless it is one volume."""
    number, *lengths = (int(length) for length in header["dim"])
    shape = lengths[: max(number, 0)]
    while len(shape) > 3 and shape[-1] == 1:
        shape.pop()
    if len(shape) != 3 or min(shape) < 1:
        raise VolumeError(f"{path} is not one 3D volume: its size is {tuple(shape)}. Save one volume of it alone.")
    columns, rows, slices = shape
    return slices, rows, columns


def data_type_of(header: "Nifti1Header", path: Path) -> np.dtype:
    """Of the voxels, in the file's byte order. Raises VolumeError unless each is one real number."""
    try:
        kind = header.get_data_dtype()
    except KeyError:
        kind = np.dtype(object)
    if kind.kind not in "iuf":
        code = int(header["datatype"])
        raise VolumeError(f"{path} holds voxels of NIfTI's data type {code}; one real number per voxel was expected.")
    return kind


def data_offset_of(header: "Nifti1Header", path: Path) -> int:
    """Where the voxels begin. Raises VolumeError if that is inside the header or nowhere."""
    offset = float(header["vox_offset"])
    if not DATA_OFFSET <= offset < np.inf:
        raise VolumeError(
            f"{path} says {offset:g} for where its voxels begin; {DATA_OFFSET} bytes or more were expected. "
            "Save it again."
        )
    return int(offset)


def affine_of(header: "Nifti1Header", path: Path) -> np.ndarray:
    """The affine of a `Volume`: by the sform where its code is set, otherwise by the qform.

    Raises VolumeError for a header that sets neither, or whose numbers make no affine.
    """
    if header["sform_code"] > 0:
        ras = _sform(header, path)
    elif header["qform_code"] > 0:
        ras = _qform(header, path)
    else:
        raise VolumeError(f"{path} does not say which side is the patient's right: neither qform nor sform is set.")
    scale = _UNIT_MM.get(int(header["xyzt_units"]) & 7, 1.0)
    return _swapped(np.diag([scale, scale, scale, 1.0]) @ ras)


def _swapped(affine: np.ndarray) -> np.ndarray:
    """From (slice, row, column) -> LPS to (column, row, slice) -> RAS, and from that back again."""
    return _LPS_TO_RAS @ affine[:, [2, 1, 0, 3]]


def _sform(header: "Nifti1Header", path: Path) -> np.ndarray:
    affine = header.get_sform()
    if not np.isfinite(affine).all():
        raise VolumeError(f"{path} has a sform with values that are not numbers. Save it again.")
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    check_right_angles(affine[:3, :3] / np.maximum(lengths, np.finfo(np.float32).tiny), path)
    pixdim = header["pixdim"][1:4]
    if not np.allclose(lengths, np.abs(pixdim), rtol=_SPACING_SHARE, atol=0):
        by_sform, by_pixdim = (" × ".join(f"{step:g}" for step in steps) for steps in (lengths, pixdim))
        raise VolumeError(
            f"{path} has two spacings: {by_sform} by its sform, {by_pixdim} by its pixdim. Save it again with one."
        )
    return affine


def _qform(header: "Nifti1Header", path: Path) -> np.ndarray:
    from nibabel.spatialimages import HeaderDataError

    header = header.copy()
    header["pixdim"][0] = -1 if header["pixdim"][0] < 0 else 1  # 0 stands for 1, says the standard
    try:
        affine = header.get_qform()
    except (HeaderDataError, ValueError) as error:
        raise VolumeError(f"{path} has a qform that makes no axes ({error}). Save it again.") from error
    if not np.isfinite(affine).all():
        raise VolumeError(f"{path} has a qform with values that are not numbers. Save it again.")
    return affine


def _check_axes(volume: Volume) -> None:
    lengths = np.linalg.norm(volume.affine[:3, :3], axis=0)
    if not lengths.all():
        raise VolumeError("The volume's affine has an axis of length 0: give it a spacing.")
    axes = volume.affine[:3, :3] / lengths
    if not np.allclose(axes.T @ axes, np.eye(3), atol=1e-4):
        raise VolumeError("The volume's axes are not at right angles, as NIfTI's qform needs. Resample it first.")
