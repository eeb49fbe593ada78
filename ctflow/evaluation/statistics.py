"""The few statistics that a table of obedience needs, each with a 95 % interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

Z95 = 1.959964


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval and the number of cases behind it; all NaN and 0 where there was none."""

    value: float
    low: float
    high: float
    n: int


NOTHING = Estimate(float("nan"), float("nan"), float("nan"), 0)


def share(right: int, n: int) -> Estimate:
    """A proportion with Wilson's interval."""
    if not n:
        return NOTHING
    p, z2 = right / n, Z95**2
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 * np.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return Estimate(p, float(max(0.0, middle - half)), float(min(1.0, middle + half)), n)


def auroc(positive: ArrayLike, negative: ArrayLike) -> Estimate:
    """The chance that a positive case scores above a negative one (ties count half), with Hanley's interval.

    Hanley and McNeil, Radiology 1982; n is the number of positive cases.
    """
    a, b = np.asarray(positive, float), np.asarray(negative, float)
    if not a.size or not b.size:
        return NOTHING
    order = np.concatenate([a, b])
    ranks = np.searchsorted(np.sort(order), a, "left") + np.searchsorted(np.sort(order), a, "right") + 1
    area = (ranks.sum() / 2 - a.size * (a.size + 1) / 2) / (a.size * b.size)
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    spread = area * (1 - area) + (a.size - 1) * (q1 - area**2) + (b.size - 1) * (q2 - area**2)
    half = Z95 * np.sqrt(max(0.0, spread) / (a.size * b.size))
    return Estimate(float(area), float(max(0.0, area - half)), float(min(1.0, area + half)), int(a.size))


def mean(values: ArrayLike) -> Estimate:
    """A mean with the interval of the normal distribution."""
    a = np.asarray(values, float)
    if not a.size:
        return NOTHING
    half = Z95 * float(a.std(ddof=1)) / np.sqrt(a.size) if a.size > 1 else float("nan")
    return Estimate(float(a.mean()), float(a.mean() - half), float(a.mean() + half), int(a.size))


def order_kept(groups: list[int], values: list[float]) -> Estimate:
    """The share of pairs from different groups whose values stand in the groups' order; n counts the pairs.

    Pairs share cases, so Wilson's interval is taken for as many pairs as there are cases.
    """
    g, v = np.asarray(groups), np.asarray(values, float)
    first, second = np.triu_indices(len(g), 1)
    apart = g[first] != g[second]
    right = ((g[first] - g[second]) * (v[first] - v[second]) > 0)[apart]
    if not right.size:
        return NOTHING
    part = share(round(float(right.mean()) * len(g)), len(g))
    return Estimate(float(right.mean()), part.low, part.high, int(right.size))


def correlation(a: ArrayLike, b: ArrayLike) -> Estimate:
    """Spearman's rank correlation with Fisher's interval."""
    x, y = (np.argsort(np.argsort(np.asarray(values, float))) for values in (a, b))
    if x.size < 4:
        return NOTHING
    r = float(np.clip(np.corrcoef(x, y)[0, 1], -0.999999, 0.999999))
    half = Z95 / np.sqrt(x.size - 3)
    return Estimate(r, float(np.tanh(np.arctanh(r) - half)), float(np.tanh(np.arctanh(r) + half)), int(x.size))
