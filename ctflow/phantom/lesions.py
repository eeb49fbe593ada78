"""Focal findings in the lungs: nodules, consolidations, opacities, scars."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ctflow.phantom.grid import Box, Field, Grid, Point, cone, coverage, ellipsoid, segment_box
from ctflow.phantom.lobes import SIGN, lobe_field
from ctflow.phantom.noise import smooth_noise
from ctflow.phantom.scene import Scene
from ctflow.phantom.truth import SIZES, Finding

SOLID_HU, CALCIFIED_HU, GROUND_GLASS_HU = 32.0, 420.0, -580.0
CONSOLIDATED_HU, SCAR_HU, BRONCHUS_HU = 38.0, 20.0, -930.0


def paint_lesions(scene: Scene, findings: tuple[Finding, ...], streams: list[np.random.Generator]) -> None:
    """Paint all focal findings, each with its own random stream."""
    painters: dict[str, Callable[[Scene, int, Finding, np.random.Generator], None]] = {
        "Lung opacity": _opacity,
        "Consolidation": _consolidation,
        "Pulmonary fibrotic sequela": _scar,
        "Lung nodule": _nodules,
    }
    for kind, paint in painters.items():
        for index, finding in enumerate(findings):
            if finding.kind == kind:
                paint(scene, index, finding, streams[index])


def around(g: Grid, centre: Point, reach: float) -> Box:
    """The box of ``reach`` mm around a point."""
    return g.box(*segment_box(centre, centre, reach))


def _nodules(scene: Scene, index: int, finding: Finding, rng: np.random.Generator) -> None:
    """The largest, and others about half as large."""
    largest = (finding.mm or 8.0) / 2
    _nodule(scene, index, finding, largest, rng)
    for _ in range(finding.count - 1):
        _nodule(scene, index, finding, min(largest, max(2.0, largest * rng.uniform(0.4, 0.7))), rng)


def _nodule(scene: Scene, index: int, finding: Finding, radius: float, rng: np.random.Generator) -> None:
    centre = scene.spot(finding, radius + 2.0, rng)
    box = around(scene.fine, centre, radius + 6.0)
    g = scene.fine.crop(box)
    distance = np.sqrt((g.z - centre[0]) ** 2 + (g.y - centre[1]) ** 2 + (g.x - centre[2]) ** 2) - radius
    lobulation = min(2.0, 0.09 * radius) * smooth_noise(g, max(5.0, 0.7 * radius), rng)
    hu = {"calcified": CALCIFIED_HU, "ground-glass": GROUND_GLASS_HU}.get(finding.variant, SOLID_HU)
    scene.fill(index, distance + lobulation, hu, box, 1.8)
    if radius > 8 and finding.variant == "solid":
        _spicules(scene, centre, radius, rng)


def _spicules(scene: Scene, centre: Point, radius: float, rng: np.random.Generator) -> None:
    for _ in range(int(rng.integers(0, 9))):
        way = rng.normal(0, 1, 3)
        way *= radius * rng.uniform(1.3, 1.9) / np.linalg.norm(way)
        _strand(scene, centre, (centre[0] + way[0], centre[1] + way[1], centre[2] + way[2]), 1.6, 0.4, -80.0)


def _strand(scene: Scene, p: Point, q: Point, rp: float, rq: float, hu: float) -> tuple[Box, Field]:
    box = scene.fine.box(*segment_box(p, q, max(rp, rq) + 2.0))
    alpha = coverage(cone(scene.fine.crop(box), p, q, rp, rq), 2.0)
    view = scene.hu[box]
    view += alpha * np.maximum(hu - view, 0)
    return box, alpha


def _blob(scene: Scene, finding: Finding, rng: np.random.Generator, rough: float) -> tuple[Field, Box, Point]:
    """An irregular region of the finding's length inside its lobe, nearer to the pleura than to the hilum."""
    length = finding.mm or 50.0
    centre = scene.spot(finding, min(18.0, 0.3 * length), rng, deepest_mm=0.55 * length + 8.0)
    half = 0.5 * length
    radii = (half * rng.uniform(0.75, 0.95), half * rng.uniform(0.75, 0.95), half * rng.uniform(0.9, 1.05))
    box = around(scene.fine, centre, half + 10.0)
    g = scene.fine.crop(box)
    distance = ellipsoid(g, centre, radii)
    distance += rough * smooth_noise(g, 19.0, rng) + 0.6 * rough * smooth_noise(g, 7.0, rng)
    return np.maximum(distance, lobe_field(g, scene.build, (finding.side, finding.lobe))), box, centre


