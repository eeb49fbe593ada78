"""The mean AUROC of several findings with an interval, from drawing cases with replacement.

One case has or asks for several findings, so that the AUROCs of findings are not independent. The same draws serve all
that is compared.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ctflow.evaluation.statistics import CONFIDENCE, Estimate

DRAWS = 1000
Values = NDArray[np.float64]


def drawn_cases(cases: int, draws: int = DRAWS) -> Values:
    """How often each case is drawn (draws + 1, cases); the first line has each once."""
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(cases, np.full(cases, 1 / cases), size=draws)
    return np.concatenate([np.ones((1, cases)), drawn])


def drawn_aurocs(scores: ArrayLike, positive: ArrayLike, weights: Values) -> Values:
    """(draws + 1,): the AUROC of a finding for each line of `drawn_cases`; NaN for a draw without both kinds of case.

    `scores`: how much each case seems to have it. `positive`: whether it does.
    """
    score, there = np.asarray(scores, float), np.asarray(positive, bool)
    higher = (score[there, None] > score[~there]) + 0.5 * (score[there, None] == score[~there])
    chosen, others = weights[:, there], weights[:, ~there]
    pairs = chosen.sum(1) * others.sum(1)
    right = ((chosen @ higher) * others).sum(1)
    return np.divide(right, pairs, out=np.full(len(weights), np.nan), where=pairs > 0)


def mean_of_findings(aurocs: Sequence[Values]) -> Values:
    """(draws + 1,): the mean of `drawn_aurocs` over the findings that a draw tells apart."""
    areas = np.stack(aurocs)
    told = ~np.isnan(areas)
    return np.where(told, areas, 0).sum(0) / np.maximum(told.sum(0), 1)


def estimate(drawn: Values, cases: int) -> Estimate:
    """What was found, which is the first value, with the interval that holds most of the draws."""
    low, high = np.quantile(drawn[1:], [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Estimate(float(drawn[0]), float(low), float(high), cases)
