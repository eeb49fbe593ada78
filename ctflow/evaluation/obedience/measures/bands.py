"""HU ranges, and the small sums over masks that all measures are made of."""

from __future__ import annotations

import numpy as np

from ctflow.evaluation.obedience.measures.anatomy import GRID_ML, Mask
from ctflow.phantom.grid import Field

CHEST_RANGE_HU = (-1000, 400)  # beyond it lie only dense bone and metal, which would outweigh all else
# HU ranges of a voxel of 3 mm; the name says what mostly fills it.
BANDS = {
    "free air": (-1100, -972),
    "thin lung": (-972, -935),
    "lung": (-935, -800),
    "dense lung": (-800, -690),
    "haze": (-690, -480),
    "ground glass": (-480, -200),
    "edge": (-200, -10),
    "fluid": (-6, 23),
    "solid": (23, 75),
}


def in_band(hu: Field, name: str) -> Mask:
    """Where the HU lie in the band of this name."""
    low, high = BANDS[name]
    return (hu >= low) & (hu < high)


def between(hu: Field, limits: tuple[float, float]) -> Mask:
    """Where the HU lie between the limits, which do not count themselves."""
    low, high = limits
    return (hu > low) & (hu < high)


def ml(mask: Mask) -> float:
    """The volume of a mask on the 3 mm grid."""
    return float(mask.sum()) * GRID_ML


def mean_over(values: Field, mask: Mask, empty: float = 0.0) -> float:
    """The mean of the values inside a mask, which they broadcast to; `empty` if the mask is empty."""
    return float(np.broadcast_to(values, mask.shape)[mask].mean()) if mask.any() else empty
