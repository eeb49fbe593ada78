"""The border of slices: air around a chest, white after a volume's end, and garbage between the two."""

import numpy as np
import pytest

from ctflow.evaluation.border import BORDER_PIXELS, border_shares, changes, is_garbage
from ctflow.phantom import make_phantom

SIZE = 32
BORDER_VOXELS = SIZE**2 - (SIZE - 2 * BORDER_PIXELS) ** 2


def air() -> np.ndarray:
    return np.full((1, SIZE, SIZE), -1000, np.int16)


def test_a_chest_in_air_has_no_border_above_air_and_a_white_slice_nothing_else() -> None:
    chest, white = air(), np.full((1, SIZE, SIZE), 1400, np.int16)
    chest[:, BORDER_PIXELS:-BORDER_PIXELS, BORDER_PIXELS:-BORDER_PIXELS] = 40
    slices = np.concatenate([chest, white])
    assert border_shares(slices).tolist() == [0, 1]
    assert is_garbage(slices).tolist() == [False, True]


def test_every_voxel_of_the_border_counts_once_and_dark_ones_are_air() -> None:
    corner, dark = air(), air()
    corner[:, :BORDER_PIXELS, :BORDER_PIXELS] = -899
    dark[:] = -900
    assert border_shares(corner) == pytest.approx(BORDER_PIXELS**2 / BORDER_VOXELS)
    assert border_shares(dark) == 0


def test_changes_are_from_the_slice_before() -> None:
    slices = np.concatenate([air(), air() + 10, air() - 20, np.full((1, SIZE, SIZE), 32767, np.int16)])
    np.testing.assert_allclose(changes(slices), [np.nan, 10, 30, 33787])


@pytest.mark.parametrize("seed", [5, 2_000_008])
def test_no_slice_of_a_phantom_is_garbage(seed: int) -> None:
    assert not is_garbage(make_phantom(seed).volume.hu).any()
