"""The model's own axes and the volume's: slices as the model orders them, rows to the back, columns to the left."""

from dataclasses import dataclass

import numpy as np

from ctflow.card import Geometry
from ctflow.io.regrid import regrid
from ctflow.volume import Volume, plane_affine


@dataclass(frozen=True)
class Frame:
    """Turns arrays (slices, rows, columns) between the two, and brings scans in."""

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
        """A scan on the grid of the model's volumes, at its own place in the patient.

        Of more slices than the model makes the middle ones are kept, as in training: a scan of chest and abdomen would
        begin in the pelvis.
        """
        whole = regrid(scan, self._axes, self._spacing_mm, self.plane)
        most = self.geometry.max_chunks * self.geometry.slices_per_chunk
        first = max(0, len(whole.hu) - most) // 2
        affine = whole.affine.copy()
        affine[:3, 3] += first * affine[:3, 0]
        return Volume(whole.hu[first : first + most], affine)

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
    def _flipped(self) -> list[int]:
        return [axis for axis in (1, 2) if self.geometry.axes[axis] in "AR"]
