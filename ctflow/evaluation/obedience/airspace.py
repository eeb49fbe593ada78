"""Measures of what fills or folds the lung itself: haze, halos of ground glass, open bronchi, plates; by lobe."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from ctflow.evaluation.obedience.anatomy import GRID_ML, Anatomy, Mask
from ctflow.evaluation.obedience.curvature import curvatures
from ctflow.phantom.grid import Field
from ctflow.phantom.truth import LOBES

HILUM_MM = 14.0  # as near the mediastinum as vessels are large
HAZE_HU, HALO_HU = (-730.0, -430.0), (-720.0, -250.0)
AIRLESS_HU, AIR_HU = -150.0, -300.0
LEAST_RING = 30  # voxels around something solid, of which a share can be told
PLATE_HU, PLATE_RANGE_HU = 80.0, (-780.0, -100.0)
PLATE_TOP = 60  # voxels of the likeliest plate


def airspace(mean: Field, pleural: Mask, a: Anatomy) -> Iterator[tuple[str, float]]:
    """Per lobe: the largest hazy patch, ground glass and air around and in what is airless, the likeliest plate."""
    outer = pleural & (a.space > HILUM_MM)
    hazy = ndimage.binary_opening(pleural & (a.space > 10.0) & _within(mean, HAZE_HU))
    patches, _ = ndimage.label(hazy)
    airless = ndimage.binary_opening((mean > AIRLESS_HU) & outer)
    ring = ndimage.binary_dilation(airless, iterations=3) & ~ndimage.binary_dilation(airless) & pleural
    halo = ring & _within(mean, HALO_HU)
    bronchi = ndimage.binary_closing(airless, iterations=2) & ~airless & (mean < AIR_HU) & outer
    places, flatness = _plates(mean, outer)
    for index, (side, name) in enumerate(LOBES):
        here = a.lobe == index
        sizes = np.bincount(patches[here & hazy])[1:]
        yield f"{side} {name} hazy patch ml", sizes.max(initial=0) * GRID_ML
        yield f"{side} {name} halo ml", (halo & here).sum() * GRID_ML
        yield f"{side} {name} halo share", (halo & here).sum() / max(LEAST_RING, (ring & here).sum())
        yield f"{side} {name} open bronchi ml", (bronchi & here).sum() * GRID_ML
        flat = flatness[here[places]]
        yield f"{side} {name} plate ml", (flat > PLATE_HU).sum() * GRID_ML
        yield f"{side} {name} plate hu", np.sort(flat)[-PLATE_TOP:].mean() if flat.size else 0.0


def _within(hu: Field, limits: tuple[float, float]) -> Mask:
    low, high = limits
    return (hu > low) & (hu < high)


def _plates(mean: Field, outer: Mask) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Where the lung is denser, and how much more it curves there in one direction than in the two others: a plate
    does, a vessel curves in two."""
    smooth = ndimage.gaussian_filter(np.clip(mean, -880, 60), 0.6)
    inside = ndimage.binary_erosion(outer) & _within(smooth, PLATE_RANGE_HU)
    points = np.argwhere(inside)
    curved = curvatures(smooth, points, (1.0, 1.0, 1.0))
    return tuple(points.T), -curved[:, 0] - 2 * np.abs(curved[:, 1])
