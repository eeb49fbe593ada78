"""Texture of the aerated lung: patches, holes, nets, in its upper and its lower half."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from ctflow.evaluation.obedience.measures.anatomy import Anatomy, Mask
from ctflow.phantom.grid import Field

OUTER_LUNG_MM = 25.0  # from the ribs


def texture(hu: Field, pleural: Mask, depth: Field, a: Anatomy) -> Iterator[tuple[str, float]]:
    """How the lung's density varies over centimetres, and shares of it that are fine nets and fine holes."""
    lung = pleural & (hu < -650)
    weight = ndimage.gaussian_filter(lung.astype(np.float32), 3.0)
    wide = ndimage.gaussian_filter(np.where(lung, hu, 0.0), 3.0) / np.maximum(weight, 0.05)
    # Lung is denser where the patient lies on it: that slope is no patch.
    slope = np.polyfit(np.broadcast_to(a.grid.y, hu.shape)[lung], wide[lung], 1) if lung.any() else np.zeros(2)
    patches = wide - np.polyval(slope, a.grid.y)
    fine = hu - ndimage.gaussian_filter(hu, (0, 1.6, 1.6), truncate=2.5)
    halves = {"upper": a.grid.z < a.build.carina_z + 15, "lower": a.grid.z >= a.build.carina_z + 15}
    for half, where in halves.items():
        zone = lung & where & (weight > 0.5)
        yield f"{half} patchiness hu", patches[zone].std() if zone.any() else 0.0
        yield f"{half} density spread hu", np.subtract(*np.percentile(hu[zone], (90, 10))) if zone.any() else 0.0
        for near, ring in (("rim", depth < OUTER_LUNG_MM), ("deep", depth >= OUTER_LUNG_MM)):
            there = pleural & where & ring & (hu < -300)
            total = max(1.0, float(there.sum()))
            yield f"{half} {near} net share", (there & (fine > 60)).sum() / total
            yield f"{half} {near} fine net share", (there & (fine > 25)).sum() / total
            yield f"{half} {near} hole share", (there & (fine < -25)).sum() / total
            yield f"{half} {near} below 950 share", (there & (hu < -948)).sum() / total
