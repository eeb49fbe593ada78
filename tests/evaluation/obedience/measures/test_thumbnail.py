"""How alike two volumes are."""

from __future__ import annotations

from ctflow.evaluation.obedience.measures.thumbnail import SHAPE, distance, thumbnail
from ctflow.volume import Volume
from tests.evaluation.obedience.phantoms import volume


def test_a_volume_is_nearer_to_itself_than_to_another() -> None:
    assert distance(thumbnail(volume(None)), thumbnail(volume(None))) == 0
    assert distance(thumbnail(volume(None)), thumbnail(volume("effusion"))) > 5


def test_a_short_volume_has_a_thumbnail_of_the_same_shape() -> None:
    assert thumbnail(Volume(volume(None).hu[:16], volume(None).affine)).shape == SHAPE
