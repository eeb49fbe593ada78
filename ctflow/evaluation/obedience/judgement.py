"""What the detectors say of a trial's volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ctflow.evaluation.obedience.detectors import Detectors, Slot, presence
from ctflow.evaluation.obedience.measures.chest_checks import CHECKS
from ctflow.evaluation.obedience.results import TrialResult
from ctflow.evaluation.obedience.trials import Trial
from ctflow.phantom import SLOTS, Kind, Site, sites_of


@dataclass(frozen=True)
class Judgement:
    """Log odds and amount of each finding at each site, beside what the trial asked for."""

    trial: Trial
    log_odds: dict[Slot, float]
    amounts: dict[Slot, float]
    seam: float | None
    chest: dict[str, bool]

    def presence(self, kind: Kind) -> float:
        """The log odds that a kind is present at all."""
        return presence(self.log_odds, kind)

    def likeliest(self, kind: Kind) -> Site | None:
        """Where a kind is, if it is anywhere; None if the volume shows nothing."""
        if np.isneginf(self.presence(kind)):
            return None
        return max(sites_of(kind), key=lambda site: self.log_odds[kind, site])


def judge(results: Sequence[TrialResult], detectors: Detectors) -> list[Judgement]:
    """One judgement for each result."""
    return [_judge(result, detectors) for result in results]


def _judge(result: TrialResult, detectors: Detectors) -> Judgement:
    if result.measures is None:
        return nothing_shown(result.trial)
    return Judgement(
        trial=result.trial,
        log_odds=detectors.log_odds(result.measures),
        amounts=detectors.amounts(result.measures),
        seam=result.seam,
        chest=result.chest,
    )


def nothing_shown(trial: Trial) -> Judgement:
    """Of a volume too short to be measured: it shows no finding, and is no chest."""
    return Judgement(
        trial=trial,
        log_odds=dict.fromkeys(SLOTS, -np.inf),
        amounts=dict.fromkeys(SLOTS, 0.0),
        seam=None,
        chest=dict.fromkeys(CHECKS, False),
    )
