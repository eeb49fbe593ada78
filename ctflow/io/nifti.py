"""NIfTI files of int16 HU, written so that a full disk or a kill leaves no half a file, and read with distrust."""

import gzip
import io
import math
import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ctflow.errors import VolumeError
from ctflow.io.checks import stacked_hu
from ctflow.io.files import write_atomic
from ctflow.io.nifti_header import (
    HEADER_BYTES,
    affine_of,
    check_length,
    data_offset_of,
    data_type_of,
    description_of,
    header_of,
    parse_header,
    scaling_of,
    shape_of,
)
from ctflow.volume import Volume

if TYPE_CHECKING:
    from nibabel import Nifti1Header

ENDINGS = (".nii.gz", ".nii")
# Level 1 costs 3 % more bytes than level 6 on CT-like volumes, and a fifth of the time.
_GZIP_LEVEL = 1
_MARK = "CTFlow "  # how the description of each file that we write begins


def synthetic_label(model: str, from_scan: bool = False, missing: str = "", kind: str = "") -> str:
    """What every volume we make says about itself in its header, where no viewer can lose it.

    `missing`: for a volume that is not finished, what there is of it, such as "48 of 96 slices". `kind`: for one that
    is no CT but computed from some, what it is, such as "mean of 3 seeds".
    """
    what = "SYNTHETIC from a REAL scan" if from_scan else "SYNTHETIC"
    partial = f", PARTIAL: {missing}" if missing else ""
    computed = f", {kind}" if kind else ""
    # The header has 80 bytes: what may be cut off stands last.
    return f"{_MARK}{what}, not for diagnosis{partial}{computed}; model {model}"


def is_nifti_name(path: Path) -> bool:
    """Whether a name ends as those of NIfTI files do, in small or capital letters."""
    return path.name.lower().endswith(ENDINGS) and path.name.lower() not in ENDINGS


def stem_of(path: Path) -> str:
    """The name without its ending. Raises VolumeError unless it ends as a NIfTI file does."""
    if not is_nifti_name(path):
        raise VolumeError(f"{path} is no name for a NIfTI file: let it end in {' or '.join(ENDINGS)}.")
    ending = next(ending for ending in ENDINGS if path.name.lower().endswith(ending))
    return path.name[: -len(ending)]


def _is_compressed(path: Path) -> bool:
    return path.name.lower().endswith(".gz")


def write_nifti(volume: Volume, path: Path, description: str) -> None:
    """Writes int16 HU with spacing and orientation (sform and qform). The same volume gives the same bytes.

    `path` ends in `.nii` or `.nii.gz`; `description` goes into the header's 80 bytes, and is cut if it is longer.
    Raises VolumeError, and leaves nothing behind, if the volume or the place does not allow it.
    """
    stem_of(path)
    file = io.BytesIO()
    header_of(volume, description).write_to(file)
    data = file.getvalue() + volume.hu.astype("<i2").tobytes()
    if _is_compressed(path):
        data = gzip.compress(data, _GZIP_LEVEL, mtime=0)
    write_atomic(path, data)


def check_replaceable(path: Path) -> None:
    """Raises VolumeError where a file at `path` is not one that CTFlow has made, for example a real scan."""
    if os.path.isfile(path) and os.path.getsize(path) and not is_ours(path):
        raise VolumeError(f"{path} is there already and was not made by CTFlow: choose another name, or remove it.")


def read_label(path: Path) -> str:
    """The `synthetic_label` in a header, as far as it was not cut off.

    Raises VolumeError for a file that cannot be read, and for one that CTFlow has not made.
    """
    label = _description(path)
    if not label.startswith(_MARK):
        raise VolumeError(f"{path} does not say in its header that CTFlow made it. Give a volume that it made.")
    return label


def is_ours(path: Path) -> bool:
    """Whether a file says in its header that CTFlow has made it."""
    try:
        return _description(path).startswith(_MARK)
    except VolumeError:
        return False


def _description(path: Path) -> str:
    try:
        with gzip.open(path) if _is_compressed(path) else path.open("rb") as file:
            return description_of(file.read(HEADER_BYTES))
    except (OSError, EOFError, zlib.error) as error:
        raise _unreadable(path, error) from error


def voxels_in_header(path: Path) -> int:
    """How many there are by the header of a `.nii`, without reading any. Raises VolumeError for a wrong header."""
    with path.open("rb") as file:
        header = parse_header(file.read(HEADER_BYTES), path)
    return math.prod(shape_of(header, path))


def read_nifti(path: Path) -> Volume:
    """Reads a 3D NIfTI file of HU, its slope and intercept applied once.

    Raises VolumeError for a file that is missing, cut short, not 3D, not of HU, or that does not say where it lies.
    """
    header, data = _read(path)
    return Volume(_values(header, data, path), affine_of(header, path))


def read_values(path: Path) -> np.ndarray:
    """As `read_nifti`, but the values alone, int16 (slices, rows, columns), of a file that need not say where it lies.

    For files whose place is known from elsewhere, and whose values may still have to be made HU.
    """
    return _values(*_read(path), path)


def _read(path: Path) -> tuple["Nifti1Header", bytes]:
    stem_of(path)
    data = _file_bytes(path)
    return parse_header(data, path), data


def _values(header: "Nifti1Header", data: bytes, path: Path) -> np.ndarray:
    shape, kind, offset = shape_of(header, path), data_type_of(header, path), data_offset_of(header, path)
    check_length(header, len(data), path)
    slope, intercept = scaling_of(header, path)
    stored = np.frombuffer(data, kind, math.prod(shape), offset).reshape(shape)
    planes = (plane.astype(kind.newbyteorder("=")) for plane in stored)
    if (slope, intercept) != (1, 0):
        planes = (plane * slope + intercept for plane in planes)
    return stacked_hu(planes, shape, path)


def _file_bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if _is_compressed(path) else data
    except (OSError, EOFError, zlib.error) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> VolumeError:
    return VolumeError(f"{path} cannot be read ({error}). Is it there, and is it whole?")
