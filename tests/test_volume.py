import numpy as np
import pytest

from ctflow.errors import VolumeError
from ctflow.volume import Volume, plane_affine


def test_spacing_is_derived_from_the_affine_in_the_order_slice_row_column() -> None:
    volume = Volume(np.zeros((2, 3, 4), np.int16), plane_affine(("I", "P", "L"), (3.0, 1.5, 0.7), 3, 4))
    assert volume.spacing_mm == pytest.approx((3.0, 1.5, 0.7))


@pytest.mark.parametrize("hu", [np.zeros((2, 3, 4), np.float32), np.zeros((3, 4), np.int16)])
def test_another_type_or_shape_is_refused(hu: np.ndarray) -> None:
    with pytest.raises(VolumeError, match="int16"):
        Volume(hu, np.eye(4))


@pytest.mark.parametrize("affine", [np.eye(3), np.full((4, 4), np.nan)])
def test_an_affine_that_places_nothing_is_refused(affine: np.ndarray) -> None:
    with pytest.raises(VolumeError, match="affine"):
        Volume(np.zeros((2, 3, 4), np.int16), affine)


def test_an_index_grows_in_the_direction_its_axis_names() -> None:
    affine = plane_affine(("I", "A", "R"), (3.0, 2.0, 1.0), 5, 7)
    step = affine @ np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]).T
    assert step[:3].T.tolist() == [[0, 0, -3], [0, -2, 0], [-1, 0, 0]]


def test_the_first_slice_is_centred_so_a_longer_volume_lies_where_the_shorter_one_does() -> None:
    affine = plane_affine(("S", "P", "L"), (3.0, 2.0, 1.0), 5, 7)
    assert (affine @ (0, 2, 3, 1)).tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("axes", [("S", "P", "L"), ("R", "I", "A"), ("P", "S", "R")])
def test_a_turned_volume_keeps_each_voxel_where_it_is(axes: tuple[str, str, str]) -> None:
    hu = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    affine = plane_affine(("I", "P", "L"), (3.0, 1.5, 0.7), 3, 4)
    affine[:3, 3] += (10, -20, 30)
    volume = Volume(hu, affine)
    turned = volume.turned(axes)

    def places(of: Volume) -> list[tuple[float, ...]]:
        order = np.argsort(of.hu, axis=None)
        indices = np.array(np.unravel_index(order, of.hu.shape))
        return np.round(of.affine[:3, :3] @ indices + of.affine[:3, 3:], 6).T.tolist()

    assert places(turned) == places(volume)
    np.testing.assert_array_equal(turned.hu, volume.along(axes)[0])
    assert turned.spacing_mm == volume.along(axes)[1]
