"""Is it a chest at all? Seams between chunks, the plan of the body, and how alike volumes are."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ctflow.evaluation.obedience.anatomy import (
    GRID_ML,
    GRID_MM,
    Mask,
    anatomy,
    depth_mm,
    standard,
)
from ctflow.phantom.grid import Field
from ctflow.volume import Volume

CHUNK = 16
PLAN = ("two lungs", "heart to the left", "spine behind", "chest wall without holes")
THUMB = (24, 32, 32)
LEAST_LUNG_ML, MOST_HOLES_ML = 150.0, 10.0
SKIN_GAP_MM = 16.0  # in the plane; what is narrower is a hole in the skin and not the air beside it
AIR_HU = -400.0
LEAST_HEART_X_MM, LEAST_SPINE_Y_MM = 3.0, 15.0


def seam_index(volume: Volume, chunk: int = CHUNK) -> float | None:
    """Change across the borders of chunks over the change two slices from them; 1 where no seam is to be seen.

    None where the volume has no border with three slices on either side, or nothing changes there.
    """
    hu = np.clip(volume.hu, -1000, 400).astype(np.float32)
    change = np.abs(np.diff(hu, axis=0)).mean((1, 2))
    borders = [k for k in range(chunk - 1, len(change), chunk) if k + 2 < len(change)]
    around = [np.mean([change[k - 2], change[k - 1], change[k + 1], change[k + 2]]) for k in borders]
    ratios = [change[k] / usual for k, usual in zip(borders, around, strict=True) if usual > 0]
    return float(np.mean(ratios)) if ratios else None


def sane(volume: Volume) -> dict[str, bool]:
    """Which parts of the `PLAN` of a chest hold."""
    hu = standard(volume)
    a = anatomy(len(hu))
    small = hu.reshape(len(hu), 128, 2, 128, 2).mean((2, 4))
    depth = depth_mm(small, a)
    lung = (small > -950) & (small < -600) & (depth > 0)
    x = a.grid.x
    right, left = (float((lung & side).sum()) * GRID_ML for side in (x < -6, x > 6))
    tissue = (small > 0) & (small < 120) & (depth > 10) & (a.above > 6) & (a.grid.z > a.build.heart_z - 30)
    tissue &= (a.grid.y < a.build.spine_y - 35) & (abs(x) < 90)
    bone = (small > 200) & (abs(x) < 24) & (a.ring < 1.6)
    shell = (depth < -6) & (depth > -12) & (a.above > 0) & (a.grid.z > 0.2 * a.build.length)
    holds = (
        min(right, left) > LEAST_LUNG_ML,
        _mean(x, tissue) > LEAST_HEART_X_MM,
        _mean(a.grid.y, bone) > LEAST_SPINE_Y_MM,
        float((shell & (small < AIR_HU) & inside_skin(small)).sum()) * GRID_ML < MOST_HOLES_ML,
    )
    return dict(zip(PLAN, holds, strict=True))


def inside_skin(hu: Field) -> Mask:
    """Tissue and what it surrounds in the plane, slice by slice, on the 3 mm grid: a thin person's ribs lie so near the
    skin that there is air outside within reach."""
    reach = round(SKIN_GAP_MM / GRID_MM)
    disc = np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1]) <= reach
    room = np.pad(hu > AIR_HU, ((0, 0), (reach, reach), (reach, reach)))
    filled = [ndimage.binary_fill_holes(ndimage.binary_closing(one, disc)) for one in room]
    return np.stack(filled)[:, reach:-reach, reach:-reach]


def _mean(values: Field, mask: Mask) -> float:
    return float(np.broadcast_to(values, mask.shape)[mask].mean()) if mask.any() else -99.0


def thumbnail(volume: Volume) -> Field:
    """float32 HU of shape THUMB, cut to -1000..400: for distances between volumes."""
    hu = np.clip(standard(volume), -1000, 400)
    rows = hu.reshape(len(hu), THUMB[1], -1, THUMB[2], hu.shape[2] // THUMB[2]).mean((2, 4))
    parts = np.array_split(rows, min(THUMB[0], len(rows)))
    slices = np.stack([part.mean(0) for part in parts])
    return np.pad(slices, ((0, THUMB[0] - len(slices)), (0, 0), (0, 0)), mode="edge").astype(np.float32)


def distance(a: Field, b: Field) -> float:
    """Mean absolute difference of two thumbnails in HU."""
    return float(np.abs(a.astype(np.float32) - b).mean())