def _opacity(scene: Scene, index: int, finding: Finding, rng: np.random.Generator) -> None:
    """Ground glass: denser lung in which the vessels are still visible."""
    distance, box, _ = _blob(scene, finding, rng, min(6.0, 0.12 * (finding.mm or 50.0)))
    g = scene.fine.crop(box)
    density = rng.uniform(-640, -520) + 45.0 * smooth_noise(g, 9.0, rng)
    scene.fill(index, distance, np.maximum(scene.hu[box], density), box, 7.0)


def _consolidation(scene: Scene, index: int, finding: Finding, rng: np.random.Generator) -> None:
    """Lung full of fluid: no vessels are visible, but the bronchi stay open, and ground glass surrounds it."""
    distance, box, centre = _blob(scene, finding, rng, min(5.5, 0.11 * (finding.mm or 50.0)))
    halo = coverage(distance - 4.0, 9.0)
    view = scene.hu[box]
    view += 0.7 * halo * np.maximum(-520.0 - view, 0)
    scene.fill(index, distance, CONSOLIDATED_HU, box, 3.0)
    _bronchograms(scene, centre, 0.5 * (finding.mm or 50.0), rng)


def _bronchograms(scene: Scene, centre: Point, half: float, rng: np.random.Generator) -> None:
    """Air in branches that come from the hilum."""
    m = scene.mediastinum
    hilum = np.asarray(m.hilum_left if centre[2] > 0 else m.hilum_right)
    way = np.asarray(centre) - hilum
    way /= np.linalg.norm(way) + 1e-6
    start = np.asarray(centre) - way * 0.85 * half
    for _ in range(2 + int(half / 9)):
        bend = way + rng.normal(0, 0.35, 3)
        middle = start + bend * half * rng.uniform(0.5, 0.9)
        end = middle + (bend + rng.normal(0, 0.4, 3)) * half * 0.5
        for p, q, r in ((start, middle, 1.9), (middle, end, 1.4)):
            a, c = (float(p[0]), float(p[1]), float(p[2])), (float(q[0]), float(q[1]), float(q[2]))
            box = scene.fine.box(*segment_box(a, c, r + 1.5))
            alpha = coverage(cone(scene.fine.crop(box), a, c, r, 0.8 * r), 1.8)
            view = scene.hu[box]
            view += alpha * (BRONCHUS_HU - view)


def _scar(scene: Scene, index: int, finding: Finding, rng: np.random.Generator) -> None:
    """Bands that run from the pleura inwards, and the thickened pleura that they start from."""
    grade = SIZES.index(finding.size)
    centre = scene.spot(finding, 2.0, rng, deepest_mm=8.0)
    box = around(scene.fine, centre, 16.0 + 8.0 * grade)
    g = scene.fine.crop(box)
    cap = ellipsoid(g, centre, (7.0 + 4 * grade, 6.0 + 3 * grade, 6.0 + 3 * grade)) + 3.0 * smooth_noise(g, 7.0, rng)
    scene.fill(index, np.maximum(cap, -scene.inner[box] - 4.0 - 2.0 * grade), SCAR_HU, box, 3.0)
    inwards = np.array([scene.build.carina_z + 20.0, 5.0, SIGN[finding.side or "right"] * 50.0]) - np.asarray(centre)
    inwards /= np.linalg.norm(inwards) + 1e-6
    for _ in range((3, 6, 11)[grade]):
        way = inwards + rng.normal(0, 0.55, 3)
        begin = np.asarray(centre) + rng.normal(0, 4.0 + 3.0 * grade, 3)
        end = begin + way * rng.uniform(16, 30 + 8 * grade)
        p, q = ((float(v[0]), float(v[1]), float(v[2])) for v in (begin, end))
        where, alpha = _strand(scene, p, q, rng.uniform(1.0, 1.6 + 0.3 * grade), 0.7, -60.0)
        scene.mask.add(index, alpha * coverage(scene.inner[where]), where)
