"""What every reader of scans asks of what it has read."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ctflow.errors import ResourceError, VolumeError

MAX_TILT_DEGREES = 1.0
_INT16 = np.iinfo(np.int16)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Around all that reads a scan: what the system refuses becomes a VolumeError, missing memory a ResourceError.

    A name that is not UTF-8 is refused first, because SimpleITK ends the whole process over one.
    """
    check_utf8(path)
    try:
        yield
    except OSError as error:
        raise VolumeError(
            f"{path} cannot be read ({error.strerror or error}). Is it there, and may you read it?"
        ) from error
    except MemoryError as error:
        raise ResourceError(
            f"{path} needs more memory than is free here. Close other programs, or give a smaller part of the scan."
        ) from error


def check_utf8(path: Path) -> None:
    """Raises VolumeError for a name in another encoding, as old archives and Windows shares have them."""
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise VolumeError(f"{str(path)!r} has a name that is not UTF-8. Rename it, and give it again.") from error


def stacked_hu(planes: Iterable[np.ndarray], shape: tuple[int, int, int], path: Path) -> np.ndarray:
    """The planes of a scan, of any real type -> int16 HU (slices, rows, columns), rounded.

    Plane by plane, because a whole scan in float64 would take many times the memory of its HU.
    Raises VolumeError for values that are no HU.
    """
    hu = np.empty(shape, np.int16)
    for i, plane in enumerate(planes):
        hu[i] = _plane_hu(plane, path)
    return hu


def _plane_hu(values: np.ndarray, path: Path) -> np.ndarray:
    if values.dtype == np.int16:
        return values
    if not np.isfinite(values).all():
        raise VolumeError(f"{path} holds values that are not numbers, so no HU.")
    rounded = np.rint(values)
    if not ((rounded >= _INT16.min) & (rounded <= _INT16.max)).all():
        raise VolumeError(f"{path} holds values that are no HU: outside {_INT16.min} to {_INT16.max}.")
    return rounded.astype(np.int16)


def check_right_angles(axes: np.ndarray, path: Path) -> None:
    """Raises VolumeError if the axes, columns of length 1, are off right angles by more than MAX_TILT_DEGREES."""
    if not np.allclose(axes.T @ axes, np.eye(3), atol=np.sin(np.radians(MAX_TILT_DEGREES))):
        raise VolumeError(f"{path} has axes that are not at right angles (gantry tilt). Straighten it first.")
