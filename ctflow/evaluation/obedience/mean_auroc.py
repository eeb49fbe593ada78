"""The mean AUROC of all findings, asked against not asked, with an interval; and how far two of them are apart.

The volumes of one report ask for several findings, so that the AUROCs of findings are not independent. Intervals
therefore come from drawing reports, with replacement: the same draws for all that is compared.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ctflow.evaluation.obedience.judgement import Judgement
from ctflow.evaluation.statistics import CONFIDENCE, Estimate
from ctflow.phantom import KINDS, Kind

DRAWS = 1000
Values = NDArray[np.float64]


def drawn_reports(reports: int, draws: int = DRAWS) -> Values:
    """How often each report is drawn (draws + 1, reports); the first line has each once."""
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(reports, np.full(reports, 1 / reports), size=draws)
    return np.concatenate([np.ones((1, reports)), drawn])


def mean_aurocs(judged: Sequence[Judgement], weights: Values) -> Values:
    """(draws + 1,): the mean AUROC for each line of `drawn_reports`, over the findings that it tells apart."""
    areas = np.stack([_areas(judged, kind, weights) for kind in KINDS])
    told = ~np.isnan(areas)
    return np.where(told, areas, 0).sum(0) / np.maximum(told.sum(0), 1)


def _areas(judged: Sequence[Judgement], kind: Kind, weights: Values) -> Values:
    """NaN where a draw has no report that asks for the kind, or none that does not."""
    odds = np.array([one.presence(kind) for one in judged])
    asked = np.array([one.trial.truth.has(kind) for one in judged])
    higher = (odds[asked, None] > odds[~asked]) + 0.5 * (odds[asked, None] == odds[~asked])
    positive, negative = weights[:, asked], weights[:, ~asked]
    pairs = positive.sum(1) * negative.sum(1)
    right = ((positive @ higher) * negative).sum(1)
    return np.divide(right, pairs, out=np.full(len(weights), np.nan), where=pairs > 0)


def estimate(drawn: Values, reports: int) -> Estimate:
    """What was found, which is the first value, with the interval that holds most of the draws."""
    low, high = np.quantile(drawn[1:], [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Estimate(float(drawn[0]), float(low), float(high), reports)
