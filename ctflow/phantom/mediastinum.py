"""What lies between the lungs: heart, great vessels, airways, oesophagus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ctflow.phantom.build import Build
from ctflow.phantom.finding_mask import FindingMask
from ctflow.phantom.grid import Canvas, Field, Grid, Point, Tube, coverage
from ctflow.phantom.heart import EPICARDIAL_FAT_MM, Chamber, chambers, union
from ctflow.phantom.midline import Mass, masses, paint_masses
from ctflow.phantom.truth import Truth

AIRWAY_WALL_MM = 1.3
FAT_MARGIN_MM = 4.0
PERICARDIAL_FLUID_HU = 12.0


@dataclass(frozen=True)
class Mediastinum:
    """One person's heart, vessels and airways, as tubes and ellipsoids.

    ``vessels`` in the order of ``make_mediastinum``. ``rim_mm``: how thick the fluid around the heart is.
    """

    vessels: tuple[Tube, ...]
    oesophagus: Tube
    airways: tuple[Tube, ...]
    chambers: tuple[Chamber, ...]
    hilum_right: Point
    hilum_left: Point
    masses: tuple[Mass, ...]
    rim_mm: float

    @property
    def aorta(self) -> Tube:
        return self.vessels[0]

    @property
    def superior_cava(self) -> Tube:
        """Downwards."""
        return self.vessels[4]

    @property
    def subclavian_veins(self) -> dict[float, Tube]:
        """To the cava, by side: -1 right, 1 left."""
        return {-1.0: self.vessels[5], 1.0: self.vessels[6]}

    @property
    def tubes(self) -> tuple[Tube, ...]:
        return (*self.vessels, self.oesophagus, *self.airways)

    def heart(self, g: Grid) -> Field:
        return union(self.chambers, g)

    @property
    def margin_mm(self) -> float:
        """How far around the heart the pericardium lies, fluid included."""
        return FAT_MARGIN_MM + self.rim_mm


def make_mediastinum(b: Build, truth: Truth, streams: list[np.random.Generator]) -> Mediastinum:
    """Lay out the mediastinum around the build's carina, heart and spine, with its findings."""
    c = b.carina_z
    right: Point = (c + 28, 16.0, -42.0)
    left: Point = (c + 22, 18.0, 46.0)
    return Mediastinum(
        vessels=(*_aorta(b), *_neck_arteries(b), *_veins(b), *_pulmonary(b)),
        oesophagus=_oesophagus(b),
        airways=_airways(b),
        chambers=chambers(b),
        hilum_right=right,
        hilum_left=left,
        masses=masses(b, truth, streams),
        rim_mm=max((finding.mm or 10.0 for finding in truth.of("Pericardial effusion")), default=0.0),
    )


def _spine(b: Build, z: float) -> float:
    return float(b.kyphosis(np.asarray(z)))


def _aorta(b: Build) -> tuple[Tube, ...]:
    c, h, s = b.carina_z, b.heart_z, b.vessel_scale
    rising: list[Point] = [
        (h - 18, -14, 2), (c + 22, -22, -14), (c - 4, -22, -18), (c - 20, -20, -13),
        (c - 30, -13, 3), (c - 31, 2, 18), (c - 24, 18, 25), (c - 6, _spine(b, c) - 10, 25),
    ]  # fmt: skip
    lower = [c + 30, (c + 30 + b.dome_left_z) / 2, b.dome_left_z, b.dome_left_z + 45, b.length + 10]
    sides = [24.0, 22.0, 17.0, 9.0, 5.0]
    gaps = [11.0, 12.0, 16.0, 25.0, 29.0]
    falling = [(z, _spine(b, min(z, b.length)) - gap, x) for z, x, gap in zip(lower, sides, gaps, strict=True)]
    radii = [16, 16, 16, 15, 13.5, 13, 12.5, 12.5, 12, 12, 11.5, 11, 10.5]
    return (Tube((*rising, *falling), tuple(r * s for r in radii)),)


def _neck_arteries(b: Build) -> tuple[Tube, ...]:
    c, s = b.carina_z, b.vessel_scale
    top = -10.0
    return (
        Tube(((c - 30, -15, -4), (c - 60, -12, -14), (top, -14, -26)), (6.5 * s, 6 * s, 5 * s)),
        Tube(((c - 33, -4, 12), (c - 60, -4, 14), (top, -14, 22)), (4.5 * s, 4 * s, 3.6 * s)),
        Tube(((c - 30, 10, 22), (c - 65, 12, 27), (12, 0, 44), (top, -10, 95)), (5.5 * s, 5 * s, 4.5 * s, 4.5 * s)),
    )


def _veins(b: Build) -> tuple[Tube, ...]:
    c, h, s = b.carina_z, b.heart_z, b.vessel_scale
    x = -28 + b.heart_shift / 2
    cava = Tube(((c - 48, -22, x + 2), (c - 12, -20, x - 2), (h - 24, -14, x)), (8 * s, 9 * s, 10 * s))
    right = Tube(((-5, -18, -52), (c - 60, -22, -36), (c - 46, -22, x + 2)), (5.5 * s, 6.5 * s, 7 * s))
    left = Tube(
        ((0, -18, 52), (c - 60, -28, 28), (c - 46, -34, 2), (c - 40, -24, x)), (5.5 * s, 6.5 * s, 6.5 * s, 7 * s)
    )
    lower = Tube(((h + 10, 0, x), (h + 45, 8, x), (b.length + 10, 12, -24)), (12 * s, 12 * s, 11 * s))
    azygos = Tube(
        ((c - 14, 4, -22), (c - 14, _spine(b, c) - 18, -12), (h, _spine(b, h) - 20, -6)), (4 * s, 4 * s, 3.5 * s)
    )
    return cava, right, left, lower, azygos


