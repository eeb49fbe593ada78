"""Is it a chest at all? Checks that hold for every person, whatever the findings."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ctflow.evaluation.obedience.measures.anatomy import GRID_MM, Mask, anatomy, depth_mm, standard
from ctflow.evaluation.obedience.measures.bands import mean_over, ml
from ctflow.phantom.grid import Field
from ctflow.volume import Volume

CHECKS = ("two lungs", "heart to the left", "spine behind", "chest wall without holes")
LEAST_LUNG_ML, MOST_HOLES_ML = 150.0, 10.0
LEAST_HEART_X_MM, LEAST_SPINE_Y_MM = 3.0, 15.0
SKIN_HU = -400.0  # where air ends and skin begins
SKIN_GAP_MM = 16.0  # in the axial plane; a narrower gap is a hole in the skin, a wider one is the air beside it
NOWHERE_MM = -99.0  # where a heart or a spine lies that is not there


def check_chest(volume: Volume) -> dict[str, bool]:
    """Which of the `CHECKS` hold."""
    hu = standard(volume)
    a = anatomy(len(hu))
    small = hu.reshape(len(hu), 128, 2, 128, 2).mean((2, 4))
    depth = depth_mm(small, a)
    lung = (small > -950) & (small < -600) & (depth > 0)
    x = a.grid.x
    right, left = ml(lung & (x < -6)), ml(lung & (x > 6))
    tissue = (small > 0) & (small < 120) & (depth > 10) & (a.above > 6) & (a.grid.z > a.build.heart_z - 30)
    tissue &= (a.grid.y < a.build.spine_y - 35) & (abs(x) < 90)
    bone = (small > 200) & (abs(x) < 24) & (a.ring < 1.6)
    shell = (depth < -6) & (depth > -12) & (a.above > 0) & (a.grid.z > 0.2 * a.build.length)
    holds = (
        min(right, left) > LEAST_LUNG_ML,
        mean_over(x, tissue, NOWHERE_MM) > LEAST_HEART_X_MM,
        mean_over(a.grid.y, bone, NOWHERE_MM) > LEAST_SPINE_Y_MM,
        ml(shell & (small < SKIN_HU) & inside_skin(small)) < MOST_HOLES_ML,
    )
    return dict(zip(CHECKS, holds, strict=True))


def inside_skin(hu: Field) -> Mask:
    """Tissue and what it surrounds in the axial plane, slice by slice, on the 3 mm grid.

    The ribs of a thin person lie so near the skin that air outside the body would count as a hole otherwise.
    """
    reach = round(SKIN_GAP_MM / GRID_MM)
    disc = np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1]) <= reach
    room = np.pad(hu > SKIN_HU, ((0, 0), (reach, reach), (reach, reach)))
    filled = [ndimage.binary_fill_holes(ndimage.binary_closing(one, disc)) for one in room]
    return np.stack(filled)[:, reach:-reach, reach:-reach]
