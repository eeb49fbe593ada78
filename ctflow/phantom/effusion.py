"""Pleural fluid: where it pools, how far it rises, and the lung that gives way to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ctflow.phantom.build import Build
from ctflow.phantom.grid import Field, Grid, coverage
from ctflow.phantom.torso import Torso

LARGEST_PART = 0.72  # of a hemithorax that fluid may take; the lung never vanishes


@dataclass(frozen=True)
class Fluid:
    """``field`` (coarse, mm): negative in fluid, zero at its surface. ``rim_mm``: thickness of the collapsed lung."""

    field: Field
    ml: float
    rim_mm: float
    columns: slice  # coarse columns of this side


def pool(torso: Torso, g: Grid, b: Build, side: int, wanted_ml: float) -> Fluid:
    """Fill one side (-1 the patient's right, +1 the left) with ``wanted_ml`` of fluid, supine.

    The fluid's surface is level but tilted a little to the base, and it creeps up the wall as a meniscus: a depth
    function is made once, and the threshold that encloses the wanted volume is found by sorting.
    """
    half = g.x.size // 2
    columns = slice(0, half) if side < 0 else slice(half, 2 * half)
    cage, lung = torso.cage[..., columns], torso.lung[..., columns]
    creep = 30.0 * np.exp(np.minimum(cage, 0.0) / 7.0) + 34.0 * np.exp(np.minimum(cage, 0.0) / 22.0)
    low = np.clip((g.z - b.apex_z) / (b.dome_right_z - b.apex_z), 0, 1.5)
    base = 16.0 * np.exp(-np.abs(g.z - torso.dome[:, columns]) / 12.0)
    depth = (g.y + 58.0 * low + creep + base).astype(np.float32)
    space = coverage(lung, 3.0)
    voxel_ml = float(np.prod([a.ravel()[1] - a.ravel()[0] for a in (g.z, g.y, g.x)])) / 1000.0
    threshold, ml = _threshold(depth, space, wanted_ml / voxel_ml)
    rim = 0.0 if ml * voxel_ml < 250 else min(14.0, ml * voxel_ml / 90.0)
    return Fluid(threshold - depth, ml * voxel_ml, rim, columns)


def _threshold(depth: Field, space: Field, wanted: float) -> tuple[float, float]:
    """The depth above which lie ``wanted`` voxels of ``space``, and how many lie there in the end."""
    inside = space > 0
    d, w = depth[inside], space[inside]
    order = np.argsort(-d)
    filled = np.cumsum(w[order], dtype=np.float64)
    wanted = min(wanted, LARGEST_PART * float(filled[-1]))
    i = int(np.searchsorted(filled, wanted).clip(0, filled.size - 1))
    return float(d[order[i]]), wanted
