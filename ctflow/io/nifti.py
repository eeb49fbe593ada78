"""NIfTI files, and the only place where our LPS coordinates become NIfTI's RAS.

The header is written here and not by SimpleITK, because that writes a cut file on a full disk without an error.
Field offsets: the NIfTI-1 standard, nifti1.h.
"""

import gzip
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ctflow.errors import VolumeError
from ctflow.io.files import write_atomic
from ctflow.volume import Volume

if TYPE_CHECKING:
    import SimpleITK

ENDINGS = (".nii.gz", ".nii")
# Level 1 costs 3 % more bytes than level 6 on CT-like volumes, and a fifth of the time.
_GZIP_LEVEL = 1
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_HEADER_BYTES = 352
MAX_TILT_DEGREES = 1.0
_INT16 = np.iinfo(np.int16)
_FLOATS = {16: "f4", 64: "f8"}
_SPACING_SHARE = 0.01  # by which the header's two spacings may differ


def synthetic_label(model: str, from_scan: bool = False) -> str:
    """What every volume we make says about itself in its header, where no viewer can lose it."""
    what = "SYNTHETIC, begun from a REAL scan" if from_scan else "SYNTHETIC"
    return f"CTFlow {what}, not for diagnosis; model {model}"


def check_ending(path: Path) -> None:
    """Raises VolumeError unless `path` ends as a NIfTI file does."""
    if not path.name.endswith(ENDINGS) or path.name in ENDINGS:
        raise VolumeError(f"{path} is no name for a NIfTI file: let it end in {' or '.join(ENDINGS)}.")


def write_nifti(volume: Volume, path: Path, description: str) -> None:
    """Writes int16 HU with spacing and orientation (sform and qform); the same volume gives the same bytes.

    `path` ends in `.nii` or `.nii.gz`; `description` goes into the header's 80 bytes, cut if longer.
    Raises VolumeError, and leaves nothing behind, where the volume or the place does not allow it.
    """
    check_ending(path)
    data = _header(volume, description) + volume.hu.astype("<i2").tobytes()
    if path.name.endswith(".gz"):
        data = gzip.compress(data, _GZIP_LEVEL, mtime=0)
    write_atomic(path, data)


def read_nifti(path: Path) -> Volume:
    """Reads a 3D NIfTI file of HU, its slope and intercept applied once.

    Raises VolumeError for what is missing, cut short, not 3D, or not HU.
    """
    import SimpleITK as sitk  # here, because `import ctflow` is to stay light

    check_ending(path)
    _check_whole(path)
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise VolumeError(f"{path} cannot be read as a NIfTI volume ({reason}).") from error
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise VolumeError(f"{path} is not one 3D volume: its size is {image.GetSize()}. Save one volume of it alone.")
    return Volume(hu_of(sitk.GetArrayFromImage(image), path), affine_of(image))


def _header(volume: Volume, description: str) -> bytes:
    slices, rows, columns = volume.hu.shape
    if not volume.hu.size or max(volume.hu.shape) > _INT16.max:
        raise VolumeError(f"A NIfTI file holds 1 to {_INT16.max} slices, rows and columns; got {volume.hu.shape}.")
    affine = _LPS_TO_RAS @ volume.affine[:, [2, 1, 0, 3]]  # NIfTI's first index is the column
    spacing_mm = np.linalg.norm(affine[:3, :3], axis=0)
    quaternion, handedness = _rotation(affine[:3, :3], spacing_mm)
    header = bytearray(_HEADER_BYTES)

    def put(offset: int, layout: str, *values: float | bytes) -> None:
        struct.pack_into("<" + layout, header, offset, *values)

    put(0, "i", 348)
    put(38, "c", b"r")
    put(40, "8h", 3, columns, rows, slices, 1, 1, 1, 1)
    put(70, "2h", 4, 16)  # type int16, of 16 bits
    put(76, "8f", handedness, *spacing_mm, 0, 0, 0, 0)
    put(108, "3f", _HEADER_BYTES, 1, 0)  # where the voxels begin, slope, intercept
    put(123, "B", 2)  # millimetres
    put(148, "80s", description.encode()[:80].decode(errors="ignore").encode())
    put(252, "2h", 1, 1)  # qform and sform are scanner coordinates
    put(256, "6f", *quaternion, *affine[:3, 3])
    put(280, "12f", *affine[:3].ravel())
    put(344, "4s", b"n+1")
    return bytes(header)


