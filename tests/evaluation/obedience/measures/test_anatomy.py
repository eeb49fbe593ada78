"""Where things are in a chest."""

from __future__ import annotations

import numpy as np
import pytest

from ctflow.evaluation.obedience.measures.anatomy import anatomy, depth_mm, standard
from ctflow.volume import Volume
from tests.evaluation.obedience.phantoms import volume


def test_the_ribs_inner_surface_is_found_in_the_volume() -> None:
    hu = standard(volume(None))
    small = hu.reshape(len(hu), 128, 2, 128, 2).mean((2, 4))
    depth, a = depth_mm(small, anatomy(len(hu))), anatomy(len(hu))
    lung = (small < -600) & (small > -950) & (a.above > 5) & (a.grid.z > 30) & (a.ring < 1.15)
    assert (depth[lung] > -3).mean() > 0.97
    wall = (small > 250) & (a.ring > 0.9) & (a.grid.z > 60) & (a.above > 5)
    assert (depth[wall] > 6).mean() < 0.05


@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 2, 0), (2, 0, 1)])
def test_other_orientations_are_turned_the_phantoms_way(axes: tuple[int, int, int]) -> None:
    upright = volume(None)
    flipped = np.ascontiguousarray(upright.hu[::-1].transpose(axes))
    affine = upright.affine.copy()
    affine[:, 3] += (len(upright.hu) - 1) * affine[:, 0]
    affine[:, 0] *= -1
    turned = Volume(flipped, affine[:, [*axes, 3]])
    assert np.array_equal(standard(turned), upright.hu)
