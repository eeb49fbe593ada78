"""Findings between the lungs that need room of their own: enlarged lymph nodes and a hiatal hernia."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ctflow.phantom.build import Build
from ctflow.phantom.finding_mask import FindingMask
from ctflow.phantom.grid import Canvas, Field, Grid, Point, coverage, ellipsoid, segment_box
from ctflow.phantom.truth import SIZES, Finding, Truth

NODE_HU, STOMACH_WALL_HU, CONTENT_HU, GAS_HU = 42.0, 38.0, 22.0, -950.0
NODE_COUNTS = (1, 2, 4)  # by size
WALL_MM = 4.0


@dataclass(frozen=True)
class Mass:
    """An ellipsoid with radii (z, y, x) mm that belongs to finding ``index``; ``hollow`` if it is a stomach."""

    index: int
    center: Point
    radii: Point
    hollow: bool

    def box(self, reach: float) -> tuple[Point, Point]:
        return segment_box(self.center, self.center, max(self.radii) + reach)

    def field(self, g: Grid) -> Field:
        return ellipsoid(g, self.center, self.radii)


def masses(b: Build, truth: Truth, streams: list[np.random.Generator]) -> tuple[Mass, ...]:
    """The nodes and the hernia of a truth."""
    made: list[Mass] = []
    for index, finding in enumerate(truth.findings):
        if finding.kind == "Lymphadenopathy":
            made += _nodes(b, index, finding, streams[index])
        elif finding.kind == "Hiatal hernia":
            made.append(_hernia(b, index, finding, streams[index]))
    return tuple(made)


def _stations(b: Build) -> tuple[Point, ...]:
    """Where nodes enlarge, on the IASLC map: 4R, 7, 5, 4L, 3A, 10R, 10L."""
    c = b.carina_z
    spine = float(b.kyphosis(np.asarray(c)))
    return (
        (c - 16, -2, -22),
        (c + 20, spine - 34, 1),
        (c - 6, -18, 36),
        (c - 14, 8, 13),
        (c - 30, -38, 2),
        (c + 26, 12, -50),
        (c + 20, 14, 54),
    )


def _nodes(b: Build, index: int, finding: Finding, rng: np.random.Generator) -> list[Mass]:
    """The largest has the finding's short axis. Nodes are longer from head to foot than across."""
    stations = _stations(b)
    short = (finding.mm or 14.0) / 2
    made = []
    for n, i in enumerate(rng.permutation(len(stations))[: NODE_COUNTS[SIZES.index(finding.size)]]):
        r = short if n == 0 else short * rng.uniform(0.6, 0.95)
        z, y, x = (float(v + rng.uniform(-2, 2)) for v in stations[i])
        made.append(Mass(index, (z, y, x), (r * rng.uniform(1.15, 1.5), r, r * rng.uniform(1.0, 1.25)), hollow=False))
    return made


def _hernia(b: Build, index: int, finding: Finding, rng: np.random.Generator) -> Mass:
    """Stomach above the hiatus, behind the heart and in front of the aorta, a little to the left."""
    r = (finding.mm or 45.0) / 2
    z = b.dome_left_z + 6.0 - 0.75 * r
    deep = min(0.85 * r, 12.0 + 0.45 * r)  # a large one spreads sideways, because the heart is in front
    y = float(b.kyphosis(np.asarray(z))) - 17.0 - deep
    return Mass(index, (z, y, float(rng.uniform(2, 12))), (0.95 * r, deep, r), hollow=True)


def paint_masses(canvas: Canvas, made: tuple[Mass, ...], mask: FindingMask) -> None:
    """Paint nodes solid, the hernia with its wall, its content and the gas in front of it."""
    for mass in made:
        box = canvas.grid.box(*mass.box(3.0))
        g = canvas.grid.crop(box)
        distance = mass.field(g)
        alpha = coverage(distance)
        canvas.coat(alpha, STOMACH_WALL_HU if mass.hollow else NODE_HU, box)
        if mass.hollow:
            lumen = distance + min(WALL_MM, 0.3 * mass.radii[0])
            canvas.coat(coverage(lumen), CONTENT_HU, box)
            level = mass.center[1] - 0.1 * mass.radii[1]
            canvas.coat(coverage(np.maximum(lumen, g.y - level)), GAS_HU, box)
        mask.add(mass.index, alpha, box)
