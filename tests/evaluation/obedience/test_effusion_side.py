"""The measure of the effusion's side, on volumes whose truth is known."""

import numpy as np
import pytest

from ctflow.__main__ import main
from ctflow.evaluation.obedience.effusion_side import CASES, Case, aerated_ml, right_share
from ctflow.phantom import make_phantom
from ctflow.volume import Volume, plane_affine


@pytest.mark.parametrize("axes", [("I", "P", "L"), ("S", "P", "R"), ("L", "P", "S")])
def test_aerated_lung_is_counted_on_the_patients_own_sides(axes: tuple[str, str, str]) -> None:
    hu = np.full((4, 6, 8), 40, np.int16)
    affine = plane_affine(axes, (2.0, 3.0, 5.0), 6, 8)
    left_axis = int(np.abs(affine[0, :3]).argmax())
    patients_right = 0 if affine[0, left_axis] > 0 else -1
    hu[tuple(patients_right if axis == left_axis else 1 for axis in range(3))] = -800
    assert aerated_ml(Volume(hu, affine)) == (pytest.approx(0.03), 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.report)
def test_the_measure_tells_phantoms_apart(case: Case) -> None:
    low, high = case.expected
    assert low <= right_share(make_phantom(5, truth=case.truth).volume) <= high


def test_no_seeds_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "effusion", "--seeds", "0"]) == 2
    assert "--seeds" in capsys.readouterr().err
