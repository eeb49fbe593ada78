"""Figures of volumes whose every voxel is known, with another spacing along each axis."""

import numpy as np
import pytest

from ctflow.analysis.measure import Measures, measure
from ctflow.volume import Volume, plane_affine

SPACING_MM = (5.0, 2.0, 0.5)
VOXEL_ML = 0.005
ROWS, COLUMNS = 24, 40


def volume(hu: np.ndarray, axes: tuple[str, str, str] = ("I", "P", "L")) -> Volume:
    return Volume(hu.astype(np.int16), plane_affine(axes, SPACING_MM, hu.shape[1], hu.shape[2]))


def chest(slices: int = 4) -> np.ndarray:
    """A box of soft tissue in air, in it known boxes: 24 voxels of fat, 20 of bone, 100 of lung in each slice."""
    hu = np.full((slices, ROWS, COLUMNS), -1000)
    hu[:, 2:22, 4:36] = 40
    hu[:, 3:5, 10:22] = -100
    hu[:, 18:20, 10:20] = 400
    hu[:, 8:18, 12:22] = -850
    return hu


def test_tissues_are_measured_in_ml_within_the_body() -> None:
    found = measure(volume(chest())).tissue_ml()
    soft = 20 * 32 - 24 - 20 - 100
    expected = {"lung": 100, "fat": 24, "soft tissue": soft, "bone": 20}
    assert found == pytest.approx({name: 4 * count * VOXEL_ML for name, count in expected.items()})


@pytest.mark.parametrize(
    ("hu", "tissue"),
    [
        (-501, "lung"),
        (-500, None),
        (-191, None),
        (-190, "fat"),
        (-30, "fat"),
        (-29, "soft tissue"),
        (150, "soft tissue"),
        (151, "bone"),
        (3071, "bone"),
    ],
)
def test_each_range_holds_both_of_its_ends(hu: int, tissue: str | None) -> None:
    made = chest(1)
    made[0, 12, 30] = hu  # in place of a voxel of soft tissue
    before, after = measure(volume(chest(1))).tissue_ml(), measure(volume(made)).tissue_ml()
    more = {name for name in after if after[name] > before[name] + VOXEL_ML / 2}
    assert more == ({tissue} - {None, "soft tissue"})
    assert (after["soft tissue"] < before["soft tissue"] - VOXEL_ML / 2) == (tissue != "soft tissue")


def test_lung_density_is_what_the_voxels_of_lung_say() -> None:
    made = chest(1)
    inside = made[0, 8:18, 12:22]
    inside[:] = -900 + np.arange(100).reshape(10, 10)
    inside[0, :4] = -970
    found = measure(volume(made))
    assert found.emphysema_share() == pytest.approx(0.04)
    assert found.lung_density_hu() == np.percentile(inside, 15, method="inverted_cdf")
    assert EMPTY.emphysema_share() is None and EMPTY.lung_density_hu() is None


EMPTY: Measures = measure(volume(np.full((2, ROWS, COLUMNS), -1000)))


def test_950_itself_is_not_below_950() -> None:
    made = chest(1)
    made[0, 8:18, 12:22] = -950
    assert measure(volume(made)).emphysema_share() == 0
    made[0, 8:18, 12:22] = -951
    assert measure(volume(made)).emphysema_share() == 1


def test_the_histogram_holds_the_whole_body_and_no_air_around_it() -> None:
    found = measure(volume(chest(1)))
    middles, ml = found.histogram_ml(20)
    assert ml.sum() == pytest.approx(20 * 32 * VOXEL_ML)
    held = {int(hu // 20): round(one / VOXEL_ML) for hu, one in zip(middles, ml, strict=True) if one}
    assert held == {-43: 100, -5: 24, 2: 496, 20: 20}
    assert EMPTY.histogram_ml(20)[0].size == 0


@pytest.mark.parametrize("axes", [("I", "P", "L"), ("S", "P", "L"), ("I", "A", "R")])
def test_slices_are_counted_from_the_head_down_whatever_the_files_order(axes: tuple[str, str, str]) -> None:
    made = np.full((3, ROWS, COLUMNS), -1000)
    made[1] += 30
    made[2] += 70
    in_file = made[::-1] if axes[0] == "S" else made
    found = measure(volume(in_file, axes))
    assert found.mean_hu.tolist() == [-1000, -970, -930]
    assert found.change_hu.tolist() == [30, 40]
    assert found.depth_mm.tolist() == [0, 5, 10]


def test_a_change_is_never_cut_at_the_ends_of_int16() -> None:
    made = np.full((2, ROWS, COLUMNS), -32768)
    made[1] = 32767
    assert measure(volume(made)).change_hu.tolist() == [65535]
