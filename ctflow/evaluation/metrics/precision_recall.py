"""Precision: how many generated samples look real. Recall: how many real ones the generated set covers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ctflow.errors import RequestError
from ctflow.evaluation.metrics.features import Features, checked_pair

NEIGHBOURS = 3
ROWS_AT_ONCE = 1024


@dataclass(frozen=True)
class PrecisionRecall:
    """Both from 0 to 1."""

    precision: float
    recall: float


def precision_recall(real: ArrayLike, fake: ArrayLike, *, neighbours: int = NEIGHBOURS) -> PrecisionRecall:
    """Each set's region is the balls around its samples that reach to their `neighbours`-th nearest other sample.

    Precision is the share of fake samples in the real set's region, recall that of real samples in the fake set's.
    Source: Kynkäänniemi et al., arXiv 1904.06991. Raises RequestError where a set has no such neighbour.
    """
    a, b = checked_pair(real, fake)
    if min(len(a), len(b)) <= neighbours:
        raise RequestError(
            f"Precision and recall with {neighbours} neighbours need {neighbours + 1} samples of each set or more; "
            f"got {len(a)} and {len(b)}."
        )
    return PrecisionRecall(_share_inside(b, a, neighbours), _share_inside(a, b, neighbours))


def _share_inside(samples: Features, centres: Features, neighbours: int) -> float:
    reach = _distances_to_neighbour(centres, neighbours)
    inside = [(_squared(part, centres) <= reach).any(1) for part in _parts(samples)]
    return float(np.concatenate(inside).mean())


def _distances_to_neighbour(x: Features, neighbours: int) -> Features:
    """The squared distance of each sample to its neighbour; itself, at distance 0, comes first."""
    return np.concatenate([np.partition(_squared(part, x), neighbours, axis=1)[:, neighbours] for part in _parts(x)])


def _squared(x: Features, y: Features) -> NDArray[np.float64]:
    lengths = np.square(x).sum(1)[:, None] + np.square(y).sum(1)
    return (lengths - 2 * x @ y.T).clip(0)


def _parts(x: Features) -> list[Features]:
    return [x[first : first + ROWS_AT_ONCE] for first in range(0, len(x), ROWS_AT_ONCE)]
