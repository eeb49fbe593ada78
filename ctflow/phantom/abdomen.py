"""Liver, stomach and spleen under the diaphragm."""

from __future__ import annotations

import numpy as np

from ctflow.phantom.build import Build
from ctflow.phantom.grid import Canvas, Field, coverage, ellipsoid, smooth_union

DIAPHRAGM_MM = 3.0


def paint_abdomen(canvas: Canvas, b: Build, inside: Field, dome: Field, rng: np.random.Generator) -> None:
    """Paint the upper abdomen. ``inside`` is the fine cage field, ``dome`` (rows, columns) the diaphragm's z."""
    g = canvas.grid
    box = g.box((min(b.dome_right_z, b.dome_left_z) - 6, -200, -200), (b.length, 200, 200))
    p = g.crop(box)
    if p.z.size == 0:
        return
    roof = (dome - p.z) * 0.75
    room = np.maximum(inside[box] + 4.0, roof + DIAPHRAGM_MM)
    canvas.coat(coverage(np.maximum(inside[box], roof)), 48.0, box)
    canvas.coat(coverage(room), -100.0, box)
    front = b.spine_y + 36 - 2 * b.cage_half_depth
    middle = front + b.cage_half_depth
    w = b.cage_half_width

    liver = ellipsoid(p, (b.dome_right_z + 68, middle - 8, -0.5 * w), (98, 108, 0.62 * w))
    lobe = ellipsoid(p, (b.dome_right_z + 52, front + 48, 0.08 * w), (46, 46, 0.52 * w))
    spine = np.sqrt((p.x / 34.0) ** 2 + ((p.y - b.spine_y) / 36.0) ** 2)
    bed = (1.0 - spine) * 34.0
    liver = np.maximum(np.maximum(smooth_union(liver, lobe, 20.0), room), bed)
    spleen_x = w * rng.uniform(0.66, 0.74)
    spleen = ellipsoid(p, (b.dome_left_z + 48, middle + 44, spleen_x), (60, 50, 36), (1.0, -0.4, 0.2))
    spleen = np.maximum(spleen, room)
    size = rng.uniform(0.85, 1.1)
    stomach = ellipsoid(p, (b.dome_left_z + 44, middle - 18, 0.50 * w), (48 * size, 54 * size, 50 * size))
    stomach = np.maximum(stomach, room)
    canvas.coat(coverage(stomach), 42.0, box)
    lumen = stomach + 4.0
    canvas.coat(coverage(lumen), 22.0, box)
    level = middle - rng.uniform(14, 34)  # supine: the air rises to the front and ends in a level
    canvas.coat(coverage(np.maximum(lumen, p.y - level)), -960.0, box)
    canvas.coat(coverage(spleen), b.liver_hu - 8, box)
    canvas.coat(coverage(liver), b.liver_hu, box)
