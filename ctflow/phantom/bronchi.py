"""Bronchi beside their arteries. Wide ones are bronchiectasis, thick walls peribronchial thickening."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ctflow.phantom.grid import Point, cone, coverage, segment_box
from ctflow.phantom.lobes import lobe_of
from ctflow.phantom.scene import Scene
from ctflow.phantom.truth import SIZES, Truth
from ctflow.phantom.vessels import Vessels

WALL_HU, LUMEN_HU = 10.0, -985.0
STEMS_PER_BRONCHUS = 3  # the others are veins, or arteries whose bronchus is too thin to be seen
LAST_GENERATION, LAST_DISEASED_GENERATION = 1, 3
DILATED_MM = (2.8, 3.8, 5.2)
THICK_WALL_MM = (1.5, 2.1, 2.9)


@dataclass(frozen=True)
class _Bronchus:
    p: Point
    q: Point
    radius: float  # of the lumen
    wall: float
    finding: int | None


def paint_bronchi(scene: Scene, vessels: Vessels, truth: Truth) -> None:
    """Paint walls, then air, along every third stem of vessels; further out if bronchi are diseased."""
    diseased = truth.has("Bronchiectasis") or truth.has("Peribronchial thickening")
    chosen = (vessels.stem % STEMS_PER_BRONCHUS == 0) & (
        vessels.generation <= (LAST_DISEASED_GENERATION if diseased else LAST_GENERATION)
    )
    some = vessels.of(chosen)
    for piece, stem, generation in zip(some.pieces(), some.stem.tolist(), some.generation.tolist(), strict=True):
        bronchus = _beside(scene, piece, stem, generation, truth)
        if bronchus is not None:
            _paint(scene, bronchus)


def _paint(scene: Scene, bronchus: _Bronchus) -> None:
    reach = bronchus.radius + bronchus.wall
    box = scene.fine.box(*segment_box(bronchus.p, bronchus.q, reach + 1.5))
    distance = cone(scene.fine.crop(box), bronchus.p, bronchus.q, reach, reach)
    outside, inside = coverage(distance), coverage(distance + bronchus.wall)
    view = scene.hu[box]
    view += outside * np.maximum(WALL_HU - view, 0)
    view += inside * (LUMEN_HU - view)
    if bronchus.finding is not None:
        scene.mask.add(bronchus.finding, outside * coverage(scene.inner[box]), box)


def _beside(
    scene: Scene, piece: tuple[Point, Point, float, float], stem: int, generation: int, truth: Truth
) -> _Bronchus | None:
    """The bronchus beside one piece of vessel; None if it is too thin to be seen."""
    p, q, rp, _ = piece
    place = lobe_of(((p[0] + q[0]) / 2, (p[1] + q[1]) / 2, (p[2] + q[2]) / 2), scene.build)
    radius, wall, last, index = 0.72 * rp, 0.65, LAST_GENERATION, None
    for i, finding in enumerate(truth.findings):
        grade = SIZES.index(finding.size)
        if finding.kind == "Bronchiectasis" and place in finding.sites:
            beads = 0.75 + 0.25 * ((stem * 7 + generation * 3) % 2)  # the severe ones are strings of cysts
            dilated = DILATED_MM[grade] * beads * (1.0 if generation < 3 else 0.75)
            radius, wall, last, index = max(radius, dilated), 1.2, LAST_DISEASED_GENERATION, i
        elif finding.kind == "Peribronchial thickening":
            wall, last, index = THICK_WALL_MM[grade] * (0.75 if generation > 1 else 1.0), LAST_DISEASED_GENERATION, i
            radius = max(radius, 1.2)
    if generation > last or radius < 0.8:
        return None
    # Beside the artery, as if they shared a sheath, and on the same side all along a stem.
    aside = np.cross(np.subtract(q, p), (0.6, 1.0, 0.3 * (-1) ** stem))
    z, y, x = (aside * (rp + radius + 0.5 * wall) / (np.linalg.norm(aside) + 1e-6)).tolist()
    return _Bronchus((p[0] + z, p[1] + y, p[2] + x), (q[0] + z, q[1] + y, q[2] + x), radius, wall, index)
