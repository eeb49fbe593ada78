"""The model's own axes and the volume's: slices as the model orders them, rows to the back, columns to the left."""

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from ctflow.card import Geometry
from ctflow.errors import RequestError
from ctflow.hu import AIR_HU
from ctflow.volume import DIRECTIONS, Volume, plane_affine

if TYPE_CHECKING:
    import SimpleITK

LEAST_HU = -1100  # what lies below is padding around the scanner's circle: -2000, -3024, in some files -8192
ON_GRID = 1e-5  # of a voxel: as far as a step may be from a whole number of them, and not be taken for another


@dataclass(frozen=True)
class ModelGrid:
    """Turns arrays (slices, rows, columns) from one to the other, and brings scans onto the grid."""

    geometry: Geometry

    @property
    def plane(self) -> tuple[int, int]:
        """Rows and columns of a volume."""
        rows, columns = self.geometry.rows, self.geometry.columns
        return (columns, rows) if self._turned else (rows, columns)

    @property
    def affine(self) -> np.ndarray:
        """Of every volume that the model makes from text alone."""
        return plane_affine(self._axes, self._spacing_mm, *self.plane)

    def to_volume(self, hu: np.ndarray) -> np.ndarray:
        """From the model's axes."""
        hu = np.flip(hu, self._flipped)
        return np.ascontiguousarray(hu.swapaxes(1, 2) if self._turned else hu)

    def to_model(self, hu: np.ndarray) -> np.ndarray:
        """To the model's axes: undoes `to_volume`."""
        hu = hu.swapaxes(1, 2) if self._turned else hu
        return np.ascontiguousarray(np.flip(hu, self._flipped))

    def bring(self, scan: Volume) -> Volume:
        """Resamples a scan onto the grid of the model's volumes, at its own place in the patient.

        Of a scan longer than the model's volumes the middle is kept, as in training: from its first slice on, a scan of
        chest and abdomen would begin in the pelvis.
        """
        whole = regrid(scan, self._axes, self._spacing_mm, self.plane)
        most = self.geometry.max_chunks * self.geometry.slices_per_chunk
        first = max(0, len(whole.hu) - most) // 2
        affine = whole.affine.copy()
        affine[:3, 3] += first * affine[:3, 0]
        return Volume(whole.hu[first : first + most], affine)

    def check(self, volume: Volume) -> None:
        """Raises RequestError for a volume that does not lie on this grid, wherever it is in the patient."""
        if volume.hu.shape[1:] != self.plane or not np.allclose(volume.affine[:3, :3], self.affine[:3, :3]):
            raise RequestError(
                f"A scan of shape {volume.hu.shape} and spacing {volume.spacing_mm} mm does not lie on the model's "
                "grid: bring it there with ModelGrid.bring."
            )

    @property
    def _axes(self) -> tuple[str, str, str]:
        return self.geometry.axes[0], "P", "L"

    @property
    def _spacing_mm(self) -> tuple[float, float, float]:
        return self.geometry.slice_spacing_mm, self.geometry.pixel_spacing_mm, self.geometry.pixel_spacing_mm

    @property
    def _turned(self) -> bool:
        """Whether the model's rows run along the patient's left-right axis."""
        return self.geometry.axes[1] in "LR"

    @property
    def _flipped(self) -> tuple[int, ...]:
        return tuple(axis for axis in (1, 2) if self.geometry.axes[axis] in "AR")


def without_padding(scan: Volume) -> Volume:
    """A scan with air in place of padding, which resampling would smear into its surroundings."""
    return Volume(np.where(scan.hu < LEAST_HU, np.int16(AIR_HU), scan.hu), scan.affine)


def regrid(
    volume: Volume, axes: tuple[str, str, str], spacing_mm: tuple[float, float, float], plane: tuple[int, int]
) -> Volume:
    """Resamples (linear) so that slices, rows and columns grow along `axes` (of L R P A S I); around the scan is air.

    The first slice is the scan's first in that direction, and the last lies within it; `plane` (rows, columns) is
    centred on the scan. Positions in the patient stay what they were. Padding becomes air.
    """
    volume = without_padding(volume)
    corners = np.array([volume.affine @ (*index, 1) for index in product(*((0, size - 1) for size in volume.hu.shape))])
    ways = np.array([DIRECTIONS[axis] for axis in axes], dtype=float)
    low, high = (corners[:, :3] @ ways.T).min(0), (corners[:, :3] @ ways.T).max(0)
    slices = int((high[0] - low[0]) / spacing_mm[0] + 1e-6) + 1
    begin = (low + high) / 2 - np.multiply(spacing_mm, (0, plane[0] - 1, plane[1] - 1)) / 2
    begin[0] = low[0]
    affine = np.eye(4)
    affine[:3, :3] = ways.T * spacing_mm
    affine[:3, 3] = begin @ ways  # the axes are at right angles
    shape = (slices, *plane)
    copied = _copied(volume, affine, shape)
    return Volume(_resampled(volume, affine, shape) if copied is None else copied, affine)


def _copied(volume: Volume, affine: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray | None:
    """The voxels as they are, where every point of a grid that is inside the volume is one of its own; else None."""
    steps = np.linalg.solve(volume.affine, affine)  # from the grid's indices to the volume's
    whole = np.rint(steps).astype(int)
    if np.abs(steps - whole).max() > ON_GRID or (np.abs(whole[:3, :3]).sum(0) != 1).any():
        return None
    axes = np.abs(whole[:3, :3]).argmax(0)
    turned = volume.hu.transpose(axes)
    places = [whole[axis, new] * np.arange(shape[new]) + whole[axis, 3] for new, axis in enumerate(axes)]
    inside = [(place >= 0) & (place < size) for place, size in zip(places, turned.shape, strict=True)]
    copied = np.full(shape, AIR_HU, np.int16)
    copied[np.ix_(*inside)] = turned[np.ix_(*(place[there] for place, there in zip(places, inside, strict=True)))]
    return copied


def _resampled(volume: Volume, affine: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """The values, by linear interpolation, at a grid's points."""
    import SimpleITK as sitk

    slices, rows, columns = shape
    spacing_mm = np.linalg.norm(affine[:3, :3], axis=0)
    resampler = sitk.ResampleImageFilter()
    resampler.SetSize((columns, rows, slices))
    resampler.SetOutputSpacing(spacing_mm[::-1].tolist())
    resampler.SetOutputDirection((affine[:3, :3] / spacing_mm)[:, ::-1].ravel().tolist())
    resampler.SetOutputOrigin(affine[:3, 3].tolist())
    resampler.SetInterpolator(sitk.sitkLinear)
    resampler.SetDefaultPixelValue(AIR_HU)
    return sitk.GetArrayFromImage(resampler.Execute(_image(volume)))


def _image(volume: Volume) -> "SimpleITK.Image":
    import SimpleITK as sitk

    spacing_mm = volume.spacing_mm
    image = sitk.GetImageFromArray(volume.hu)
    image.SetSpacing(spacing_mm[::-1])
    image.SetDirection((volume.affine[:3, :3] / spacing_mm)[:, ::-1].ravel().tolist())
    image.SetOrigin(volume.affine[:3, 3].tolist())
    return image
