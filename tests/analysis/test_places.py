"""Masks of the places that sentences name, on the chest that tests know."""

import numpy as np
import pytest

from ctflow.analysis.places import Place, body_of, mask_of, places_of
from ctflow.reading import Mention
from ctflow.volume import Volume, plane_affine
from tests.app.fake import SIZE, SPACING_MM, chest


def volume(towards: str) -> Volume:
    return Volume(chest(48, 3, towards), plane_affine((towards, "P", "L"), SPACING_MM, SIZE, SIZE))


def heights(mask: np.ndarray, of: Volume) -> tuple[float, float]:
    """The lowest and the highest z of a mask."""
    slices = np.flatnonzero(mask.any(axis=(1, 2)))
    z = of.affine[2, 0] * slices + of.affine[2, 3]
    return z.min(), z.max()


def test_the_body_holds_lungs_and_no_air_around_it() -> None:
    body = body_of(volume("I"))
    assert body[24, 128, 128] and body[24, 125, 76], "spine's front, and a lung"
    assert not body[24, 128, 5] and not body[24, 5, 128]
    assert body[0].sum() == pytest.approx(np.pi * 78 * 112, rel=0.05)


@pytest.mark.parametrize("towards", ["I", "S"])
def test_sides_are_the_patients_and_thirds_follow_the_lungs_whatever_the_order_of_slices(towards: str) -> None:
    of = volume(towards)
    body = body_of(of)
    right, left = (mask_of([Place(side, None)], of, body) for side in ("right", "left"))
    assert right[24, 125, 76] and left[24, 125, 180] and not (right & left).any()
    assert right.sum() == pytest.approx(left.sum(), rel=0.02)
    upper, middle, lower = (mask_of([Place(None, lobe)], of, body) for lobe in ("upper", "middle", "lower"))
    assert (upper | middle | lower == body).all() and not (upper & middle).any() and not (middle & lower).any()
    assert heights(lower, of)[1] < heights(middle, of)[0] and heights(middle, of)[1] < heights(upper, of)[0]
    both = mask_of([Place("right", "upper"), Place("left", None)], of, body)
    assert (both == (left | (right & upper))).all()


def test_a_volume_without_lungs_has_no_lobes() -> None:
    solid = Volume(np.full((4, 16, 16), 40, np.int16), np.eye(4))
    body = body_of(solid)
    assert body.all()
    assert not mask_of([Place(None, "upper")], solid, body).any()


def test_both_sides_and_no_place_name_none() -> None:
    mentions = [
        Mention("Effusion", True, "both", None, None),
        Mention("Heart", True, None, None, None),
        Mention("Nodule", True, "left", "upper", None),
        Mention("Opacity", False, "left", "upper", None),
        Mention("Fibrosis", True, "both", "lower", None),
    ]
    assert places_of(mentions) == (Place("left", "upper"), Place(None, "lower"))
    assert [str(place) for place in places_of(mentions)] == ["left upper", "lower"]