def _pulmonary(b: Build) -> tuple[Tube, ...]:
    c, h, s = b.carina_z, b.heart_z, b.vessel_scale
    trunk = Tube(((h - 22, -36, 14), (c + 24, -32, 19), (c + 12, -14, 22)), (14 * s, 14 * s, 13 * s))
    left = Tube(((c + 12, -14, 22), (c + 6, 8, 38), (c + 18, 22, 50), (c + 45, 32, 56)), (12 * s, 11 * s, 9 * s, 6 * s))
    right = Tube(
        ((c + 14, -12, 16), (c + 18, -4, -10), (c + 20, 4, -36), (c + 48, 20, -54)), (11 * s, 11 * s, 9.5 * s, 6.5 * s)
    )
    z, y = h - 28, 14.0
    veins = tuple(
        Tube(((z + dz, y, x), (z + dz * 2.2, y + 6, x * 2.3)), (7 * s, 5 * s))
        for x in (-24.0, 26.0)
        for dz in (-8.0, 9.0)
    )
    return trunk, left, right, *veins


def _oesophagus(b: Build) -> Tube:
    levels = (0.0, b.carina_z, b.heart_z, b.dome_left_z, b.dome_left_z + 30)
    gaps, sides = (25.0, 25.0, 26.0, 32.0, 40.0), (2.0, 7.0, 6.0, 12.0, 30.0)
    points = tuple((z, _spine(b, z) - gap, x) for z, gap, x in zip(levels, gaps, sides, strict=True))
    return Tube(points, (6.0, 6.5, 7.0, 7.5, 8.0))


def _airways(b: Build) -> tuple[Tube, ...]:
    c, s = b.carina_z, b.vessel_scale * (0.9 if b.female else 1.0)
    y = _spine(b, c) - 35
    trachea = Tube(((-10, _spine(b, 0) - 36, 0), (c, y, -2)), (8.8 * s, 8.8 * s))
    right = Tube(
        ((c, y, -3), (c + 15, y + 4, -22), (c + 36, y + 13, -37), (c + 66, y + 28, -56)),
        (7.5 * s, 7 * s, 5.5 * s, 3 * s),
    )
    left = Tube(
        ((c, y, -1), (c + 12, y + 4, 17), (c + 25, y + 11, 37), (c + 62, y + 29, 58)),
        (7 * s, 6.3 * s, 5.6 * s, 2.8 * s),
    )
    upper_right = Tube(((c + 13, y + 4, -21), (c + 10, y + 5, -44), (c - 8, y + 2, -58)), (5 * s, 4.4 * s, 2.6 * s))
    upper_left = Tube(((c + 23, y + 10, 34), (c + 20, y, 52), (c, y - 8, 64)), (4.8 * s, 4.2 * s, 2.6 * s))
    return trachea, right, left, upper_right, upper_left


def paint_mediastinum(canvas: Canvas, m: Mediastinum, b: Build, below: Field, truth: Truth, mask: FindingMask) -> None:
    """Paint heart, vessels, oesophagus, airways and findings over the mediastinal fat.

    ``below`` (rows, columns): how far the diaphragm, on which the heart rests, lies below slice 0, in mm.
    """
    _paint_heart(canvas, m, b, below, truth, mask)
    canvas.tube(m.oesophagus, 34.0)
    paint_masses(canvas, m.masses, mask)
    for tube in m.vessels:
        canvas.tube(tube, b.blood_hu)
    for tube in m.airways:
        canvas.tube(Tube(tube.points, tuple(r + AIRWAY_WALL_MM for r in tube.radii)), 20.0)
    for tube in m.airways:
        canvas.tube(tube, -990.0)


def _paint_heart(canvas: Canvas, m: Mediastinum, b: Build, below: Field, truth: Truth, mask: FindingMask) -> None:
    g, s = canvas.grid, b.heart_scale
    far = 30.0 + m.rim_mm
    box = g.box(
        (b.heart_z - 50 * s - far, -b.cage_half_depth - 25 - far, -60 * s - far),
        (b.heart_z + 45 * s + far, 60 + far, 80 * s + far),
    )
    part = g.crop(box)
    surface = m.heart(part)
    floor = part.z - below[box[1:]] + 3.0
    heart = np.maximum(surface, floor)
    for index, finding in enumerate(truth.findings):
        if finding.kind == "Pericardial effusion":
            # Fluid sinks to the back and to the diaphragm, and is thinnest in front.
            behind = np.clip((part.y - m.chambers[0].center[1]) / 60.0, -0.6, 0.6)
            rim = coverage(np.maximum(surface - EPICARDIAL_FAT_MM - m.rim_mm * (0.8 + behind / 2), floor - 1.0))
            canvas.coat(rim, PERICARDIAL_FLUID_HU, box)
            canvas.coat(coverage(heart - EPICARDIAL_FAT_MM), -70.0, box)
            mask.add(index, rim * (1.0 - coverage(heart - EPICARDIAL_FAT_MM)), box)
    alpha = coverage(heart + _fat_groove(part, b))
    canvas.coat(alpha, b.blood_hu + 2, box)
    for index, finding in enumerate(truth.findings):
        if finding.kind == "Cardiomegaly":
            mask.add(index, alpha, box)


def _fat_groove(g: Grid, b: Build) -> Field:
    """The fat in the atrioventricular groove: a tilted plane in which the heart's surface lies a few mm deeper."""
    plane = (g.x - (-4 + b.heart_shift)) * 0.75 - (g.y + 25) * 0.5 - (g.z - b.heart_z) * 0.35
    return 9.0 * np.exp(-((plane / 6.0) ** 2))
