"""NIfTI files of int16 HU, written so that a full disk or a kill leaves no half a file, and read with distrust."""

import gzip
import io
import math
import zlib
from pathlib import Path

import numpy as np

from ctflow.errors import VolumeError
from ctflow.io.checks import hu_of
from ctflow.io.files import write_atomic
from ctflow.io.nifti_header import affine_of, data_offset_of, data_type_of, header_of, parse_header, shape_of
from ctflow.volume import Volume

ENDINGS = (".nii.gz", ".nii")
# Level 1 costs 3 % more bytes than level 6 on CT-like volumes, and a fifth of the time.
_GZIP_LEVEL = 1


def synthetic_label(model: str, from_scan: bool = False, missing: str = "") -> str:
    """What every volume we make says about itself in its header, where no viewer can lose it.

    `missing`: for a volume that is not finished, what there is of it, such as "48 of 96 slices".
    """
    what = "SYNTHETIC, begun from a REAL scan" if from_scan else "SYNTHETIC"
    partial = f", PARTIAL: {missing}" if missing else ""
    return f"CTFlow {what}{partial}, not for diagnosis; model {model}"


def check_ending(path: Path) -> None:
    """Raises VolumeError unless `path` ends as a NIfTI file does."""
    if not path.name.endswith(ENDINGS) or path.name in ENDINGS:
        raise VolumeError(f"{path} is no name for a NIfTI file: let it end in {' or '.join(ENDINGS)}.")


def write_nifti(volume: Volume, path: Path, description: str) -> None:
    """Writes int16 HU with spacing and orientation (sform and qform). The same volume gives the same bytes.

    `path` ends in `.nii` or `.nii.gz`; `description` goes into the header's 80 bytes, and is cut if it is longer.
    Raises VolumeError, and leaves nothing behind, if the volume or the place does not allow it.
    """
    check_ending(path)
    file = io.BytesIO()
    header_of(volume, description).write_to(file)
    data = file.getvalue() + volume.hu.astype("<i2").tobytes()
    if path.name.endswith(".gz"):
        data = gzip.compress(data, _GZIP_LEVEL, mtime=0)
    write_atomic(path, data)


def read_nifti(path: Path) -> Volume:
    """Reads a 3D NIfTI file of HU, its slope and intercept applied once.

    Raises VolumeError for a file that is missing, cut short, not 3D, or not of HU.
    """
    check_ending(path)
    data = _file_bytes(path)
    header = parse_header(data, path)
    shape, kind, offset = shape_of(header, path), data_type_of(header, path), data_offset_of(header, path)
    expected = offset + math.prod(shape) * kind.itemsize
    if len(data) < expected:
        raise VolumeError(f"{path} was cut short: {len(data):,} of {expected:,} bytes are there. Copy it again.")
    affine = affine_of(header, path)
    stored = np.frombuffer(data, kind, math.prod(shape), offset).reshape(shape)
    values = stored.astype(kind.newbyteorder("="))  # a copy, because `stored` cannot be written to
    slope, intercept = _slope_and_intercept(header["scl_slope"], header["scl_inter"])
    if (slope, intercept) != (1, 0):
        values = values * slope + intercept
    return Volume(hu_of(values, path), affine)


def _file_bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.name.endswith(".gz") else data
    except (OSError, EOFError, zlib.error) as error:
        raise VolumeError(f"{path} cannot be read ({error}). Is it there, and is it whole?") from error


def _slope_and_intercept(slope: np.ndarray, intercept: np.ndarray) -> tuple[float, float]:
    """As float64. A slope of 0 or none stands for none of the two, says the standard."""
    if not np.isfinite(slope) or slope == 0:
        return 1.0, 0.0
    return float(slope), float(intercept)
