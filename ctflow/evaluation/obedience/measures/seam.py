"""Seams between chunks: does the picture jump where one chunk ends and the next begins?"""

from __future__ import annotations

import numpy as np

from ctflow.evaluation.obedience.measures.bands import CHEST_RANGE_HU
from ctflow.volume import Volume

SLICES_PER_CHUNK = 16  # of every model so far, and the places where phantoms are measured for comparison


def seam_index(volume: Volume, chunk: int = SLICES_PER_CHUNK) -> float | None:
    """The change across the borders of chunks over the change one and two slices beside them; 1 means no seam.

    None if no border of the volume has three slices on either side, or if nothing changes beside one.
    """
    hu = np.clip(volume.hu, *CHEST_RANGE_HU).astype(np.float32)
    change = np.abs(np.diff(hu, axis=0)).mean((1, 2))
    borders = [k for k in range(chunk - 1, len(change), chunk) if k + 2 < len(change)]
    beside = [np.mean([change[k - 2], change[k - 1], change[k + 1], change[k + 2]]) for k in borders]
    ratios = [change[k] / usual for k, usual in zip(borders, beside, strict=True) if usual > 0]
    return float(np.mean(ratios)) if ratios else None
