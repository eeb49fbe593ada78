"""A volume made small, to tell how alike two volumes are."""

from __future__ import annotations

import numpy as np

from ctflow.evaluation.obedience.measures.anatomy import standard
from ctflow.evaluation.obedience.measures.bands import CHEST_RANGE_HU
from ctflow.model_grid import without_padding
from ctflow.phantom.grid import Field
from ctflow.volume import Volume

SHAPE = (24, 32, 32)


def thumbnail(volume: Volume) -> Field:
    """-> float32 HU of `SHAPE`, clipped to `CHEST_RANGE_HU`. A short volume's last slice is repeated."""
    hu = np.clip(standard(without_padding(volume)), *CHEST_RANGE_HU)
    small = hu.reshape(len(hu), SHAPE[1], -1, SHAPE[2], hu.shape[2] // SHAPE[2]).mean((2, 4))
    parts = np.array_split(small, min(SHAPE[0], len(small)))
    slices = np.stack([part.mean(0) for part in parts])
    return np.pad(slices, ((0, SHAPE[0] - len(slices)), (0, 0), (0, 0)), mode="edge").astype(np.float32)


def distance(a: Field, b: Field) -> float:
    """The mean absolute difference of two thumbnails in HU."""
    return float(np.abs(a.astype(np.float32) - b).mean())
