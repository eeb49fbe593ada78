"""How far a metric of sets may be off, because other volumes might have been drawn, and how low it can be at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctflow.evaluation.statistics import NAN, Z95

Rows = NDArray[np.intp]  # numbers of volumes, or groups of them
Limits = tuple[float, float]
Measured = Callable[[Rows, Rows], float]
Values = NDArray[np.float64]
INF = float("inf")
RESAMPLES = 40
LEAST_VOLUMES = 4  # below, halves are single volumes


@dataclass(frozen=True)
class Interval:
    """95 %, the mean of what was resampled, and their number; NaN where there are too few volumes to resample.

    The mean is of halves of both sets, and may differ from the value of all: FID falls with the number of samples.
    """

    low: float
    high: float
    of_halves: float
    resamples: int


_NONE = Interval(NAN, NAN, NAN, 0)


def halves(count: int, seed: int, resamples: int = RESAMPLES) -> list[Rows]:
    """Random halves of `count` things, drawn without repetition and in order."""
    draw = np.random.default_rng(seed)
    return [np.sort(draw.permutation(count)[: count // 2]) for _ in range(resamples)]


def interval(value: float, of_halves: Values, limits: Limits) -> Interval:
    """Around the value of all volumes, from the values of random halves of both sets; cut to `limits`.

    The scatter of random halves is the standard error of the whole (the delete-half jackknife: Shao and Wu, Annals of
    Statistics 1989). A bootstrap that draws volumes repeatedly would not do: copies make a set look less varied, which
    raises FID, and lie at distance 0 from each other, which voids precision and recall.
    """
    if len(of_halves) < 2 or not np.isfinite(of_halves).all():
        return _NONE
    off, (least, most) = Z95 * float(of_halves.std(ddof=1)), limits
    return Interval(max(least, value - off), min(most, value + off), float(of_halves.mean()), len(of_halves))


def values_of_halves(
    measure: Measured,
    real: Sequence[str],
    fake: Sequence[str],
    seed: int,
    resamples: int = RESAMPLES,
    least: int = LEAST_VOLUMES,
) -> Values:
    """`measure(rows of real, rows of fake)` of random halves of both sets, for `interval`.

    `real`, `fake`: whose each volume is. Two volumes of one patient are alike, so both are in a half or neither is:
    drawn apart, they would make a set look larger than it is. `least`: patients of each set below which there are no
    values.
    """
    if min(len(set(real)), len(set(fake))) < least:
        return np.zeros(0)
    pairs = zip(_split(real, seed, resamples), _split(fake, seed + 1, resamples), strict=True)
    return np.array([measure(a, b) for (a, _), (b, _) in pairs])


def floors(
    measure: Measured, patients: Sequence[str], most: int, seed: int, splits: int = 10, least: int = LEAST_VOLUMES
) -> Values:
    """What the metric makes of real against real: of random halves of the patients against the others.

    `patients`: whose each real volume is. `most`: of the others, that stand in the place of fake ones, only so many
    volumes count, drawn anew each time: metrics depend on their number, and a floor of more would be too low. None for
    fewer than `least` patients, or volumes in their place.
    """
    if min(len(set(patients)), 2 * most) < least:
        return np.zeros(0)
    draw = np.random.default_rng(seed)
    pairs = ((half, draw.permutation(others)[:most]) for half, others in _split(patients, seed, splits))
    return np.array([measure(half, np.sort(others)) for half, others in pairs])


def _split(patients: Sequence[str], seed: int, times: int) -> Iterator[tuple[Rows, Rows]]:
    """The rows of random halves of the patients, and the rows of the others."""
    names, of = np.unique(patients), np.asarray(patients)
    for half in halves(len(names), seed, times):
        inside = np.isin(of, names[half])
        yield np.flatnonzero(inside), np.flatnonzero(~inside)
