"""The kernel distance of two sets of features: KID. Unlike FID it is right on average for any number of samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ctflow.evaluation.metrics.features import Features, checked_pair


def kernel_distance(
    real: ArrayLike, fake: ArrayLike, *, subsets: int = 100, subset_size: int = 1000, seed: int = 0
) -> float:
    """The unbiased squared maximum mean discrepancy, kernel (x·y / dimensions + 1)³; the mean over drawn subsets.

    Where no set has more samples than `subset_size`, there is nothing to draw, and all samples count once.
    It may be negative for sets that are alike. Source: Bińkowski et al., arXiv 1801.01401. Raises RequestError.
    """
    a, b = checked_pair(real, fake)
    if max(len(a), len(b)) <= subset_size:
        return _discrepancy(a, b)
    draw = np.random.default_rng(seed)
    sizes = min(subset_size, len(a)), min(subset_size, len(b))
    drawn = (
        _discrepancy(a[draw.choice(len(a), sizes[0], False)], b[draw.choice(len(b), sizes[1], False)])
        for _ in range(subsets)
    )
    return float(np.mean(list(drawn)))


def _discrepancy(a: Features, b: Features) -> float:
    return _mean_of_pairs(a) + _mean_of_pairs(b) - 2 * float(_kernel(a, b).mean())


def _mean_of_pairs(x: Features) -> float:
    """The mean kernel of two different samples of a set."""
    kernel = _kernel(x, x)
    return float((kernel.sum() - np.trace(kernel)) / (len(x) * (len(x) - 1)))


def _kernel(x: Features, y: Features) -> Features:
    return (x @ y.T / x.shape[1] + 1) ** 3
