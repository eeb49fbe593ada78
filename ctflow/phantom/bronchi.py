"""Bronchi beside their arteries. Wide ones are bronchiectasis, thick walls peribronchial thickening."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ctflow.phantom.grid import Point, cone, coverage, segment_box
from ctflow.phantom.lobes import lobe_of
from ctflow.phantom.lungs import Segment
from ctflow.phantom.scene import Scene
from ctflow.phantom.truth import SIZES, Truth

WALL_HU, LUMEN_HU = 10.0, -985.0
EVERY = 2  # stem: the others are veins
LAST_GENERATION = 2
DILATED_MM = (2.8, 3.8, 5.2)
THICK_WALL_MM = (1.5, 2.1, 2.9)


@dataclass(frozen=True)
class _Bronchus:
    p: Point
    q: Point
    radius: float  # of the lumen
    wall: float
    finding: int | None


def paint_bronchi(scene: Scene, segments: list[Segment], truth: Truth) -> None:
    """Paint walls, then air, along every second stem of vessels."""
    for bronchus in (b for s in segments if s.stem % EVERY == 0 if (b := _beside(scene, s, truth))):
        reach = bronchus.radius + bronchus.wall
        box = scene.fine.box(*segment_box(bronchus.p, bronchus.q, reach + 1.5))
        distance = cone(scene.fine.crop(box), bronchus.p, bronchus.q, reach, reach)
        outside, inside = coverage(distance), coverage(distance + bronchus.wall)
        view = scene.hu[box]
        view += outside * np.maximum(WALL_HU - view, 0)
        view += inside * (LUMEN_HU - view)
        if bronchus.finding is not None:
            scene.ledger.mark(bronchus.finding, outside * coverage(scene.inner[box]), box)


def _beside(scene: Scene, s: Segment, truth: Truth) -> _Bronchus | None:
    """The bronchus of one vessel segment, None where it would be too thin to be seen."""
    middle = tuple((a + c) / 2 for a, c in zip(s.p, s.q, strict=True))
    place = lobe_of(middle, scene.build)  # type: ignore[arg-type]
    radius, wall, last, index = 0.72 * s.rp, 0.7, LAST_GENERATION, None
    for i, finding in enumerate(truth.findings):
        grade = SIZES.index(finding.size)
        if finding.kind == "Bronchiectasis" and place in finding.sites:
            radius, wall, last, index = max(radius, _dilated(grade, s)), 1.2, 4, i
        elif finding.kind == "Peribronchial thickening":
            wall, last, index = THICK_WALL_MM[grade] * (0.75 if s.generation > 1 else 1.0), 3, i
            radius = max(radius, 1.2)
    if s.generation > last or radius < 0.8:
        return None
    # At the artery's side, as if they shared a sheath; the same side all along a stem.
    along = np.subtract(s.q, s.p)
    aside = np.cross(along, (0.6, 1.0, 0.3 * (-1) ** s.stem))
    aside *= (s.rp + radius + 0.5 * wall) / (np.linalg.norm(aside) + 1e-6)
    p, q = np.add(s.p, aside), np.add(s.q, aside)
    return _Bronchus(
        (float(p[0]), float(p[1]), float(p[2])), (float(q[0]), float(q[1]), float(q[2])), radius, wall, index
    )


def _dilated(grade: int, s: Segment) -> float:
    """Dilated bronchi do not taper; the severe ones are strings of cysts."""
    beads = 0.75 + 0.25 * (s.stem * 7 + s.generation * 3) % 2
    return DILATED_MM[grade] * beads * (1.0 if s.generation < 3 else 0.75)
