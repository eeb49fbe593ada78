"""The large shapes, as coarse fields: skin, rib cage, diaphragm, lungs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ctflow.phantom.build import Build
from ctflow.phantom.grid import Field, Grid, cone, ellipsoid, segment_box, smooth_union
from ctflow.phantom.mediastinum import FAT_MARGIN_MM, Mediastinum


@dataclass(frozen=True)
class Torso:
    """Fields on the coarse grid (mm, negative inside); ``dome`` (rows, columns) is the diaphragm's z."""

    body: Field
    cage: Field
    muscle: Field
    angle: Field  # around the cage: 0 at the back, +-pi at the front, positive on the patient's left
    lung: Field
    dome: Field


def make_torso(g: Grid, b: Build, m: Mediastinum) -> Torso:
    """Make all large shapes on the (coarse) grid ``g``."""
    cage, angle = _cage(g, b)
    body = _body(g, b)
    dome = diaphragm(g, b)
    lung = np.maximum(cage + 0.3, -mediastinal_space(g, b, m))
    lung = np.maximum(lung, _above(g, dome))
    return Torso(body, cage, _muscle(g, b, cage, angle, body), angle, lung, dome)


def _squircle(g: Grid, center: Field, half_depth: Field, half_width: Field, taper: float) -> Field:
    """Radial distance to a cross-section between an ellipse and a rounded rectangle, whose sizes may depend on z.

    ``taper`` narrows the front and widens the back by this share.
    """
    v = (g.y - center) / half_depth
    yy = v * v
    xx = (g.x / (half_width * (1.0 + taper * np.clip(v, -1.0, 1.0)))) ** 2
    scaled = 0.7 * np.sqrt(yy + xx) + 0.3 * np.sqrt(np.sqrt(yy * yy + xx * xx)) + 1e-3
    return np.sqrt((g.y - center) ** 2 + g.x**2) * (1.0 - 1.0 / scaled)


def _cage(g: Grid, b: Build) -> tuple[Field, Field]:
    t = np.clip((g.z - b.apex_z) / (0.5 * b.length), 1e-3, 1.0)
    grown = np.sqrt(1.0 - (1.0 - t) ** 2.4)
    half_width = b.cage_half_width * (0.28 + 0.72 * grown) * (grown > 0.05) + 1.0
    back = b.kyphosis(g.z) + 40.0 - 22.0 * (1.0 - grown) ** 2
    front = b.spine_y + 36.0 - 2 * b.cage_half_depth + 100.0 * (1.0 - grown**0.8) ** 1.4
    half_depth = np.maximum((back - front) / 2, 2.0)
    center = (back + front) / 2
    field = _squircle(g, center, half_depth, half_width, 0.08).astype(np.float32)
    # There is no cage above the apices, but the distance must grow on, or the muscles would end there.
    field = np.maximum(field, (b.apex_z - g.z) * 1.5)
    return field, np.arctan2(g.x, g.y - center).astype(np.float32)


def _body(g: Grid, b: Build) -> Field:
    up = np.clip(1.0 - g.z / (0.42 * b.length), 0, 1) ** 1.6
    wall = 20.0 + b.fat
    half_width = b.cage_half_width + wall * 1.05 + up * 26.0
    front = b.spine_y + 36 - 2 * b.cage_half_depth - wall + 42.0 * np.clip(1 - g.z / (0.3 * b.length), 0, 1) ** 1.5
    back = b.kyphosis(g.z) + 68.0 + 0.5 * b.fat
    field = _squircle(g, (back + front) / 2, (back - front) / 2, half_width, 0.05)
    # Lying on a couch flattens the back, and the shoulder blades bulge beside it.
    field = np.maximum(field, g.y - (back - 7.0 - 0.1 * b.fat))
    groove = 5.0 * np.exp(-((g.x / 14.0) ** 2)) * (g.y > 0)
    field = (field + groove).astype(np.float32)
    return _with_breasts(field, g, b) if b.female else field


def _with_breasts(body: Field, g: Grid, b: Build) -> Field:
    front = b.spine_y + 36 - 2 * b.cage_half_depth
    for side in (-1.0, 1.0):
        center = (0.5 * b.length, front - 12.0, side * 72.0)
        box = g.box((center[0] - 70, center[1] - 70, center[2] - 70), (center[0] + 70, center[1] + 70, center[2] + 70))
        breast = ellipsoid(g.crop(box), center, (46.0, 26.0 + 0.6 * b.fat, 48.0))
        body[box] = smooth_union(body[box], breast, 12.0)
    return body


