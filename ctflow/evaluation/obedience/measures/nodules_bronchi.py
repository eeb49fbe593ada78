"""Nodules and bronchi: round things in the lungs, and air ringed by walls, at the volume's full resolution."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from ctflow.evaluation.obedience.measures.anatomy import Anatomy, Mask
from ctflow.evaluation.obedience.measures.curvature import curvatures
from ctflow.phantom.grid import Field
from ctflow.phantom.truth import LOBES

FINE_MM, COARSE_MM = (3.0, 1.5, 1.5), (3.0, 3.0, 3.0)
FINE_ML = 3.0 * 1.5 * 1.5 / 1000
BALL_SIGMAS_MM = ((1.7, FINE_MM), (3.0, COARSE_MM), (5.0, COARSE_MM))
# By size: in some 95 % of the phantoms' lobes without a nodule, the roundest thing stays below.
USUAL_ROUNDNESS_HU = {1.7: 105.0, 3.0: 50.0, 5.0: 42.0}
NODULE_RANGE_HU = (-880.0, 60.0)  # of lung and soft tissue, beyond which nothing counts as rounder
DENSE_HU = -400.0  # what is denser is solid; what lies around a nodule is not
CANDIDATES = 1500  # the brightest places, whose curvature is computed


def nodules_and_bronchi(hu: Field, mean: Field, pleural: Mask, a: Anatomy) -> Iterator[tuple[str, float]]:
    """Per lobe: the roundest things of three sizes, the largest solid ball, and air within walls.

    `hu` has voxels of 3.0 x 1.5 x 1.5 mm; `mean` and `pleural` are on the 3 mm grid.
    """
    coarse = _box(ndimage.binary_dilation(pleural, iterations=2))
    box = (coarse[0], *(slice(2 * s.start, 2 * s.stop) for s in coarse[1:]))
    inside, lobe = pleural[coarse], a.lobe[coarse]
    wide, wide_lobe = _doubled(inside), _doubled(lobe)
    dense = (mean[coarse] > DENSE_HU) & ndimage.binary_erosion(inside)
    radius = ndimage.distance_transform_edt(dense, COARSE_MM)
    alone = radius * _islands(mean[coarse] > DENSE_HU, inside)
    walls, air = _ringed_air(hu[box], wide)
    calcium = (hu[box] > 200) & ndimage.binary_erosion(wide, iterations=2)
    balls = {}
    for sigma, spacing in BALL_SIGMAS_MM:
        fine = spacing == FINE_MM
        picture, within = (hu[box], wide) if fine else (mean[coarse], inside)
        balls[sigma] = _round_things(picture, within, wide_lobe if fine else lobe, sigma, spacing)
    for index, (side, name) in enumerate(LOBES):
        here = wide_lobe == index
        for sigma, tops in balls.items():
            yield f"{side} {name} round {sigma:g} first", tops[index][0]
            yield f"{side} {name} round {sigma:g} second", tops[index][1]
        yield f"{side} {name} roundest", 10 * max(tops[index][0] / USUAL_ROUNDNESS_HU[s] for s, tops in balls.items())
        yield f"{side} {name} ball mm", radius[lobe == index].max(initial=0.0)
        yield f"{side} {name} island mm", alone[lobe == index].max(initial=0.0)
        yield f"{side} {name} nodule calcium ml", (calcium & here).sum() * FINE_ML
        yield f"{side} {name} ringed air ml", (air & here).sum() * FINE_ML
        yield f"{side} {name} bronchial wall ml", (walls & here).sum() * FINE_ML


def _islands(dense: Mask, inside: Mask) -> Mask:
    """The parts of a mask that do not reach out of the lungs."""
    labels, _ = ndimage.label(dense)
    joined = np.unique(labels[dense & ~inside])
    return dense & ~np.isin(labels, joined)


def _doubled(mask: np.ndarray) -> np.ndarray:
    """From the 3 mm grid to the full resolution."""
    return np.repeat(np.repeat(mask, 2, 1), 2, 2)


def _box(mask: Mask) -> tuple[slice, slice, slice]:
    """The box around a mask."""
    spans = [np.flatnonzero(mask.any(tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    z, y, x = ((int(span[0]), int(span[-1]) + 1) if span.size else (0, mask.shape[i]) for i, span in enumerate(spans))
    return slice(*z), slice(*y), slice(*x)


def _round_things(
    hu: Field, inside: Mask, lobe: np.ndarray, sigma_mm: float, spacing: tuple[float, float, float]
) -> list[tuple[float, float]]:
    """How round the two roundest places of each lobe are: minus the largest eigenvalue of the Hessian, in HU.

    Only places with lung around them count, so that the chest wall does not.
    """
    sigmas = [sigma_mm / mm for mm in spacing]
    smooth = ndimage.gaussian_filter(np.clip(hu, *NODULE_RANGE_HU), sigmas, truncate=3.0)
    around = ndimage.gaussian_filter(smooth, [2.2 * sigma for sigma in sigmas], truncate=2.5)
    tops = (ndimage.maximum_filter(smooth, 3) == smooth) & (smooth > NODULE_RANGE_HU[0] + 60)
    tops &= ndimage.binary_erosion(inside) & (around < DENSE_HU)
    tops[:1] = tops[-1:] = tops[:, :1] = tops[:, -1:] = tops[:, :, :1] = tops[:, :, -1:] = False
    points = np.argwhere(tops)
    points = points[np.argsort(-smooth[tops])[:CANDIDATES]]
    curved = -curvatures(smooth, points, spacing)[:, -1] * sigma_mm**2
    curved *= np.clip((DENSE_HU - around[tuple(points.T)]) / 150.0, 0, 1)
    where = lobe[tuple(points.T)]
    best = [np.sort(np.append(curved[where == index], (0.0, 0.0)))[::-1] for index in range(len(LOBES))]
    return [(float(values[0]), float(values[1])) for values in best]


def _ringed_air(hu: Field, inside: Mask) -> tuple[Mask, Mask]:
    """-> (walls of bronchi, the air within them); the air is what a closing in the axial plane fills."""
    soft = np.clip(ndimage.gaussian_filter(hu, (0, 0.5, 0.5)), -980, -100)
    closed = ndimage.grey_closing(soft, (1, 7, 7))
    air = inside & (closed - soft > 90) & (soft < -880)
    walls = inside & (hu > -650) & ndimage.binary_dilation(air, np.ones((1, 5, 5), bool))
    return walls, air
