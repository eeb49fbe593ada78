"""Does a large effusion lie on the side that the report names? Read off the volume, without any network.

Fluid takes the place of air, so the side with the effusion has less aerated lung than the other.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ctflow.generator import VolumeGenerator, generate
from ctflow.phantom import Truth, effusions, make_phantom
from ctflow.report import Report
from ctflow.volume import Volume

# Aerated lung; the air around the patient is darker.
LUNG_HU = (-940, -600)


@dataclass(frozen=True)
class Case:
    """A report, the same as a phantom's truth, and where the right lung's share of aerated lung must then lie.

    Of 120 phantoms those without effusion lay at 0.50-0.53, with a large one on the right at 0.18-0.38, on the left
    at 0.69-0.82.
    """

    report: str
    truth: Truth
    share: tuple[float, float]


CASES = (
    Case("No pleural effusion.", Truth(), (0.46, 0.57)),
    Case("Large right pleural effusion.", Truth(findings=tuple(effusions(right=1100.0))), (0.0, 0.42)),
    Case("Large left pleural effusion.", Truth(findings=tuple(effusions(left=1100.0))), (0.62, 1.0)),
)


@dataclass(frozen=True)
class Row:
    """One case over several seeds: the right lung's share in each."""

    source: str
    case: Case
    shares: tuple[float, ...]

    @property
    def right(self) -> int:
        """The number of volumes whose share lies where it must."""
        low, high = self.case.share
        return sum(low <= share <= high for share in self.shares)


def aerated_ml(volume: Volume) -> tuple[float, float]:
    """Aerated lung on the patient's right and left in ml, divided at the middle of the picture."""
    x_axis = int(np.abs(volume.affine[0, :3]).argmax())
    lung = (volume.hu > LUNG_HU[0]) & (volume.hu < LUNG_HU[1])
    halves = np.array_split(np.moveaxis(lung, x_axis, -1), 2, axis=-1)
    first, second = (float(half.sum() * np.prod(volume.spacing_mm) / 1000) for half in halves)
    return (first, second) if volume.affine[0, x_axis] > 0 else (second, first)


def right_share(volume: Volume) -> float:
    """The right lung's share of all aerated lung; 0.5 where there is none."""
    right, left = aerated_ml(volume)
    return right / (right + left) if right + left else 0.5


def measure(generator: VolumeGenerator, seeds: int) -> Iterator[Row]:
    """Each case over the seeds 0, 1, …: by the model, then by phantoms, which show what the rule itself can do."""
    for case in CASES:
        requests = (generator.card.request(Report(case.report), seed) for seed in range(seeds))
        yield Row(generator.card.name, case, tuple(right_share(generate(generator, request)) for request in requests))
    for case in CASES:
        phantoms = (make_phantom(seed, truth=case.truth) for seed in range(seeds))
        yield Row("phantoms", case, tuple(right_share(phantom.volume) for phantom in phantoms))


def markdown(row: Row) -> str:
    """A line of the table under `HEAD`."""
    low, middle, high = np.quantile(row.shares, (0, 0.5, 1))
    return (
        f"| {row.source} | {row.case.report} | {middle:.2f} ({low:.2f}–{high:.2f}) "
        f"| {row.case.share[0]:.2f}–{row.case.share[1]:.2f} | {row.right} of {len(row.shares)} |"
    )


HEAD = "| made by | report | right lung's share of aerated lung | expected | as asked |\n|---|---|---|---|---|"