def _muscle(g: Grid, b: Build, cage: Field, angle: Field, body: Field) -> Field:
    """Muscles as a coat of varying thickness around the cage, kept below the subcutaneous fat."""
    turn = np.abs(angle)
    t = g.z / b.length
    high = np.clip(1.0 - t / 0.5, 0, 1)
    pectoral = 13.0 * np.exp(-(((turn - 2.4) / 0.5) ** 2)) * np.clip(1 - np.abs(t - 0.22) / 0.25, 0, 1) ** 0.5
    lateral = 56.0 * high * np.exp(-(((turn - 1.25) / 0.6) ** 2))
    paraspinal = 28.0 * np.exp(-((turn / 0.55) ** 2))
    neck = 60.0 * np.clip(1 - t / 0.12, 0, 1)
    coat = 12.0 + 7.0 * np.exp(-(((turn - 0.8) / 0.5) ** 2)) + pectoral + lateral + paraspinal + neck
    return np.maximum(cage - coat, body + 2.0 + b.fat * (0.55 + 0.45 * np.clip(t / 0.4, 0, 1)))


def diaphragm(g: Grid, b: Build) -> Field:
    """The diaphragm's height z (rows, columns): two domes, the right one higher, falling to the ribs and backwards."""
    y, x = g.y[0], g.x[0]
    center = b.spine_y + 36.0 - b.cage_half_depth
    heights = []
    for side, top in ((-1.0, b.dome_right_z), (1.0, b.dome_left_z)):
        u = (x - side * 0.5 * b.cage_half_width) / (0.5 * b.cage_half_width)
        u = np.where(u * side > 0, u, 0.45 * u)  # towards the heart the dome hardly falls
        v = (y - center + 12.0) / b.cage_half_depth
        rho = u * u + v * v
        heights.append(top + b.dome_height * (0.4 * rho + 0.35 * rho * rho) + np.where(v > 0, 22.0, 16.0) * v)
    left = 1.0 / (1.0 + np.exp(-(x - 6.0) / 9.0))
    surface = (1 - left) * heights[0] + left * heights[1]
    return ndimage.gaussian_filter(surface, 1.0).astype(np.float32)


def _above(g: Grid, dome: Field) -> Field:
    """Signed distance above the diaphragm, the height difference shortened by the surface's slope."""
    step = float(g.y[0, 1, 0] - g.y[0, 0, 0])
    dy, dx = np.gradient(dome, step)
    return ((g.z - dome) / np.sqrt(1.0 + dy * dy + dx * dx)).astype(np.float32)


def mediastinal_space(g: Grid, b: Build, m: Mediastinum) -> Field:
    """Everything between the lungs, fat included. It is cut out of the lungs, so that they wrap round the heart."""
    high = np.clip(1.0 - g.z / b.carina_z, 0, 1)
    middle = np.clip(1 - np.abs(g.y - 12.0) / 45.0, 0, 1)
    space = (np.abs(g.x - 3.0) - (3.0 + 15.0 * middle + 14.0 * high)).astype(np.float32)
    spine_y = b.kyphosis(g.z)
    # What is cut out for the spine widens backwards: the lungs curl into gutters on both sides of it.
    half_width = 22.0 + 20.0 * np.clip((g.y - spine_y - 4.0) / 32.0, 0, 1.2)
    column = np.sqrt((g.x / half_width) ** 2 + ((g.y - spine_y - 14.0) / 32.0) ** 2)
    space = smooth_union(space, ((column - 1.0) * 25.0).astype(np.float32), 12.0)
    box = g.box((b.heart_z - 110, -200, -150), (b.length, 90, 160))
    space[box] = smooth_union(space[box], m.heart(g.crop(box)) - m.margin_mm, 12.0)
    for mass in m.masses:
        box = g.box(*mass.box(14.0))
        space[box] = smooth_union(space[box], mass.field(g.crop(box)) - 1.5, 6.0)
    for tube in m.tubes:
        for p, q, rp, rq in tube.segments():
            margin = FAT_MARGIN_MM if max(rp, rq) > 5 else 1.5
            box = g.box(*segment_box(p, q, max(rp, rq) + margin + 10))
            distance = cone(g.crop(box), p, q, rp, rq) - margin
            space[box] = smooth_union(space[box], distance, 8.0)
    return space
