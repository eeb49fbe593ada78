"""A CLIP score is given only where the towers prefer volumes the right way round."""

import numpy as np
import pytest

from ctflow.errors import RequestError
from ctflow.evaluation.metrics.orientation import WRONG_WAYS, check_orientation, warning_of_made
from ctflow.report import Report
from ctflow.volume import Volume, plane_affine

REPORT = Report("A box on the left, in front.")


class LookingAt:
    """Stands for the towers: the image latent says how bright the corner is that the text points to."""

    def __init__(self, row: int, column: int) -> None:
        self._place = row, column

    def report_latent(self, report: Report) -> np.ndarray:
        return np.array([[1.0, 0.0]], np.float32)

    def image_latent(self, volume: Volume) -> np.ndarray:
        hu, _ = volume.along(("S", "P", "L"))
        bright = float(hu[:, self._place[0], self._place[1]].mean() + 1000) / 1000
        return np.array([[bright, 1.0]], np.float32)


def box(axes: tuple[str, str, str] = ("S", "P", "L")) -> Volume:
    """Bright in front (row 0) on the left (column 15) of the patient, in air; stored along `axes`."""
    hu = np.full((4, 16, 16), -1000, np.int16)
    hu[:, :4, 12:] = 100
    return Volume(hu, plane_affine(("S", "P", "L"), (3.0, 3.0, 3.0), 16, 16)).turned(axes)


@pytest.mark.parametrize("axes", [("S", "P", "L"), ("I", "A", "R"), ("R", "A", "S")])
def test_volumes_pass_in_whatever_order_their_files_hold_them(axes: tuple[str, str, str]) -> None:
    found = check_orientation(LookingAt(0, 15), [(box(axes), REPORT)] * 2)
    assert found.upright > max(found.turned.values()) and found.turned.keys() == WRONG_WAYS.keys()


@pytest.mark.parametrize(
    ("row", "column", "way"),
    [(15, 0, "turned by 180°"), (15, 15, "mirrored front to back"), (0, 0, "mirrored left to right")],
)
def test_towers_that_were_trained_on_another_order_are_refused(row: int, column: int, way: str) -> None:
    with pytest.raises(RequestError, match=f"prefers 2 real volumes {way}"):
        check_orientation(LookingAt(row, column), [(box(), REPORT)] * 2)


def test_generated_volumes_whose_headers_seem_wrong_are_said() -> None:
    """Another group's volumes without an orientation scored a third of what they were worth, and nothing was said."""
    mirrored = Volume(np.ascontiguousarray(box().hu[:, :, ::-1]), box().affine)
    said = warning_of_made(LookingAt(0, 15), [(mirrored, REPORT)] * 2)
    assert "the first 2 fake volumes score" in said and "mirrored left to right" in said and "wrong axes" in said
    assert not warning_of_made(LookingAt(0, 15), [(box(), REPORT)])


def test_one_volume_is_not_enough() -> None:
    with pytest.raises(RequestError, match="needs 2 or more real volumes with reports"):
        check_orientation(LookingAt(0, 15), [(box(), REPORT)])
