"""What a phantom promises: where things lie, how much fluid there is, and that it can be made again."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy import ndimage

from ctflow.phantom import Phantom, Truth, effusions, make_phantom

SEED = 5
VOXEL_ML = 1.5 * 1.5 * 3.0 / 1000.0
HEALTHY = Truth()
CASES = {
    "small right": Truth(findings=effusions(right=150.0)),
    "moderate left": Truth(findings=effusions(left=450.0)),
    "large right": Truth(findings=effusions(right=1000.0)),
    "both": Truth(findings=effusions(right=400.0, left=850.0)),
}


@cache
def phantom(case: str) -> Phantom:
    return make_phantom(SEED, truth=HEALTHY if case == "none" else CASES[case])


def lps(case: str, mask: np.ndarray) -> np.ndarray:
    """LPS mm of the mask's voxels, through the affine."""
    index = np.argwhere(mask)
    return index @ phantom(case).volume.affine[:3, :3].T + phantom(case).volume.affine[:3, 3]


def fluid_mask(case: str) -> np.ndarray:
    """Voxels that hold more fluid than air here and held air in the same person without effusion."""
    now, healthy = phantom(case).clean, phantom("none").clean
    return (now > -420) & (now < 24) & (healthy < -420)


def fluid_ml(case: str, side: int) -> float:
    return float((lps(case, fluid_mask(case))[:, 0] * side > 0).sum() * VOXEL_ML)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_person() -> None:
    one, again = make_phantom(3), make_phantom(3)
    assert one.volume.hu.tobytes() == again.volume.hu.tobytes()
    assert one.clean.tobytes() == again.clean.tobytes()
    assert (one.report, one.truth) == (again.report, again.truth)
    assert one.clean.tobytes() != phantom("none").clean.tobytes()


def test_hu_are_int16_within_a_scanners_range_and_noise_is_like_a_ct() -> None:
    p = phantom("none")
    for hu in (p.volume.hu, p.clean):
        assert hu.dtype == np.int16 and hu.shape[1:] == (256, 256) and 76 <= hu.shape[0] <= 96
        assert hu.min() == -1000 and 300 < hu.max() <= 1400
    soft = (p.clean > 30) & (p.clean < 70)
    assert 12 < np.std(p.volume.hu[soft].astype(float) - p.clean[soft]) < 22


def test_the_affine_puts_the_liver_on_the_right_the_spine_behind_and_the_apex_on_top() -> None:
    clean = phantom("none").clean
    lower = np.zeros(clean.shape, bool)
    lower[int(0.8 * len(clean)) :] = True
    liver = lps("none", lower & (np.abs(clean - np.bincount(clean[lower & (clean > 51)]).argmax()) < 2))
    assert liver[:, 0].mean() < -15
    middle = np.zeros(clean.shape, bool)
    middle[:, :, 118:138] = True
    spine = lps("none", middle & (clean > 250) & (np.arange(256)[None, :, None] > 128))
    body = lps("none", clean > -300)
    assert spine[:, 1].mean() > body[:, 1].mean() + 30
    lung = lps("none", (clean > -950) & (clean < -700))
    assert lung[:, 2].mean() > liver[:, 2].mean() + 60


def test_the_heart_reaches_further_to_the_left_than_to_the_right() -> None:
    clean = phantom("none").clean
    between_walls = np.zeros(clean.shape, bool)
    between_walls[int(0.50 * len(clean)) : int(0.60 * len(clean)), 70:120, 66:190] = True
    tissue = between_walls & (clean > 30) & (clean < 52)
    x = lps("none", ndimage.binary_opening(tissue, np.ones((1, 9, 9))))[:, 0]  # without the lungs' vessels
    assert np.percentile(x, 99) > -np.percentile(x, 1) + 5


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_the_fluid_in_the_clean_volume_measures_what_the_truth_says(case: str) -> None:
    found = {finding.side: finding.ml for finding in phantom(case).truth.findings}
    for side, name in ((-1, "right"), (1, "left")):
        assert fluid_ml(case, side) == pytest.approx(found.get(name, 0.0), rel=0.08, abs=3.0)


@pytest.mark.parametrize("case", CASES)
def test_the_fluid_lies_behind_the_air_of_its_lung(case: str) -> None:
    clean = phantom(case).clean
    fluid, air = lps(case, fluid_mask(case)), lps(case, (clean < -700) & (clean > -950))
    for side in (-1, 1):
        there = fluid[fluid[:, 0] * side > 0]
        if len(there) > 1000:
            assert there[:, 1].mean() > air[air[:, 0] * side > 0][:, 1].mean() + 15


def test_a_large_effusion_fills_most_of_the_back_half_of_its_hemithorax() -> None:
    chest = np.zeros(phantom("none").clean.shape, bool)
    chest[:, 60:210, 40:128] = True  # right half, within the body
    air = chest & (phantom("none").clean < -700) & (phantom("none").clean > -950)
    back = air & (np.arange(256)[None, :, None] > np.argwhere(air)[:, 1].mean())
    assert (phantom("large right").clean[back] > -300).mean() > 0.5


def test_findings_do_not_change_who_is_examined() -> None:
    healthy, ill = phantom("none").clean, phantom("small right").clean
    assert (healthy != ill).mean() < 0.02
    assert not (healthy != ill)[..., 128:].any()
