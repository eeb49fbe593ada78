"""NIfTI headers: the only place that decides what one means, and where our LPS coordinates become NIfTI's RAS.

The standard is nifti1.h. nibabel, which reads and writes the fields, is imported inside because it takes a while.
"""

import math
from collections.abc import Iterable
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ctflow.errors import VolumeError
from ctflow.io.checks import check_right_angles
from ctflow.volume import DIRECTIONS, Volume

if TYPE_CHECKING:
    from nibabel import Nifti1Header

HEADER_BYTES = 348
DATA_OFFSET = 352  # in files without extensions: after the header come four bytes that say so
MAX_LENGTH = 32767  # of an axis: the header's numbers are int16
_DESCRIPTION_AT, _DESCRIPTION_BYTES = 148, 80
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_SCANNER, _LAST_CODE = 1, 5  # the codes of scanner coordinates, and of a template that is none of the others
_UNIT_MM = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}  # not said and taken for mm, metres, mm, microns
_SPACING_SHARE = 0.01  # by which the header's two spacings may differ
_MOST_APART_VOXELS = 1.0  # between the places by sform and by qform
_QUATERNION_ROUNDING = 1e-5  # by which b² + c² + d² may exceed 1
_QFORM_NUMBERS = ("quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z")


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


def description_of(data: bytes) -> str:
    """What the header at the beginning of a file says of where it comes from; nothing where there is no header."""
    return data[_DESCRIPTION_AT : _DESCRIPTION_AT + _DESCRIPTION_BYTES].rstrip(b"\0").decode(errors="replace")


def parse_header(data: bytes, path: Path) -> "Nifti1Header":
    """The header at the beginning of a file. Raises VolumeError if it is not that of one file in NIfTI-1."""
    from nibabel import Nifti1Header

    if data[4:7] in (b"n+2", b"ni2"):
        raise VolumeError(f"{path} is a NIfTI-2 file; NIfTI-1 was expected. Save it as NIfTI-1.")
    if data[344:347] == b"ni1":
        raise VolumeError(f"{path} is half of a pair of .hdr and .img; one file was expected. Save it as one .nii.")
    if len(data) < HEADER_BYTES or data[344:347] != b"n+1":
        raise VolumeError(f"{path} is not a NIfTI-1 file: the mark n+1 is missing from its header.")
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
    if not DATA_OFFSET <= offset < np.inf or not offset.is_integer():
        raise VolumeError(
            f"{path} says {offset:g} for where its voxels begin; a whole number of {DATA_OFFSET} bytes or more was "
            "expected. Save it again."
        )
    return int(offset)


def check_length(header: "Nifti1Header", bytes_there: int, path: Path) -> None:
    """Raises VolumeError for a file that is cut short, or whose voxels may be wider than their data type."""
    kind = data_type_of(header, path)
    expected = data_offset_of(header, path) + math.prod(shape_of(header, path)) * kind.itemsize
    if bytes_there < expected:
        raise VolumeError(f"{path} was cut short: {bytes_there:,} of {expected:,} bytes are there. Copy it again.")
    # Some writers put a wrong number into bitpix, which is redundant. The length then tells which one is right.
    if int(header["bitpix"]) != 8 * kind.itemsize and bytes_there != expected:
        raise VolumeError(
            f"{path} says {int(header['bitpix'])} bits per voxel, but its data type {kind.name} has "
            f"{8 * kind.itemsize}. Save it again."
        )


def scaling_of(header: "Nifti1Header", path: Path) -> tuple[float, float]:
    """Slope and intercept. By the standard, where the slope is 0 or no number, neither of the two is applied.

    Raises VolumeError for a slope whose intercept is no number.
    """
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if not np.isfinite(slope) or slope == 0:
        return 1.0, 0.0
    if not np.isfinite(intercept):
        raise VolumeError(f"{path} has the slope {slope:g} and the intercept {intercept:g}, which is no number.")
    return slope, intercept


def affine_of(header: "Nifti1Header", path: Path) -> np.ndarray:
    """The affine of a `Volume`: by the sform where its code is set, otherwise by the qform.

    Raises VolumeError for a header that sets neither, whose numbers make no affine, or whose two forms disagree in
    handedness or by more than a voxel: then nobody can know which of the two is right.
    """
    forms = {}
    for name, read in (("sform", _sform), ("qform", _qform)):
        code = int(header[f"{name}_code"])
        if not 0 <= code <= _LAST_CODE:
            raise VolumeError(
                f"{path} has the {name}_code {code}, which NIfTI does not know; 0 to {_LAST_CODE} was expected. "
                "Save it again."
            )
        if code > 0:
            forms[name] = read(header, path)
    if not forms:
        raise VolumeError(f"{path} does not say which side is the patient's right: neither qform nor sform is set.")
    scale = _unit_mm(header, path)
    affines = {name: _swapped(np.diag([scale, scale, scale, 1.0]) @ form) for name, form in forms.items()}
    _check_one_place(affines, shape_of(header, path), path)
    return next(iter(affines.values()))


