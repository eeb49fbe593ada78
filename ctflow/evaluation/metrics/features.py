"""Features: what an extractor makes of volumes, one row a sample, and what every metric expects of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ctflow.errors import RequestError

Features = NDArray[np.float64]  # (samples, dimensions)
LEAST_SAMPLES = 2
LEAST_DIMENSIONS = 2


def checked(values: ArrayLike, what: str) -> Features:
    """Features of one set as float64 (samples, dimensions); `what` names the set in errors.

    Raises RequestError for one sample, for one-dimensional features, and for values that are no numbers.
    """
    features = np.asarray(values, np.float64)
    if features.ndim != 2 or features.shape[1] < LEAST_DIMENSIONS:
        raise RequestError(
            f"The features of the {what} set have shape {features.shape}: (samples, dimensions) was expected, with "
            f"{LEAST_DIMENSIONS} dimensions or more. Use an extractor that gives a vector for each sample."
        )
    if len(features) < LEAST_SAMPLES:
        raise RequestError(
            f"The {what} set has {len(features)} sample(s): a metric of sets needs {LEAST_SAMPLES} or more, and says "
            "little below some hundreds. Add volumes."
        )
    if not np.isfinite(features).all():
        rows = np.flatnonzero(~np.isfinite(features).all(1))
        raise RequestError(
            f"The features of {len(rows)} of {len(features)} samples of the {what} set are not finite numbers, first "
            f"of sample {rows[0]}. Look at that volume, or use float32 instead of a shorter number format."
        )
    return features


def checked_pair(real: ArrayLike, fake: ArrayLike) -> tuple[Features, Features]:
    """Features of two sets by one extractor. Raises RequestError as `checked`, and where their dimensions differ."""
    a, b = checked(real, "real"), checked(fake, "fake")
    if a.shape[1] != b.shape[1]:
        raise RequestError(
            f"Features of {a.shape[1]} and {b.shape[1]} dimensions come from different extractors: use one for both."
        )
    return a, b
