"""The chance floor: how much a volume differs, place by place, from others of the same report and other seeds."""

from collections.abc import Sequence

import numpy as np

PERCENTILE = 95.0
CUBE_MM = 12.0  # large enough for a percentile, small enough to tell a lung's border from its inside


def chance_floor(differences: Sequence[np.ndarray], spacing_mm: tuple[float, float, float]) -> np.ndarray:
    """float32 (slices, rows, columns), HU: in each cube of 12 mm, what 95 % of all |differences| there stay below.

    `differences`: HU of one shape, one array a seed.
    """
    shape = differences[0].shape
    steps = [max(1, round(CUBE_MM / spacing)) for spacing in spacing_mm]
    padding = [(0, -size % step) for size, step in zip(shape, steps, strict=True)]
    cubes = [_cubes(np.pad(np.abs(one), padding, mode="edge"), steps) for one in differences]
    floor = np.percentile(np.concatenate(cubes, axis=-1), PERCENTILE, axis=-1).astype(np.float32)
    for axis, step in enumerate(steps):
        floor = np.repeat(floor, step, axis)
    return floor[tuple(slice(0, size) for size in shape)]


def _cubes(values: np.ndarray, steps: Sequence[int]) -> np.ndarray:
    """(slices, rows, columns) -> (cubes along each of them, voxels of a cube)."""
    counts = [size // step for size, step in zip(values.shape, steps, strict=True)]
    split = values.reshape(counts[0], steps[0], counts[1], steps[1], counts[2], steps[2])
    return split.transpose(0, 2, 4, 1, 3, 5).reshape(*counts, -1)
