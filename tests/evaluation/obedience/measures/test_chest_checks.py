"""The checks of the chest hold for phantoms, and each fails where it should."""

from __future__ import annotations

import numpy as np
import pytest

from ctflow.evaluation.obedience.measures.chest_checks import check_chest
from ctflow.phantom import Truth, make_phantom
from ctflow.volume import Volume
from tests.evaluation.obedience.phantoms import volume

THIN_SEED = 7
HOLES = "chest wall without holes"


def test_a_phantom_is_a_chest_and_one_mirrored_or_prone_is_not() -> None:
    assert all(check_chest(volume(None)).values())
    mirrored = Volume(np.ascontiguousarray(volume(None).hu[..., ::-1]), volume(None).affine)
    assert not check_chest(mirrored)["heart to the left"]
    prone = Volume(np.ascontiguousarray(volume(None).hu[:, ::-1]), volume(None).affine)
    assert not check_chest(prone)["spine behind"]


@pytest.mark.slow
def test_a_thin_person_has_no_holes_in_the_wall() -> None:
    thin = make_phantom(THIN_SEED, truth=Truth())
    assert check_chest(Volume(thin.clean, thin.volume.affine))[HOLES]


def test_a_hole_in_the_wall_is_found() -> None:
    hu = volume(None).hu.copy()
    hu[30:50, 110:122, :60] = -1000  # from the right lung to the air outside
    assert not check_chest(Volume(hu, volume(None).affine))[HOLES]


def test_a_block_of_tissue_is_no_chest() -> None:
    block = Volume(np.full((40, 256, 256), 40, np.int16), volume(None).affine)
    assert not all(check_chest(block).values())
