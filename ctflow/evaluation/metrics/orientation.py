"""Whether a CLIP score sees volumes the right way round. In one order of the array they score 24, in another 63.

Each real volume is scored against its own report as it is and turned in wrong ways. Where the score prefers a wrong way
on average, either the volumes do not lie as their headers say or the towers were trained otherwise, and no score is
given. Generated volumes that score higher in a wrong way may only be weak, so for them that is said, and no more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ctflow.errors import RequestError
from ctflow.evaluation.metrics.clip import clip_scores
from ctflow.report import Report
from ctflow.volume import Volume

LEAST_VOLUMES = 2
MOST_VOLUMES = 8
MOST_MADE = 4  # of generated volumes
# By the axes (slices, rows, columns) of a volume that lies as S, P, L. Slices from head to feet are not among them:
# the tower's image latent is a mean over slices, which hardly knows their order.
WRONG_WAYS: dict[str, tuple[int, ...]] = {
    "turned by 180° in the plane (RAS for LPS)": (1, 2),
    "mirrored front to back": (1,),
    "mirrored left to right": (2,),
}


@dataclass(frozen=True)
class OrientationTest:
    """The mean CLIP score of volumes as they are, and turned in each wrong way."""

    upright: float
    turned: dict[str, float]
    volumes: int

    @property
    def best_wrong(self) -> tuple[str, float]:
        """The wrong way that scores best, and its score."""
        return max(self.turned.items(), key=lambda item: item[1])

    @property
    def prefers_wrong(self) -> bool:
        """Whether a wrong way scores as well as the right one."""
        return self.best_wrong[1] >= self.upright


class Towers(Protocol):
    """What gives latents (1, latent) of reports and of volumes."""

    def report_latent(self, report: Report) -> NDArray[np.float32]: ...

    def image_latent(self, volume: Volume) -> NDArray[np.float32]: ...


def check_orientation(clip: Towers, cases: Iterable[tuple[Volume, Report]]) -> OrientationTest:
    """Looks at volumes one at a time.

    Raises RequestError where a wrong way scores as well as the right one, and for too few volumes to tell.
    """
    found = tested(clip, cases)
    if found.volumes < LEAST_VOLUMES:
        raise RequestError(
            f"A CLIP score needs {LEAST_VOLUMES} or more real volumes with reports, to test that it sees volumes the "
            f"right way round; got {found.volumes}. Give --reports with the reports of the real set."
        )
    if found.prefers_wrong:
        way, best = found.best_wrong
        raise RequestError(
            f"The CLIP score prefers {found.volumes} real volumes {way}: {best:.1f}, and {found.upright:.1f} as they "
            "lie. Their headers name wrong axes, or these towers were trained on others: no CLIP score can be trusted."
        )
    return found


def tested(clip: Towers, cases: Iterable[tuple[Volume, Report]]) -> OrientationTest:
    """Scores volumes as they are and turned, one at a time; NaN where there are none."""
    scores = [_scores(clip, volume.turned(("S", "P", "L")), report) for volume, report in cases]
    upright, *turned = np.mean(scores, axis=0).tolist() if scores else [np.nan] * (1 + len(WRONG_WAYS))
    return OrientationTest(upright, dict(zip(WRONG_WAYS, turned, strict=True)), len(scores))


def warning_of_made(clip: Towers, cases: Iterable[tuple[Volume, Report]]) -> str:
    """What a reader must know of generated volumes; empty where they score best as they lie."""
    found = tested(clip, cases)
    if not found.prefers_wrong:
        return ""
    way, best = found.best_wrong
    return (
        f"the first {found.volumes} fake volumes score {best:.1f} {way}, and {found.upright:.1f} as they lie: either "
        "their headers name wrong axes, or they show little of their reports"
    )


def _scores(clip: Towers, upright: Volume, report: Report) -> list[float]:
    """Of one volume: as it is, and then in each wrong way."""
    text = clip.report_latent(report)
    ways = ((), *WRONG_WAYS.values())
    return [clip_scores(text, clip.image_latent(_flipped(upright, axes))).item() for axes in ways]


def _flipped(volume: Volume, axes: tuple[int, ...]) -> Volume:
    """The voxels in another order under the same header: what a wrong header, or one that is ignored, amounts to."""
    return Volume(np.ascontiguousarray(np.flip(volume.hu, axes)), volume.affine) if axes else volume
