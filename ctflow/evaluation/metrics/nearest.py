"""Does a model copy? How near each volume's nearest neighbour is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ctflow.errors import RequestError

Values = NDArray[np.float64]


def nearest_distances(
    samples: ArrayLike, others: ArrayLike, patients: Sequence[str] | None, others_patients: Sequence[str] | None
) -> Values:
    """For each row of samples (samples, dimensions), the mean absolute difference to the nearest row of others.

    With `patients`, a sample's own patient does not count: two scans of one patient lie so near that nothing generated
    would look like a copy. Raises RequestError where nothing is left to compare with.
    """
    a, b = np.asarray(samples, np.float64), np.asarray(others, np.float64)
    of = np.asarray(others_patients if others_patients is not None else [""] * len(b))
    found = np.empty(len(a))
    for i, sample in enumerate(a):
        counted = b if patients is None else b[of != patients[i]]
        if not len(counted):
            raise RequestError("Nearest neighbours need training volumes of two or more patients: add some.")
        found[i] = np.abs(counted - sample).mean(1).min()
    return found
