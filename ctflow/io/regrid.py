"""A scan brought onto another grid: other axes, spacing and size."""

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from ctflow.hu import AIR_HU
from ctflow.volume import DIRECTIONS, Volume

if TYPE_CHECKING:
    import SimpleITK


def regrid(
    volume: Volume, axes: tuple[str, str, str], spacing_mm: tuple[float, float, float], plane: tuple[int, int]
) -> Volume:
    """Resampled (linear) so that slices, rows and columns grow along `axes` (of L R P A S I), with air around it.

    The first slice is the scan's first in that direction, and the last lies within it; `plane` (rows, columns) is
    centred on the scan. Positions in the patient stay what they were.
    """
    import SimpleITK as sitk

    image = _image(volume)
    indices = product(*((0, size - 1) for size in image.GetSize()))
    corners = np.array([image.TransformIndexToPhysicalPoint(index) for index in indices])
    ways = np.array([DIRECTIONS[axis] for axis in axes], dtype=float)
    low, high = (corners @ ways.T).min(0), (corners @ ways.T).max(0)
    slices = int((high[0] - low[0]) / spacing_mm[0] + 1e-6) + 1
    begin = (low + high) / 2 - np.multiply(spacing_mm, (0, plane[0] - 1, plane[1] - 1)) / 2
    begin[0] = low[0]
    affine = np.eye(4)
    affine[:3, :3] = ways.T * spacing_mm
    affine[:3, 3] = begin @ ways  # the axes are at right angles
    resampler = sitk.ResampleImageFilter()
    resampler.SetSize((plane[1], plane[0], slices))
    resampler.SetOutputSpacing([float(step) for step in reversed(spacing_mm)])
    resampler.SetOutputDirection(ways.T[:, ::-1].ravel().tolist())
    resampler.SetOutputOrigin(affine[:3, 3].tolist())
    resampler.SetInterpolator(sitk.sitkLinear)
    resampler.SetDefaultPixelValue(AIR_HU)
    return Volume(sitk.GetArrayFromImage(resampler.Execute(image)), affine)


def _image(volume: Volume) -> "SimpleITK.Image":
    import SimpleITK as sitk

    spacing_mm = volume.spacing_mm
    image = sitk.GetImageFromArray(volume.hu)
    image.SetSpacing(spacing_mm[::-1])
    image.SetDirection((volume.affine[:3, :3] / spacing_mm)[:, ::-1].ravel().tolist())
    image.SetOrigin(volume.affine[:3, 3].tolist())
    return image
