"""Reading with SimpleITK: its errors become ours, its images volumes, and the process keeps its locale."""

import locale
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ctflow.errors import ResourceError, VolumeError
from ctflow.io.checks import check_right_angles, check_utf8, stacked_hu
from ctflow.volume import Volume

if TYPE_CHECKING:
    import SimpleITK

_NO_MEMORY = ("bad_alloc", "allocate memory")  # in the words of its errors
_STDERR = 2


@contextmanager
def itk_reads(path: Path) -> Iterator[None]:
    """Around calls that read `path`: an error of SimpleITK becomes a VolumeError, or a ResourceError without memory.

    The first DICOM file sets the locale of the whole process to "C" (GDCM does, inside), and Python would take text
    files for ASCII from then on.
    """
    check_utf8(path)
    before = locale.setlocale(locale.LC_ALL)
    try:
        with _quiet():
            yield
    except RuntimeError as error:
        if any(words in str(error) for words in _NO_MEMORY):
            raise ResourceError(f"{path} needs more memory than is free here. Close other programs first.") from error
        raise VolumeError(f"{path} cannot be read ({_reason(error)}). Is it whole?") from error
    finally:
        if locale.setlocale(locale.LC_ALL) != before:
            locale.setlocale(locale.LC_ALL, before)


@contextmanager
def _quiet() -> Iterator[None]:
    """Inside, MetaIO and GDCM write to the process's standard error what SimpleITK then raises, or only warns of."""
    kept = os.dup(_STDERR)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, _STDERR)
        yield
    finally:
        os.dup2(kept, _STDERR)
        os.close(kept)
        os.close(nowhere)


def _reason(error: RuntimeError) -> str:
    """What SimpleITK says, without addresses, and without the system's last error, which is of anything before."""
    lines = [line for line in str(error).strip().splitlines() if not line.startswith("Reason: ")]
    return re.sub(r"^.*ERROR: (\w+\(0x[0-9a-f]+\): )?", "", lines[-1]).strip()


def volume_of(image: "SimpleITK.Image", path: Path) -> Volume:
    """Raises VolumeError for an image that is sheared or not of HU. SimpleITK speaks LPS as we do."""
    import SimpleITK as sitk

    axes = np.reshape(image.GetDirection(), (3, 3))
    check_right_angles(axes, path)
    affine = np.eye(4)
    affine[:3, :3] = (axes * image.GetSpacing())[:, ::-1]  # its order is column, row, slice
    affine[:3, 3] = image.GetOrigin()
    planes = sitk.GetArrayViewFromImage(image)
    return Volume(stacked_hu(planes, planes.shape, path), affine)
