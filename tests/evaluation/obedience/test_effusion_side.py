"""The measure of the effusion's side, on volumes whose truth is known."""

import re

import numpy as np
import pytest

from ctflow.__main__ import main
from ctflow.evaluation.obedience.effusion_side import (
    CASES,
    Case,
    aerated_ml,
    markdown,
    measure_in_other_words,
    right_share,
)
from ctflow.generator import ChunkDone, EventStream, Started
from ctflow.phantom import make_phantom
from ctflow.request import GenerationRequest
from ctflow.volume import Volume, plane_affine
from tests.tiny import CARD


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


def test_each_case_has_eight_other_wordings_that_nobody_could_take_for_another_case() -> None:
    wordings = [report for case in CASES for report in (case.report, *case.in_other_words)]
    assert [len(case.in_other_words) for case in CASES] == [8, 8, 8] and len(set(wordings)) == 27
    turned = {"right": "left", "left": "right", "Right": "Left", "R": "L"}
    for right, left in zip(CASES[1].in_other_words, CASES[2].in_other_words, strict=True):
        assert re.sub(r"\b(right|left|Right|R)\b", lambda side: turned[side[0]], right) == left


def test_volumes_are_asked_for_in_every_wording_and_judged_by_their_case() -> None:
    """The fake model draws a large right effusion, whatever it is asked for."""
    asked: list[tuple[str, int]] = []
    hu = np.full((4, 6, 8), 40, np.int16)
    hu[:, :, 4:] = -800  # the patient's left
    volume = Volume(hu, plane_affine(("I", "P", "L"), (2.0, 3.0, 5.0), 6, 8))

    class Fake:
        card = CARD

        def stream(self, request: GenerationRequest, start: object = None) -> EventStream:
            asked.append((request.report.findings, request.seed))
            yield Started(request, (4, 6, 8), volume.affine)
            yield ChunkDone(0, 0, volume.hu)

    results = list(measure_in_other_words(Fake()))  # type: ignore[arg-type]  # a fake
    assert asked == [(report, seed) for case in CASES for seed, report in enumerate(case.in_other_words)]
    assert [result.as_asked for result in results] == [0] * 8 + [1] * 8 + [0] * 8
    assert markdown(results[8]).endswith("| 0.00 | 0.00–0.42 | 1 of 1 |")


def test_no_seeds_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "effusion", "--seeds", "0"]) == 2
    assert "--seeds" in capsys.readouterr().err
