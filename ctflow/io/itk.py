"""Reading with SimpleITK: its errors become ours, its images volumes, and the process keeps its locale."""

import locale
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ctflow.errors import VolumeError
from ctflow.io.checks import check_right_angles, hu_of
from ctflow.volume import Volume

if TYPE_CHECKING:
    import SimpleITK


@contextmanager
def itk_reads(path: Path) -> Iterator[None]:
    """Around calls that read `path`: an error of SimpleITK becomes a VolumeError.

    The first DICOM file sets the locale of the whole process to "C" (GDCM does, inside), and Python would take text
    files for ASCII from then on.
    """
    before = locale.setlocale(locale.LC_ALL)
    try:
        yield
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise VolumeError(f"{path} cannot be read ({reason}). Is it there, and is it whole?") from error
    finally:
        if locale.setlocale(locale.LC_ALL) != before:
            locale.setlocale(locale.LC_ALL, before)


def volume_of(image: "SimpleITK.Image", path: Path) -> Volume:
    """Raises VolumeError for an image that is sheared or not of HU. SimpleITK speaks LPS as we do."""
    import SimpleITK as sitk

    axes = np.reshape(image.GetDirection(), (3, 3))
    check_right_angles(axes, path)
    affine = np.eye(4)
    affine[:3, :3] = (axes * image.GetSpacing())[:, ::-1]  # its order is column, row, slice
    affine[:3, 3] = image.GetOrigin()
    return Volume(hu_of(sitk.GetArrayFromImage(image), path), affine)
