"""A CT volume: int16 HU and the affine that places it in the patient."""

from dataclasses import dataclass

import numpy as np

from ctflow.errors import VolumeError

# Unit steps in LPS coordinates: x grows to the patient's left, y to the back, z to the head.
DIRECTIONS: dict[str, tuple[int, int, int]] = {
    "L": (1, 0, 0),
    "R": (-1, 0, 0),
    "P": (0, 1, 0),
    "A": (0, -1, 0),
    "S": (0, 0, 1),
    "I": (0, 0, -1),
}


@dataclass(frozen=True, eq=False)
class Volume:
    """A CT volume.

    `hu`: int16 (slices, rows, columns), in HU.
    `affine`: float64 4 x 4, maps (slice, row, column, 1) to LPS millimetres.
    Raises VolumeError for other shapes or types.
    """

    hu: np.ndarray
    affine: np.ndarray

    def __post_init__(self) -> None:
        if self.hu.ndim != 3 or self.hu.dtype != np.int16:
            raise VolumeError(
                f"A volume is int16 (slices, rows, columns); got {self.hu.dtype} of shape {self.hu.shape}."
            )
        if self.affine.shape != (4, 4) or not np.isfinite(self.affine).all():
            raise VolumeError(f"A volume's affine is a finite 4 x 4 matrix; got {self.affine.tolist()}.")

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between slices, rows and columns in mm, derived from the affine."""
        slices, rows, columns = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(slices), float(rows), float(columns)

    def along(self, axes: tuple[str, str, str]) -> tuple[np.ndarray, tuple[float, float, float]]:
        """The HU with their axes turned to grow in these directions (of L R P A S I), and the spacing in mm along them.

        Voxels are moved and never mixed: an oblique volume comes out along the nearest axes.
        Raises VolumeError for one so oblique that its axes have no order.
        """
        turned = self.turned(axes)
        return turned.hu, turned.spacing_mm

    def turned(self, axes: tuple[str, str, str]) -> "Volume":
        """As `along`, with the affine, so that each voxel stays where it is in the patient."""
        wanted = np.array([DIRECTIONS[axis] for axis in axes]).T
        cosines = self.affine[:3, :3].T @ wanted / np.linalg.norm(self.affine[:3, :3], axis=0)[:, None]
        order = [int(np.abs(cosines[:, axis]).argmax()) for axis in range(3)]
        if sorted(order) != [0, 1, 2]:
            raise VolumeError("The volume is so oblique that its axes have no order: resample it upright first.")
        flipped = tuple(axis for axis, source in enumerate(order) if cosines[source, axis] < 0)
        hu = np.flip(self.hu.transpose(order), flipped)
        affine = self.affine[:, [*order, 3]].copy()
        for axis in flipped:
            affine[:, 3] += (hu.shape[axis] - 1) * affine[:, axis]
            affine[:, axis] *= -1
        return Volume(np.ascontiguousarray(hu), affine)


def plane_affine(
    axes: tuple[str, str, str], spacing_mm: tuple[float, float, float], rows: int, columns: int
) -> np.ndarray:
    """The affine of slices whose first one is centred on the origin, so that it does not depend on their number.

    `axes`: the direction (one of L R P A S I) in which the slice, row and column index grows.
    """
    affine = np.eye(4)
    for axis, (direction, step_mm) in enumerate(zip(axes, spacing_mm, strict=True)):
        affine[:3, axis] = np.multiply(DIRECTIONS[direction], step_mm)
    affine[:3, 3] = -affine[:3, :3] @ (0, (rows - 1) / 2, (columns - 1) / 2)
    return affine
