"""Is a large effusion on the side that the report names? Read off the volume, without any network.

Fluid takes the place of air, so the side with the effusion has less aerated lung than the other.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ctflow.generator import VolumeGenerator, generate
from ctflow.phantom import Truth, effusions, make_phantom
from ctflow.report import Report
from ctflow.volume import Volume

AERATED_HU = (-940, -600)  # the air around the patient is darker
NO_LUNG_SHARE = 0.5  # said of a volume without any aerated lung


@dataclass(frozen=True, kw_only=True)
class Case:
    """A report, the truth of phantoms that show the same, and the range that the right lung's share must lie in.

    In 120 phantoms that share was 0.50-0.53 without an effusion, 0.18-0.38 with a large one on the right, and 0.69-0.82
    with a large one on the left.
    """

    report: str
    truth: Truth
    expected: tuple[float, float]


CASES = (
    Case(report="No pleural effusion.", truth=Truth(), expected=(0.46, 0.57)),
    Case(
        report="Large right pleural effusion.",
        truth=Truth(findings=tuple(effusions(right=1100.0))),
        expected=(0.0, 0.42),
    ),
    Case(
        report="Large left pleural effusion.",
        truth=Truth(findings=tuple(effusions(left=1100.0))),
        expected=(0.62, 1.0),
    ),
)


@dataclass(frozen=True)
class CaseResult:
    """One case over several seeds: the right lung's share of aerated lung in each volume."""

    made_by: str
    case: Case
    shares: tuple[float, ...]

    @property
    def as_asked(self) -> int:
        """The number of volumes whose share lies in the expected range."""
        low, high = self.case.expected
        return sum(low <= share <= high for share in self.shares)


def aerated_ml(volume: Volume) -> tuple[float, float]:
    """Aerated lung on the patient's right and left in ml, divided at the middle of the picture."""
    x_axis = int(np.abs(volume.affine[0, :3]).argmax())
    lung = (volume.hu > AERATED_HU[0]) & (volume.hu < AERATED_HU[1])
    halves = np.array_split(np.moveaxis(lung, x_axis, -1), 2, axis=-1)
    first, second = (float(half.sum() * np.prod(volume.spacing_mm) / 1000) for half in halves)
    return (first, second) if volume.affine[0, x_axis] > 0 else (second, first)


def right_share(volume: Volume) -> float:
    """The right lung's share of all aerated lung."""
    right, left = aerated_ml(volume)
    return right / (right + left) if right + left else NO_LUNG_SHARE


def measure_sides(generator: VolumeGenerator, seeds: int) -> Iterator[CaseResult]:
    """Each case over the seeds 0, 1, …: made by the model, then as phantoms, which show what can be expected."""
    for case in CASES:
        requests = (generator.card.request(Report(case.report), seed) for seed in range(seeds))
        shares = tuple(right_share(generate(generator, request)) for request in requests)
        yield CaseResult(generator.card.name, case, shares)
    for case in CASES:
        phantoms = (make_phantom(seed, truth=case.truth) for seed in range(seeds))
        yield CaseResult("phantoms", case, tuple(right_share(phantom.volume) for phantom in phantoms))


HEAD = "| made by | report | right lung's share of aerated lung | expected | as asked |\n|---|---|---|---|---|"


def markdown(result: CaseResult) -> str:
    """A line of the table under `HEAD`: median and range."""
    low, middle, high = np.quantile(result.shares, (0, 0.5, 1))
    least, most = result.case.expected
    return (
        f"| {result.made_by} | {result.case.report} | {middle:.2f} ({low:.2f}–{high:.2f}) "
        f"| {least:.2f}–{most:.2f} | {result.as_asked} of {len(result.shares)} |"
    )
