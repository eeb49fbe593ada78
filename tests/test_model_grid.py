"""Scans on a model's grid: nothing moves in the patient, and the middle is kept."""

from dataclasses import replace

import numpy as np
import pytest

from ctflow.card import Geometry
from ctflow.hu import AIR_HU
from ctflow.model_grid import ModelGrid, regrid
from ctflow.volume import Volume, plane_affine
from tests.tiny import CARD

AXES = [("I", "P", "L"), ("S", "L", "P"), ("S", "R", "A")]


def ball(axes: tuple[str, str, str], spacing_mm: tuple[float, float, float], centre: np.ndarray) -> Volume:
    """A ball of 20 mm about a point in the patient, on any grid."""
    affine = plane_affine(axes, spacing_mm, 40, 40)
    affine[:3, 3] += centre - affine[:3, :3] @ (19.5, 0, 0) + (4, -3, 2)
    index = np.stack([*np.indices((40, 40, 40)), np.ones((40, 40, 40))], axis=-1)
    away_mm = np.linalg.norm((index @ affine.T)[..., :3] - centre, axis=-1)
    return Volume(np.where(away_mm < 20, 100, -1000).astype(np.int16), affine)


@pytest.mark.parametrize("axes", [("I", "P", "L"), ("S", "L", "P"), ("L", "I", "A"), ("P", "S", "R")])
def test_what_is_in_a_scan_stays_where_it_is_in_the_patient(axes: tuple[str, str, str]) -> None:
    centre = np.array([30.0, -20.0, 500.0])
    scan = ball(axes, (2.0, 1.5, 1.7), centre)
    moved = regrid(scan, ("I", "P", "L"), (3.0, 1.5, 1.5), (64, 64))
    index = np.argwhere(moved.hu > -450).mean(0)
    np.testing.assert_allclose((moved.affine @ (*index, 1))[:3], centre, atol=0.5)
    assert moved.spacing_mm == (3.0, 1.5, 1.5)
    volume_ml = (moved.hu > -450).sum() * 3 * 1.5 * 1.5 / 1000
    assert abs(volume_ml / (4 / 3 * np.pi * 2**3) - 1) < 0.05


def test_the_grid_begins_with_the_scans_first_slice_and_ends_within_it() -> None:
    scan = Volume(np.full((11, 8, 8), -1000, np.int16), plane_affine(("S", "P", "L"), (2.0, 1.0, 1.0), 8, 8))
    for axis, first in (("S", 0.0), ("I", 20.0)):
        moved = regrid(scan, (axis, "P", "L"), (3.0, 1.0, 1.0), (4, 12))
        assert moved.hu.shape == (7, 4, 12)
        assert moved.affine[2, 3] == first


def test_a_scan_on_the_grid_already_is_not_changed() -> None:
    affine = plane_affine(("I", "P", "L"), (3.0, 1.5, 1.5), 7, 9)
    affine[:3, 3] += (3, 4, 5)
    hu = np.random.default_rng(0).integers(-1000, 400, (6, 7, 9)).astype(np.int16)
    again = regrid(Volume(hu, affine), ("I", "P", "L"), (3.0, 1.5, 1.5), (7, 9))
    np.testing.assert_array_equal(again.hu, hu)
    np.testing.assert_allclose(again.affine, affine)


@pytest.mark.parametrize("shift_mm", [0.0, 0.01])
def test_a_scan_whose_voxels_lie_on_the_grid_is_turned_cut_and_padded_and_no_value_changes(shift_mm: float) -> None:
    """Slices to the feet, columns to the right: the other way than the grid. A hundredth of a mm away the values are
    interpolated, and differ by as little."""
    affine = plane_affine(("I", "P", "R"), (3.0, 1.5, 1.5), 8, 12)
    affine[2, 3] += shift_mm
    hu = np.random.default_rng(0).integers(-100, 100, (6, 8, 12)).astype(np.int16)
    moved = regrid(Volume(hu, affine), ("S", "P", "L"), (3.0, 1.5, 1.5), (10, 8))
    expected = np.full((6, 10, 8), -1000)
    expected[:, 1:9] = hu[::-1, :, 2:10][:, :, ::-1]
    np.testing.assert_array_equal(moved.hu, expected)
    assert (moved.affine @ (0, 1, 0, 1))[2] == (affine @ (5, 0, 0, 1))[2]


@pytest.mark.parametrize("axes", AXES)
def test_a_scan_comes_out_as_it_went_in_whatever_the_models_axes(axes: tuple[str, str, str]) -> None:
    """The A-VAE of random weights says nothing of a picture, so the way through the axes is tested without it."""
    grid = ModelGrid(replace(CARD.geometry, axes=axes, rows=32, columns=24))
    hu = np.random.default_rng(0).integers(-1000, 400, (12, *grid.plane)).astype(np.int16)
    assert grid.to_model(hu).shape[1:] == (32, 24)
    np.testing.assert_array_equal(grid.to_volume(grid.to_model(hu)), hu)


def long_scan(geometry: Geometry, slices: int) -> Volume:
    """On the model's grid; each slice has a HU of its own."""
    grid = ModelGrid(geometry)
    hu = np.broadcast_to(np.arange(slices, dtype=np.int16)[:, None, None], (slices, *grid.plane))
    affine = grid.affine
    affine[:3, 3] += (30, -40, 700)
    return Volume(np.ascontiguousarray(hu), affine)


@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("slices", [13, 21, 40])
def test_of_a_scan_longer_than_the_models_volumes_the_middle_is_taken_where_it_is(
    axes: tuple[str, str, str], slices: int
) -> None:
    """A model that has seen chests alone was shown the pelvis at the lower end of a chest and abdomen."""
    scan = long_scan(replace(CARD.geometry, axes=axes), slices)
    brought = ModelGrid(replace(CARD.geometry, axes=axes)).bring(scan)
    first = (slices - 12) // 2
    np.testing.assert_array_equal(brought.hu, scan.hu[first : first + 12])
    np.testing.assert_allclose(brought.affine @ (0, 5, 6, 1), scan.affine @ (first, 5, 6, 1))


@pytest.mark.parametrize("slices", [12, 9])
def test_a_scan_as_long_as_the_models_volumes_at_most_is_taken_whole(slices: int) -> None:
    scan = long_scan(CARD.geometry, slices)
    brought = ModelGrid(CARD.geometry).bring(scan)
    np.testing.assert_array_equal(brought.hu, scan.hu)
    np.testing.assert_allclose(brought.affine, scan.affine)


def test_padding_becomes_air() -> None:
    scan = long_scan(CARD.geometry, 9)
    hu = scan.hu.copy()
    hu[:, :2] = -3024
    brought = ModelGrid(CARD.geometry).bring(Volume(hu, scan.affine))
    assert brought.hu[:, :2].max() == brought.hu.min() == AIR_HU
