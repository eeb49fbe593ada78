"""Is a large effusion on the side that the report names? Read off the volume, without any network.

Fluid takes the place of air, so the side with the effusion has less aerated lung than the other.
"""

from collections.abc import Iterable, Iterator
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
    """A report, the same `in_other_words`, the truth of phantoms that show it, and the range that the right lung's
    share must lie in.

    In 120 phantoms that share was 0.50-0.53 without an effusion, 0.18-0.38 with a large one on the right, and 0.69-0.82
    with a large one on the left.
    """

    report: str
    in_other_words: tuple[str, ...]
    truth: Truth
    expected: tuple[float, float]


CASES = (
    Case(
        report="No pleural effusion.",
        in_other_words=(
            "Neither hemithorax contains an effusion.",
            "There is no fluid in the pleural cavities.",
            "Pleural effusion: none.",
            "No evidence of an effusion on either side.",
            "The pleural spaces are free of fluid.",
            "Both lungs reach the chest wall, without any effusion.",
            "Pleural effusion is absent bilaterally.",
            "The previously seen effusions have resolved completely.",
        ),
        truth=Truth(),
        expected=(0.46, 0.57),
    ),
    Case(
        report="Large right pleural effusion.",
        in_other_words=(
            "Massive pleural effusion on the right.",
            "Extensive right-sided hydrothorax.",
            "There is a large amount of fluid in the right pleural space.",
            "Right pleural effusion, large in size.",
            "A large effusion fills most of the right hemithorax.",
            "On the right a large pleural effusion is seen, on the left there is none.",
            "Large-volume R effusion.",
            "Marked pleural effusion of the right side, with a depth of 9 cm.",
        ),
        truth=Truth(findings=tuple(effusions(right=1100.0))),
        expected=(0.0, 0.42),
    ),
    Case(
        report="Large left pleural effusion.",
        in_other_words=(
            "Massive pleural effusion on the left.",
            "Extensive left-sided hydrothorax.",
            "There is a large amount of fluid in the left pleural space.",
            "Left pleural effusion, large in size.",
            "A large effusion fills most of the left hemithorax.",
            "On the left a large pleural effusion is seen, on the right there is none.",
            "Large-volume L effusion.",
            "Marked pleural effusion of the left side, with a depth of 9 cm.",
        ),
        truth=Truth(findings=tuple(effusions(left=1100.0))),
        expected=(0.62, 1.0),
    ),
)


@dataclass(frozen=True)
class CaseResult:
    """A report of a case over one seed or several: the right lung's share of aerated lung in each volume."""

    made_by: str
    report: str
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
        yield _made(generator, case, case.report, range(seeds))
    for case in CASES:
        phantoms = (make_phantom(seed, truth=case.truth) for seed in range(seeds))
        shares = tuple(right_share(phantom.volume) for phantom in phantoms)
        yield CaseResult("phantoms", case.report, case, shares)


def measure_in_other_words(generator: VolumeGenerator) -> Iterator[CaseResult]:
    """Each case in its other wordings, made by the model: one volume each, the first with seed 0, the next with 1."""
    for case in CASES:
        for seed, report in enumerate(case.in_other_words):
            yield _made(generator, case, report, (seed,))


def _made(generator: VolumeGenerator, case: Case, report: str, seeds: Iterable[int]) -> CaseResult:
    requests = (generator.card.request(Report(report), seed) for seed in seeds)
    shares = tuple(right_share(generate(generator, request)) for request in requests)
    return CaseResult(generator.card.name, report, case, shares)


HEAD = "| made by | report | right lung's share of aerated lung | expected | as asked |\n|---|---|---|---|---|"


def markdown(result: CaseResult) -> str:
    """A line of the table under `HEAD`: median and range, where there are several volumes."""
    low, middle, high = np.quantile(result.shares, (0, 0.5, 1))
    share = f"{middle:.2f} ({low:.2f}–{high:.2f})" if len(result.shares) > 1 else f"{middle:.2f}"
    least, most = result.case.expected
    return (
        f"| {result.made_by} | {result.report} | {share} "
        f"| {least:.2f}–{most:.2f} | {result.as_asked} of {len(result.shares)} |"
    )
