"""The statistics that tables of evaluations need, each with a 95 % interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

CONFIDENCE = 0.95
Z95 = float(stats.norm.ppf((1 + CONFIDENCE) / 2))
NAN = float("nan")


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval and the number of cases behind it; NaN where the cases give none.

    `against`: the number of negative cases, for an AUROC alone; `n` then counts the positive ones.
    """

    value: float
    low: float
    high: float
    n: int
    against: int | None = None


NOTHING = Estimate(NAN, NAN, NAN, 0)


def share(right: int, n: int) -> Estimate:
    """A proportion with Wilson's interval."""
    if not n:
        return NOTHING
    interval = stats.binomtest(right, n).proportion_ci(CONFIDENCE, method="wilson")
    return Estimate(right / n, float(interval.low), float(interval.high), n)


def ratio(one: Estimate, other: Estimate) -> Estimate:
    """Of two proportions, with Katz's interval, which takes them for independent; n counts the cases of the first."""
    if not one.n or not round(other.value * other.n):
        return NOTHING
    counts = (round(one.value * one.n), one.n, round(other.value * other.n), other.n)
    risk = stats.contingency.relative_risk(*counts)
    interval = risk.confidence_interval(CONFIDENCE)
    return Estimate(float(risk.relative_risk), float(interval.low), float(interval.high), one.n)


def auroc(positive: ArrayLike, negative: ArrayLike) -> Estimate:
    """The chance that a positive case scores above a negative one; ties count half.

    The interval contains the areas from which the one found lies less than Z95 of their own standard errors (Hanley
    and McNeil, Radiology 1982): method 5 of Newcombe, Statistics in Medicine 2006. It has a width at 0 and 1 too.
    """
    a, b = np.asarray(positive, float), np.asarray(negative, float)
    if not a.size or not b.size:
        return Estimate(NAN, NAN, NAN, int(a.size), int(b.size))
    ranks = stats.rankdata(np.concatenate([a, b]))[: a.size]
    area = float((ranks.sum() - a.size * (a.size + 1) / 2) / (a.size * b.size))
    low, high = _least_area(area, a.size, b.size), 1 - _least_area(1 - area, a.size, b.size)
    return Estimate(area, low, high, int(a.size), int(b.size))


def _least_area(area: float, positive: int, negative: int) -> float:
    """The lower end of the interval around an area."""
    if area <= 0:
        return 0.0

    def excess(x: float) -> float:
        others = ((positive + negative) / 2 - 1) * ((1 - x) / (2 - x) + x / (1 + x))
        return area - x - Z95 * np.sqrt(x * (1 - x) * (1 + others) / (positive * negative))

    below_area = area * (1 - 1e-9)  # at an area of 1 the excess is 0 as well
    return float(optimize.brentq(excess, 0.0, below_area))


def mean(values: ArrayLike, groups: Sequence[str] | None = None) -> Estimate:
    """A mean with the interval of Student's t distribution.

    `groups`: of each value, to which it belongs, where those of one group are alike; None where each stands alone. The
    standard error is then of the groups' sums (Liang and Zeger, Biometrika 1986), and there are as many degrees of
    freedom as groups but one.
    """
    a = np.asarray(values, float)
    if not a.size:
        return NOTHING
    middle = float(a.mean())
    of = np.arange(a.size) if groups is None else np.unique(groups, return_inverse=True)[1]
    off = np.bincount(of, a - middle)
    if off.size == 1:
        return Estimate(middle, NAN, NAN, int(a.size))
    error = np.sqrt(np.square(off).sum() * off.size / (off.size - 1)) / a.size
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, off.size - 1) * error)
    return Estimate(middle, middle - half, middle + half, int(a.size))


def order_kept(groups: list[int], values: list[float]) -> Estimate:
    """The share of pairs from different groups whose values are in the order of their groups; n counts the pairs.

    Pairs share cases, so Wilson's interval is computed as if there were only as many pairs as cases.
    """
    g, v = np.asarray(groups), np.asarray(values, float)
    first, second = np.triu_indices(len(g), 1)
    apart = g[first] != g[second]
    right = ((g[first] - g[second]) * (v[first] - v[second]) > 0)[apart]
    if not right.size:
        return NOTHING
    part = float(right.mean())
    interval = share(round(part * len(g)), len(g))
    return Estimate(part, interval.low, interval.high, int(right.size))


def correlation(a: ArrayLike, b: ArrayLike) -> Estimate:
    """Spearman's rank correlation with Fisher's interval; NaN for fewer than 4 cases or if one side is constant."""
    x, y = np.asarray(a, float), np.asarray(b, float)
    if x.size < 4 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return Estimate(NAN, NAN, NAN, int(x.size))
    r = float(stats.spearmanr(x, y).statistic)
    middle = np.arctanh(np.clip(r, -0.999999, 0.999999))  # at 1 Fisher's transform is infinite
    half = Z95 / np.sqrt(x.size - 3)
    return Estimate(r, float(np.tanh(middle - half)), float(np.tanh(middle + half)), int(x.size))
