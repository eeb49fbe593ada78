"""The inception score: whether each sample is of one class, and all together of many. It never looks at real ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ctflow.errors import RequestError
from ctflow.evaluation.metrics.features import Features, checked


def inception_score(probabilities: ArrayLike, *, splits: int = 10) -> float:
    """Of class probabilities (samples, classes), rows adding up to 1: exp of the mean divergence from their mean.

    The samples are split into runs of as equal length as can be, in the order given; the mean over them is returned.
    From 1 to the number of classes. Source: Salimans et al., arXiv 1606.03498. Raises RequestError.
    """
    rows = checked(probabilities, "fake")
    if rows.min() < 0 or not np.allclose(rows.sum(1), 1, atol=1e-3):
        raise RequestError(
            "An inception score is of probabilities, whose rows add up to 1: take the softmax of the classes first."
        )
    if len(rows) < splits:
        raise RequestError(f"An inception score in {splits} splits needs as many samples; got {len(rows)}.")
    return float(np.mean([np.exp(_divergence(part)) for part in np.array_split(rows, splits)]))


def _divergence(rows: Features) -> float:
    """The mean Kullback-Leibler divergence of the rows from their mean, in nats; 0 log 0 is 0."""
    mean = np.broadcast_to(rows.mean(0), rows.shape)
    there = rows > 0
    ratio = np.log(rows[there] / mean[there])
    return float((rows[there] * ratio).sum() / len(rows))
