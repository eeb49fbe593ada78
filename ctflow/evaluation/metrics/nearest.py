"""Does a model copy? How near each volume's nearest neighbour is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ctflow.errors import RequestError

Values = NDArray[np.float64]


def nearest_distances(samples: ArrayLike, patients: Sequence[str], others: Iterable[tuple[str, ArrayLike]]) -> Values:
    """For each row of samples (samples, dimensions), the mean absolute difference to the nearest of the others.

    `others`: patient and row of each, looked at once and one at a time. A sample's own patient, among `patients`, does
    not count: two scans of one patient lie so near that nothing generated would look like a copy.
    Raises RequestError where nothing is left to compare with.
    """
    rows, of = np.asarray(samples, np.float32), np.asarray(patients)
    found = np.full(len(rows), np.inf)
    for patient, other in others:
        away = np.abs(rows - np.asarray(other, np.float32).reshape(-1)).mean(1, dtype=np.float64)
        found = np.where(of == patient, found, np.minimum(found, away))
    if not np.isfinite(found).all():
        raise RequestError("Nearest neighbours need training volumes of two or more patients: add some.")
    return found
