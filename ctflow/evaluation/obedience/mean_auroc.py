"""The mean AUROC of all findings, asked against not asked, for draws of reports."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ctflow.evaluation.drawn_cases import Values, drawn_aurocs, mean_of_findings
from ctflow.evaluation.obedience.judgement import Judgement
from ctflow.phantom import KINDS


def mean_aurocs(judged: Sequence[Judgement], weights: Values) -> Values:
    """(draws + 1,): the mean AUROC for each line of `drawn_cases`, over the findings that it tells apart."""
    odds = {kind: np.array([one.presence(kind) for one in judged]) for kind in KINDS}
    asked = {kind: np.array([one.trial.truth.has(kind) for one in judged]) for kind in KINDS}
    return mean_of_findings([drawn_aurocs(odds[kind], asked[kind], weights) for kind in KINDS])
