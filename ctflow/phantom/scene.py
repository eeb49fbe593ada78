"""The lungs while they are painted: what fills them in HU, and where findings may lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ctflow.phantom.build import Build
from ctflow.phantom.finding_mask import FindingMask
from ctflow.phantom.grid import Box, Field, Grid, Point, coverage
from ctflow.phantom.lobes import lobe_field
from ctflow.phantom.mediastinum import Mediastinum
from ctflow.phantom.torso import Torso
from ctflow.phantom.truth import Finding, Site


@dataclass(frozen=True)
class Scene:
    """One person's lungs. ``hu`` (fine) is what is painted; ``inner`` is the fine distance to the lungs' surface."""

    coarse: Grid
    fine: Grid
    build: Build
    torso: Torso
    mediastinum: Mediastinum
    hu: Field
    inner: Field
    mask: FindingMask

    def fill(self, index: int, distance: Field, hu: float | Field, box: Box, edge_mm: float = 2.0) -> None:
        """Write ``hu`` inside a fine ``distance`` within the lungs, and add it to the mask of finding ``index``."""
        alpha = coverage(distance, edge_mm)
        view = self.hu[box]
        view += alpha * (hu - view)
        self.mask.add(index, alpha * coverage(self.inner[box]), box)

    def spot(self, finding: Finding, margin_mm: float, rng: np.random.Generator, *, deepest_mm: float = 1e3) -> Point:
        """A random place of the finding's site, between ``margin_mm`` and ``deepest_mm`` from the lung's surface."""
        site: Site = (finding.side, finding.lobe)
        within = np.maximum(self.torso.lung, lobe_field(self.coarse, self.build, site) + 0.3 * margin_mm)
        for margin in (margin_mm, 0.7 * margin_mm, 0.4 * margin_mm, 0.0):
            places = np.flatnonzero((within < -margin) & (self.torso.lung > -max(deepest_mm, margin + 6.0)))
            if places.size:
                break
        else:
            raise AssertionError(f"no lung at {site}")
        z, y, x = np.unravel_index(places[int(rng.integers(places.size))], within.shape)
        g = self.coarse
        return float(g.z[z, 0, 0]), float(g.y[0, y, 0]), float(g.x[0, 0, x])


def threshold(depth: Field, space: Field, wanted: float, largest_share: float) -> tuple[float, float]:
    """The depth above which ``wanted`` voxels of ``space`` (shares 0..1) lie, and how many do.

    These are never more than ``largest_share`` of the space.
    """
    inside = space > 0
    d, w = depth[inside], space[inside]
    order = np.argsort(-d)
    filled = np.cumsum(w[order], dtype=np.float64)
    wanted = min(wanted, largest_share * float(filled[-1]))
    i = int(np.searchsorted(filled, wanted).clip(0, filled.size - 1))
    return float(d[order[i]]), wanted
