"""The chance floor: how much a volume differs, place by place, from others of the same report and other seeds."""

from collections.abc import Sequence

import numpy as np

PERCENTILE = 95.0
CUBE_MM = 12.0  # large enough for a percentile, small enough to tell a lung's border from its inside


def chance_floor(differences: Sequence[np.ndarray], spacing_mm: tuple[float, float, float]) -> np.ndarray:
    """float32 (slices, rows, columns), HU: in each cube of 12 mm, what 95 % of all |differences| there stay below.

    `differences`: HU of one shape, one array a seed.
    """
    steps = [max(1, round(CUBE_MM / spacing)) for spacing in spacing_mm]
    floor = np.empty(differences[0].shape, np.float32)
    for first in range(0, len(floor), steps[0]):  # one layer of cubes at a time: a percentile takes much memory
        layer = slice(first, first + steps[0])
        floor[layer] = _layer_floor([np.abs(one[layer]) for one in differences], steps)
    return floor


def _layer_floor(changes: Sequence[np.ndarray], steps: Sequence[int]) -> np.ndarray:
    """|differences| of one layer of cubes (slices, rows, columns) -> its floor (1, rows, columns)."""
    _, rows, columns = changes[0].shape
    padding = [(0, 0), (0, -rows % steps[1]), (0, -columns % steps[2])]
    cubes = [_cubes(np.pad(one, padding, mode="edge"), steps[1:]) for one in changes]
    floor = np.percentile(np.concatenate(cubes, axis=-1), PERCENTILE, axis=-1)
    return floor.repeat(steps[1], 0).repeat(steps[2], 1)[None, :rows, :columns]


def _cubes(layer: np.ndarray, steps: Sequence[int]) -> np.ndarray:
    """(slices, rows, columns) -> (cubes along rows, along columns, voxels of a cube)."""
    slices, rows, columns = layer.shape
    split = layer.reshape(slices, rows // steps[0], steps[0], columns // steps[1], steps[1])
    return split.transpose(1, 3, 0, 2, 4).reshape(rows // steps[0], columns // steps[1], -1)
