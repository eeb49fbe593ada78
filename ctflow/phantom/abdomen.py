"""Liver, stomach, spleen and the kidneys' upper poles under the diaphragm."""

from __future__ import annotations

import numpy as np

from ctflow.phantom.build import Build
from ctflow.phantom.grid import Canvas, Field, Grid, ellipsoid, smooth_union
from ctflow.phantom.noise import smooth_noise
from ctflow.phantom.torso import Torso

DIAPHRAGM_MM = 3.0


def paint_abdomen(canvas: Canvas, g: Grid, b: Build, torso: Torso, rng: np.random.Generator) -> None:
    """Paint the upper abdomen. All its shapes are large and smooth, so the coarse grid ``g`` is fine enough."""
    first = g.box((min(b.dome_right_z, b.dome_left_z) - 6, 0, 0), (b.length, 0, 0))[0].start
    below = (slice(first, None), slice(None), slice(None))
    p, cage = g.crop(below), torso.cage[below]
    if p.z.size == 0:
        return

    def coat(distance: Field, value: float | Field) -> None:
        canvas.coat_coarse(distance.astype(np.float32), value, first)

    roof = (torso.dome - p.z) * 0.75
    room = np.maximum(cage + 4.0, roof + DIAPHRAGM_MM)
    coat(np.maximum(cage, roof), 48.0)
    coat(room, -100.0)
    stomach, level = _stomach(p, b, room, rng)
    coat(stomach, 42.0)
    coat(stomach + 4.0, 22.0)
    coat(np.maximum(stomach + 4.0, p.y - level), -960.0)  # lying supine, air rises to the front
    coat(_spleen(p, b, room, rng), b.liver_hu - 8)
    veins = np.clip(1.0 - 4.0 * np.abs(smooth_noise(p, 34.0, rng)), 0, 1)  # unenhanced blood is darker than liver
    coat(_liver(p, b, room), (b.liver_hu - 14.0 * veins).astype(np.float32))
    for side, top in ((-1.0, b.dome_right_z + 62.0), (1.0, b.dome_left_z + 46.0)):
        pole = ellipsoid(p, (top + 50.0, b.spine_y + 2.0, side * 52.0), (50.0, 25.0, 26.0), (1.0, -0.1, 0.2 * side))
        for shell, hu in ((-7.0, -98.0), (0.0, 31.0), (13.0, -60.0)):  # the fat around it, the cortex, the sinus
            coat(np.maximum(pole + shell, room), hu)


def _middle(b: Build) -> float:
    """y half-way between the cage's front and back."""
    return b.spine_y + 36 - b.cage_half_depth


def _liver(p: Grid, b: Build, room: Field) -> Field:
    middle, w = _middle(b), b.cage_half_width
    liver = ellipsoid(p, (b.dome_right_z + 68, middle - 8, -0.5 * w), (98, 108, 0.62 * w))
    lobe = ellipsoid(p, (b.dome_right_z + 52, middle - b.cage_half_depth + 48, 0.08 * w), (46, 46, 0.52 * w))
    bed = (1.0 - np.sqrt((p.x / 34.0) ** 2 + ((p.y - b.spine_y) / 36.0) ** 2)) * 34.0
    return np.maximum(np.maximum(smooth_union(liver, lobe, 20.0), room), bed)


def _spleen(p: Grid, b: Build, room: Field, rng: np.random.Generator) -> Field:
    x = b.cage_half_width * rng.uniform(0.66, 0.74)
    return np.maximum(ellipsoid(p, (b.dome_left_z + 48, _middle(b) + 44, x), (60, 50, 36), (1.0, -0.4, 0.2)), room)


def _stomach(p: Grid, b: Build, room: Field, rng: np.random.Generator) -> tuple[Field, float]:
    """Its outer surface, and the y of the level between air and fluid in it."""
    size, center = rng.uniform(0.85, 1.1), (b.dome_left_z + 44, _middle(b) - 18, 0.50 * b.cage_half_width)
    stomach = ellipsoid(p, center, (48 * size, 54 * size, 50 * size))
    return np.maximum(stomach, room), _middle(b) - rng.uniform(14, 34)
