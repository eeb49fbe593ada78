"""The Fréchet distance of two sets of features, as if both were Gaussian: FID and FVD."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ctflow.evaluation.metrics.features import Features, checked_pair

ROWS_AT_ONCE = 4096  # of a set that is reduced, so that a copy of 50,000 samples never lies in memory


def frechet_distance(real: ArrayLike, fake: ArrayLike, *, biased: bool = False) -> float:
    """Squared mean difference plus tr(A + B - 2 (A B)^½), of features (samples, dimensions).

    `biased`: whether covariances are divided by the number of samples (as StyleGAN-V does) or by one less.
    Source: Heusel et al., arXiv 1706.08500. Raises RequestError, see `features.checked_pair`.

    tr (A B)^½ is the sum of the singular values of F Gᵀ, for any F and G with FᵀF = A and GᵀG = B. So no product of
    covariances is made, whose small eigenvalues would be lost to rounding, and no root of a matrix is taken.
    """
    a, b = checked_pair(real, fake)
    f, g = _factor(a, biased), _factor(b, biased)
    cross = float(np.linalg.svd(f @ g.T, compute_uv=False).sum())
    apart = float(np.square(a.mean(0) - b.mean(0)).sum())
    return max(0.0, apart + float(np.square(f).sum()) + float(np.square(g).sum()) - 2 * cross)


def _factor(features: Features, biased: bool) -> Features:
    """F with FᵀF = the covariance: the centred samples themselves, or where they are many, the R of their QR."""
    samples, dimensions = features.shape
    mean, scale = features.mean(0), np.sqrt(samples if biased else samples - 1)
    if samples <= dimensions:
        return (features - mean) / scale
    reduced = np.zeros((0, dimensions))
    for first in range(0, samples, ROWS_AT_ONCE):
        centred = features[first : first + ROWS_AT_ONCE] - mean
        reduced = np.asarray(np.linalg.qr(np.concatenate([reduced, centred]), mode="r"))
    return reduced / scale
