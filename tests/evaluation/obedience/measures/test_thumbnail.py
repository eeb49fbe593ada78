"""How alike two volumes are."""

from __future__ import annotations

import numpy as np
import pytest

from ctflow.evaluation.obedience.measures.thumbnail import SHAPE, distance, thumbnail
from ctflow.volume import Volume
from tests.evaluation.obedience.phantoms import volume


def test_a_volume_is_nearer_to_itself_than_to_another() -> None:
    assert distance(thumbnail(volume(None)), thumbnail(volume(None))) == 0
    assert distance(thumbnail(volume(None)), thumbnail(volume("effusion"))) > 5


def test_a_short_volume_has_a_thumbnail_of_the_same_shape() -> None:
    assert thumbnail(Volume(volume(None).hu[:16], volume(None).affine)).shape == SHAPE


def test_padding_around_a_scan_makes_it_no_other() -> None:
    """Resampled, its -8192 HU reached into the chest, and a copy of a padded training scan seemed far from it."""
    scan = volume(None)
    affine, hu = scan.affine.copy(), scan.hu.copy()
    affine[:3, :3] *= 0.9
    hu[:, :60] = -1000
    expected = thumbnail(Volume(hu, affine))
    hu[:, :60] = -8192
    assert distance(thumbnail(Volume(hu, affine)), expected) == pytest.approx(0)
    assert np.isfinite(expected).all()