def _rotation(matrix: np.ndarray, spacing_mm: np.ndarray) -> tuple[np.ndarray, float]:
    """Index axes in RAS -> quaternion (b, c, d) with a >= 0, and -1 where the third axis must be turned round first."""
    if not spacing_mm.all():
        raise VolumeError("The volume's affine has an axis of length 0: give it a spacing.")
    turn = matrix / spacing_mm
    if not np.allclose(turn.T @ turn, np.eye(3), atol=1e-4):
        raise VolumeError("The volume's axes are not at right angles, as NIfTI's qform needs: resample it first.")
    handedness = float(np.sign(np.linalg.det(turn)))
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = turn * (1, 1, handedness)
    # Bar-Itzhack: the quaternion is the eigenvector of the largest eigenvalue, well-behaved at half turns too.
    _, vectors = np.linalg.eigh(
        [
            [xx + yy + zz, zy - yz, xz - zx, yx - xy],
            [zy - yz, xx - yy - zz, xy + yx, xz + zx],
            [xz - zx, xy + yx, yy - xx - zz, yz + zy],
            [yx - xy, xz + zx, yz + zy, zz - xx - yy],
        ]
    )
    quaternion = vectors[:, -1]
    return quaternion[1:] * (-1 if quaternion[0] < 0 else 1), handedness


def _check_whole(path: Path) -> None:
    """What SimpleITK mends and says nothing: it fills up a file that was cut short, and turns NaN into 0."""
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if path.name.endswith(".gz") else data
    except (OSError, EOFError, zlib.error) as error:
        raise VolumeError(f"{path} cannot be read ({error}). Is it there, and is it whole?") from error
    if len(data) < _HEADER_BYTES - 4 or data[344:347] != b"n+1":
        raise VolumeError(f"{path} is not a NIfTI-1 file.")
    order = "<" if struct.unpack_from("<i", data)[0] == 348 else ">"
    ndim, *dims = struct.unpack_from(order + "8h", data, 40)
    kind, bits = struct.unpack_from(order + "2h", data, 70)
    (offset,) = struct.unpack_from(order + "f", data, 108)
    if not 0 <= offset < np.inf:
        raise VolumeError(f"{path} says {offset:g} for where its voxels begin, no number of bytes. Save it again.")
    expected = int(offset) + int(np.prod(dims[: max(ndim, 0)], dtype=np.int64)) * bits // 8
    if len(data) < expected:
        raise VolumeError(f"{path} was cut short: {len(data):,} of {expected:,} bytes are there. Copy it again.")
    if kind in _FLOATS and not np.isfinite(np.frombuffer(data[int(offset) : expected], order + _FLOATS[kind])).all():
        raise VolumeError(f"{path} holds values that are not numbers, so no HU.")
    codes, sform = struct.unpack_from(order + "2h", data, 252), struct.unpack_from(order + "12f", data, 280)
    _check_place(codes, sform, struct.unpack_from(order + "3f", data, 80), path)


def _check_place(
    codes: tuple[int, int], sform: tuple[float, ...], pixdim: tuple[float, float, float], path: Path
) -> None:
    """SimpleITK takes a sheared sform for its qform, no place for the patient's left and front, pixdim for spacing."""
    qform_code, sform_code = codes
    if not (qform_code or sform_code):
        raise VolumeError(f"{path} does not say which side is the patient's right: neither qform nor sform is set.")
    axes = np.reshape(sform, (3, 4))[:, :3]
    lengths = np.maximum(np.linalg.norm(axes, axis=0), np.finfo(np.float32).tiny)
    if sform_code and not at_right_angles(axes / lengths):
        raise VolumeError(f"{path} has axes that are not at right angles (gantry tilt): straighten it first.")
    if sform_code and not np.allclose(lengths, np.abs(pixdim), rtol=_SPACING_SHARE, atol=0):
        by_sform, by_pixdim = (" × ".join(f"{step:g}" for step in steps) for steps in (lengths, pixdim))
        raise VolumeError(
            f"{path} has two spacings: {by_sform} by its sform, {by_pixdim} by its pixdim. Save it again with one."
        )


def hu_of(values: np.ndarray, path: Path) -> np.ndarray:
    """Values of any type -> int16 HU. Raises VolumeError where they do not fit."""
    if values.dtype == np.int16:
        return values
    rounded = np.rint(values)
    if not ((rounded >= _INT16.min) & (rounded <= _INT16.max)).all():
        raise VolumeError(f"{path} holds values that are no HU: outside {_INT16.min} to {_INT16.max}.")
    return rounded.astype(np.int16)


def at_right_angles(axes: np.ndarray) -> bool:
    """Whether the columns, of length 1, are so but for MAX_TILT_DEGREES."""
    return np.allclose(axes.T @ axes, np.eye(3), atol=np.sin(np.radians(MAX_TILT_DEGREES)))


def affine_of(image: "SimpleITK.Image") -> np.ndarray:
    """The affine of a `Volume`. SimpleITK speaks LPS as we do, in the order column, row, slice."""
    affine = np.eye(4)
    affine[:3, :3] = (np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing())[:, ::-1]
    affine[:3, 3] = image.GetOrigin()
    return affine
