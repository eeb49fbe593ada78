"""What fills or folds the lung itself, by lobe: haze, halos of ground glass, open bronchi, plates of atelectasis."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from ctflow.evaluation.obedience.measures.anatomy import GRID_ML, Anatomy, Mask
from ctflow.evaluation.obedience.measures.bands import between, ml
from ctflow.evaluation.obedience.measures.curvature import curvatures
from ctflow.phantom.grid import Field
from ctflow.phantom.truth import LOBES

HILUM_MM = 14.0  # from the mediastinum: as far as vessels are large
HAZE_HU, HALO_HU = (-730.0, -430.0), (-720.0, -250.0)
AIRLESS_ABOVE_HU = -150.0
OPEN_BELOW_HU = -300.0  # a bronchus that still holds air, within what is airless
LEAST_RING = 30  # voxels around what is airless, below which a share of them would be chance
PLATE_HU, PLATE_RANGE_HU = 80.0, (-780.0, -100.0)
PLATE_TOP = 60  # the voxels that are most like a plate, which are averaged


def airspace(mean: Field, pleural: Mask, a: Anatomy) -> Iterator[tuple[str, float]]:
    """Per lobe: the largest hazy patch, the ground glass around and the air in what is airless, the likeliest plate."""
    outer = pleural & (a.space > HILUM_MM)
    hazy = ndimage.binary_opening(pleural & (a.space > 10.0) & between(mean, HAZE_HU))
    patches, _ = ndimage.label(hazy)
    airless = ndimage.binary_opening((mean > AIRLESS_ABOVE_HU) & outer)
    ring = ndimage.binary_dilation(airless, iterations=3) & ~ndimage.binary_dilation(airless) & pleural
    halo = ring & between(mean, HALO_HU)
    bronchi = ndimage.binary_closing(airless, iterations=2) & ~airless & (mean < OPEN_BELOW_HU) & outer
    places, flatness = _plates(mean, outer)
    for index, (side, name) in enumerate(LOBES):
        here = a.lobe == index
        sizes = np.bincount(patches[here & hazy])[1:]
        yield f"{side} {name} hazy patch ml", sizes.max(initial=0) * GRID_ML
        yield f"{side} {name} halo ml", ml(halo & here)
        yield f"{side} {name} halo share", (halo & here).sum() / max(LEAST_RING, (ring & here).sum())
        yield f"{side} {name} open bronchi ml", ml(bronchi & here)
        flat = flatness[here[places]]
        yield f"{side} {name} plate ml", ml(flat > PLATE_HU)
        yield f"{side} {name} plate hu", np.sort(flat)[-PLATE_TOP:].mean() if flat.size else 0.0


def _plates(mean: Field, outer: Mask) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Where the lung is dense, and how much more it curves there in one direction than in the two others, in HU.

    A plate curves in one direction, a vessel in two.
    """
    smooth = ndimage.gaussian_filter(np.clip(mean, -880, 60), 0.6)
    inside = ndimage.binary_erosion(outer) & between(smooth, PLATE_RANGE_HU)
    points = np.argwhere(inside)
    curved = curvatures(smooth, points, (1.0, 1.0, 1.0))
    return tuple(points.T), -curved[:, 0] - 2 * np.abs(curved[:, 1])