def _unit_mm(header: "Nifti1Header", path: Path) -> float:
    code = int(header["xyzt_units"]) & 7  # the bits above are of time
    if code not in _UNIT_MM:
        raise VolumeError(f"{path} has the unit of length {code}, which NIfTI does not know. Save it again in mm.")
    return _UNIT_MM[code]


def _check_one_place(affines: dict[str, np.ndarray], shape: tuple[int, int, int], path: Path) -> None:
    """Compares the corner voxels, because a small turn moves those the most."""
    first, last = next(iter(affines.values())), list(affines.values())[-1]
    corners = np.array([(*corner, 1) for corner in product(*((0, size - 1) for size in shape))]).T
    moved_voxels = np.abs(np.linalg.solve(first, last @ corners) - corners).max()
    mirrored = np.linalg.det(first) * np.linalg.det(last) < 0
    if mirrored or moved_voxels > _MOST_APART_VOXELS:
        readings = "; ".join(f"its {name} says {_in_words(affine)}" for name, affine in affines.items())
        raise VolumeError(
            f"{path} lies in two places, because its qform and sform disagree: {readings}. Find out which is right, "
            "and save it with that one alone."
        )


def _in_words(affine: np.ndarray) -> str:
    """Where the axes of an affine of ours go, and where its first voxel lies."""
    nearest = [
        max(DIRECTIONS, key=lambda letter: float(np.dot(DIRECTIONS[letter], axis))) for axis in affine[:3, 2::-1].T
    ]
    place = ", ".join(f"{coordinate:.1f}" for coordinate in affine[:3, 3])
    return f"columns to {nearest[0]}, rows to {nearest[1]}, slices to {nearest[2]} from ({place}) mm in LPS"


def _swapped(affine: np.ndarray) -> np.ndarray:
    """From (slice, row, column) -> LPS to (column, row, slice) -> RAS, and from that back again."""
    return _LPS_TO_RAS @ affine[:, [2, 1, 0, 3]]


def _sform(header: "Nifti1Header", path: Path) -> np.ndarray:
    affine = header.get_sform()
    if not np.isfinite(affine).all():
        raise VolumeError(f"{path} has a sform with values that are not numbers. Save it again.")
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    if not lengths.all():
        raise VolumeError(f"{path} has a sform with an axis of length 0. Save it again.")
    check_right_angles(affine[:3, :3] / lengths, path)
    pixdim = header["pixdim"][1:4]
    # A negative pixdim is no contradiction: a sform says the directions itself.
    if not np.allclose(lengths, np.abs(pixdim), rtol=_SPACING_SHARE, atol=0):
        raise VolumeError(
            f"{path} has two spacings: {_steps(lengths)} by its sform, {_steps(pixdim)} by its pixdim. "
            "Save it again with one."
        )
    return affine


def _qform(header: "Nifti1Header", path: Path) -> np.ndarray:
    from nibabel.spatialimages import HeaderDataError

    handedness, *pixdim = (float(value) for value in header["pixdim"][:4])
    if not (np.isfinite(pixdim).all() and min(pixdim) > 0):
        raise VolumeError(
            f"{path} has a qform that makes no axes: its spacing (pixdim) is {_steps(pixdim)}, and three lengths above "
            "0 were expected. Save it again."
        )
    numbers = [float(header[name]) for name in _QFORM_NUMBERS]
    if not np.isfinite([handedness, *numbers]).all():
        raise VolumeError(f"{path} has a qform with values that are not numbers. Save it again.")
    if handedness not in (-1, 0, 1) and int(header["sform_code"]) == 0:  # otherwise the sform decides
        raise VolumeError(f"{path} has a qform of handedness {handedness:g} (pixdim[0]); 1 or -1 was expected.")
    header = header.copy()
    header["pixdim"][0] = np.sign(handedness) or 1  # 0 stands for 1, says the standard
    _normalise_quaternion(header)
    try:
        return header.get_qform()
    except (HeaderDataError, ValueError) as error:
        raise VolumeError(f"{path} has a qform that makes no axes ({error}). Save it again.") from error


def _normalise_quaternion(header: "Nifti1Header") -> None:
    """Brings b² + c² + d² back to 1 where rounding put it above: nibabel allows less than float32 loses."""
    names = _QFORM_NUMBERS[:3]
    vector = np.array([float(header[name]) for name in names])
    square = float(vector @ vector)
    if 1 < square <= 1 + _QUATERNION_ROUNDING:
        for name, value in zip(names, vector / math.sqrt(square), strict=True):
            header[name] = value


def _steps(lengths: Iterable[float]) -> str:
    return " × ".join(f"{length:g}" for length in lengths)


def _check_axes(volume: Volume) -> None:
    lengths = np.linalg.norm(volume.affine[:3, :3], axis=0)
    if not lengths.all():
        raise VolumeError("The volume's affine has an axis of length 0: give it a spacing.")
    axes = volume.affine[:3, :3] / lengths
    if not np.allclose(axes.T @ axes, np.eye(3), atol=1e-4):
        raise VolumeError("The volume's axes are not at right angles, as NIfTI's qform needs. Resample it first.")
