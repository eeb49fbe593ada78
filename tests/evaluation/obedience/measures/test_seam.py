"""Seams between chunks."""

from __future__ import annotations

import numpy as np
import pytest

from ctflow.evaluation.obedience.measures.seam import seam_index
from ctflow.volume import Volume
from tests.evaluation.obedience.phantoms import volume


def test_a_seam_is_seen_and_none_is_seen_in_a_phantom() -> None:
    assert seam_index(volume(None)) == pytest.approx(1.0, abs=0.15)
    hu = volume(None).hu.copy()
    hu[16:32] = np.roll(hu[16:32], 4, axis=2)
    shifted = seam_index(Volume(hu, volume(None).affine))
    assert shifted is not None and shifted > 1.2


@pytest.mark.parametrize("slices", [16, 40])
def test_a_volume_without_borders_or_without_change_has_no_index(slices: int) -> None:
    assert seam_index(Volume(np.full((slices, 8, 8), 40, np.int16), volume(None).affine)) is None
