"""The lungs under the brush: what fills them in HU, and where findings may lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ctflow.phantom.build import Build
from ctflow.phantom.grid import Box, Field, Grid, Point, coverage
from ctflow.phantom.ledger import Ledger
from ctflow.phantom.lobes import lobe_field
from ctflow.phantom.mediastinum import Mediastinum
from ctflow.phantom.torso import Torso
from ctflow.phantom.truth import Finding, Site


@dataclass(frozen=True)
class Scene:
    """One person's lungs: ``hu`` is fine and written to; ``inner`` is the fine distance to the lungs' surface."""

    coarse: Grid
    fine: Grid
    build: Build
    torso: Torso
    mediastinum: Mediastinum
    hu: Field
    inner: Field
    ledger: Ledger

    def fill(self, index: int, distance: Field, hu: float | Field, box: Box, edge_mm: float = 2.0) -> None:
        """Write ``hu`` inside a fine ``distance`` within the lungs, and book it for finding ``index``."""
        alpha = coverage(distance, edge_mm)
        view = self.hu[box]
        view += alpha * (hu - view)
        self.ledger.mark(index, alpha * coverage(self.inner[box]), box)

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


def threshold(depth: Field, space: Field, wanted: float, largest_part: float) -> tuple[float, float]:
    """The depth above which lie ``wanted`` voxels of ``space`` (shares 0..1), and how many lie there in the end.

    Never more than ``largest_part`` of the space.
    """
    inside = space > 0
    d, w = depth[inside], space[inside]
    order = np.argsort(-d)
    filled = np.cumsum(w[order], dtype=np.float64)
    wanted = min(wanted, largest_part * float(filled[-1]))
    i = int(np.searchsorted(filled, wanted).clip(0, filled.size - 1))
    return float(d[order[i]]), wanted
