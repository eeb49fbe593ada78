"""Who looks for findings in a volume, what they say, and how far they can be trusted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ctflow.generator import VolumeGenerator
from ctflow.volume import Volume

SEEN_ABOVE = 0.5  # an image tower's probability


@dataclass(frozen=True)
class Accuracy:
    """How a judge did on volumes whose findings are known and that it was not fitted on.

    Of `n_there` volumes with the finding it saw it in the share `seen_there`, of `n_absent` without it in the share
    `seen_absent`. A share of no volumes is None.
    """

    seen_there: float | None
    n_there: int
    seen_absent: float | None
    n_absent: int


@dataclass(frozen=True)
class Verdict:
    """Whether the judge sees a finding; `accuracy` is None where it was never measured."""

    seen: bool
    accuracy: Accuracy | None


class Judge(Protocol):
    """Anything that looks for findings in a volume. `name`: in words."""

    name: str

    def judge(self, volume: Volume) -> dict[str, Verdict]:
        """By finding, for those that it knows."""
        ...


class TowerJudge:
    """A generator's own image tower. `accuracy`: as it was measured, by finding."""

    def __init__(self, generator: VolumeGenerator, accuracy: Mapping[str, Accuracy]) -> None:
        self.name = f"image tower of {generator.card.name}"
        self._generator, self._accuracy = generator, accuracy

    def judge(self, volume: Volume) -> dict[str, Verdict]:
        """See `Judge`; empty for a generator without a tower."""
        labels = self._generator.labels(volume) or {}
        return {name: Verdict(likely > SEEN_ABOVE, self._accuracy.get(name)) for name, likely in labels.items()}
