"""The few statistics that a table of obedience needs, each with a 95 % interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special, stats

Z95 = 1.959964


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval and the number of cases behind it; NaN where they do not give one.

    `against` is the number of negative cases, of an AUROC alone.
    """

    value: float
    low: float
    high: float
    n: int
    against: int | None = None


NAN = float("nan")
NOTHING = Estimate(NAN, NAN, NAN, 0)


def share(right: int, n: int) -> Estimate:
    """A proportion with Wilson's interval."""
    if not n:
        return NOTHING
    p, z2 = right / n, Z95**2
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 * np.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return Estimate(p, float(max(0.0, middle - half)), float(min(1.0, middle + half)), n)


def auroc(positive: ArrayLike, negative: ArrayLike) -> Estimate:
    """The chance that a positive case scores above a negative one (ties count half); n counts the positive cases.

    The interval holds the areas that lie within so many of their own standard errors (Hanley and McNeil, Radiology
    1982) of the one found: Newcombe, Statistics in Medicine 2006, method 5. It has a width at 0 and 1, too.
    """
    a, b = np.asarray(positive, float), np.asarray(negative, float)
    if not a.size or not b.size:
        return Estimate(NAN, NAN, NAN, int(a.size), int(b.size))
    ranks = stats.rankdata(np.concatenate([a, b]))[: a.size]
    area = float((ranks.sum() - a.size * (a.size + 1) / 2) / (a.size * b.size))
    low, high = (_least_area(part, a.size, b.size) for part in (area, 1 - area))
    return Estimate(area, low, 1 - high, int(a.size), int(b.size))


def _least_area(area: float, positive: int, negative: int) -> float:
    def excess(x: float) -> float:
        others = ((positive + negative) / 2 - 1) * ((1 - x) / (2 - x) + x / (1 + x))
        return area - x - Z95 * np.sqrt(x * (1 - x) * (1 + others) / (positive * negative))

    return float(optimize.brentq(excess, 0.0, area * (1 - 1e-9))) if area > 0 else 0.0  # at 1 it is 0, too


def mean(values: ArrayLike) -> Estimate:
    """A mean with the interval of Student's t distribution."""
    a = np.asarray(values, float)
    if not a.size:
        return NOTHING
    half = NAN if a.size < 2 else special.stdtrit(a.size - 1, 0.975) * float(a.std(ddof=1)) / np.sqrt(a.size)
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
    """Spearman's rank correlation with Fisher's interval; NaN of less than 4 cases, or where one side is constant."""
    x, y = (stats.rankdata(np.asarray(values, float)) for values in (a, b))
    if x.size < 4 or not x.std() or not y.std():
        return Estimate(NAN, NAN, NAN, int(x.size))
    r = float(np.clip(np.corrcoef(x, y)[0, 1], -1, 1))
    middle, half = np.arctanh(np.clip(r, -0.999999, 0.999999)), Z95 / np.sqrt(x.size - 3)
    return Estimate(r, float(np.tanh(middle - half)), float(np.tanh(middle + half)), int(x.size))
