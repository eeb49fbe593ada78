"""Pleural effusion and pneumothorax: in a patient lying supine fluid pools, air rises, and the lung gives way."""

from __future__ import annotations

import numpy as np

from ctflow.phantom.grid import Field, coverage, upsample
from ctflow.phantom.lobes import SIGN
from ctflow.phantom.scene import Scene, threshold
from ctflow.phantom.truth import Finding

LARGEST_SHARE = 0.72  # of a hemithorax that fluid or air may take: the lung never vanishes
PLEURAL_FLUID_HU, COMPRESSED_LUNG_HU, FREE_AIR_HU = 10.0, 38.0, -992.0
COMPRESSION_EDGE_MM = 6.0
PLEURA_HU = -420.0


def paint_pleura(scene: Scene, findings: tuple[Finding, ...]) -> None:
    """Paint the air first: if there are both, fluid lies beneath it, with a level between them."""
    for kind, paint in (("Pneumothorax", _free_air), ("Pleural effusion", _fluid)):
        for index, finding in enumerate(findings):
            if finding.kind == kind:
                paint(scene, index, finding)


def _half(scene: Scene, finding: Finding) -> slice:
    """The coarse columns of the finding's side."""
    half = scene.coarse.x.size // 2
    return slice(0, half) if SIGN[finding.side or "right"] < 0 else slice(half, 2 * half)


def _surface(scene: Scene, columns: slice, depth: Field, wanted_ml: float) -> tuple[Field, float]:
    """The fine field whose inside holds ``wanted_ml`` of the deepest lung, and the ml that found room."""
    ml = scene.coarse.voxel_ml
    space = coverage(scene.torso.lung[..., columns], 3.0)
    level, voxels = threshold(depth, space, wanted_ml / ml, LARGEST_SHARE)
    return upsample(level - depth), voxels * ml


def _add_to_mask(scene: Scene, index: int, surface: Field, columns: slice) -> None:
    box = (slice(None), slice(None), columns)
    scene.mask.add(index, coverage(surface) * coverage(scene.inner[box]), box)


def _fluid(scene: Scene, index: int, finding: Finding) -> None:
    """Fluid pools at the back. Its surface tilts a little to the base and climbs the wall as a meniscus."""
    g, b, columns = scene.coarse, scene.build, _half(scene, finding)
    wall = np.minimum(scene.torso.cage[..., columns], 0.0)
    creep = 30.0 * np.exp(wall / 7.0) + 34.0 * np.exp(wall / 22.0)
    low = np.clip((g.z - b.apex_z) / (b.dome_right_z - b.apex_z), 0, 1.5)
    base = 16.0 * np.exp(-np.abs(g.z - scene.torso.dome[:, columns]) / 12.0)
    depth = (g.y + 58.0 * low + creep + base).astype(np.float32)
    surface, ml = _surface(scene, columns, depth, finding.ml or 0.0)
    fine = slice(2 * columns.start, 2 * columns.stop)
    view = scene.hu[..., fine]
    if ml > 250:
        rim = min(14.0, ml / 90.0)
        view += coverage(surface - rim, COMPRESSION_EDGE_MM) * (COMPRESSED_LUNG_HU - view)
    view += coverage(surface) * (PLEURAL_FLUID_HU - view)
    _add_to_mask(scene, index, surface, fine)


def _free_air(scene: Scene, index: int, finding: Finding) -> None:
    """Air lifts the lung off the wall, most of all in front. The lung that remains is smaller and therefore denser."""
    g, b, columns = scene.coarse, scene.build, _half(scene, finding)
    front = b.spine_y + 36.0 - 2 * b.cage_half_depth
    from_wall = -scene.torso.cage[..., columns]
    depth = -(from_wall + 0.42 * (g.y - front) + 0.10 * (g.z - b.apex_z)).astype(np.float32)
    surface, ml = _surface(scene, columns, depth, finding.ml or 0.0)
    fine = slice(2 * columns.start, 2 * columns.stop)
    view = scene.hu[..., fine]
    lost = min(0.8, ml / 2500.0)
    view += (lost * 0.55) * (30.0 - view) * (view < -500)
    line = np.exp(-(((surface - 0.9) / 0.9) ** 2))
    view += line * np.maximum(PLEURA_HU - view, 0)
    view += coverage(surface) * (FREE_AIR_HU - view)
    _add_to_mask(scene, index, surface, fine)
