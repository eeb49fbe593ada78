"""Lobes and the fissures between them."""

from __future__ import annotations

import numpy as np

from ctflow.phantom.build import Build
from ctflow.phantom.grid import Field, Grid
from ctflow.phantom.truth import Lobe, Side, Site

HORIZONTAL_BELOW_CARINA_MM = 26.0
FISSURE_HU = -690.0
SIGN: dict[Side, int] = {"right": -1, "left": 1}


def _below_oblique(g: Grid, b: Build, side: Side) -> Field:
    """Distance to the oblique fissure, which runs from T4 to the dome in front; negative below and behind it."""
    back = b.spine_y + 36.0
    high = b.carina_z - (44.0 if side == "right" else 52.0)
    low = (b.dome_right_z if side == "right" else b.dome_left_z) + 24.0
    slope = (low - high) / (2 * b.cage_half_depth)
    # No fissure is quite flat.
    bend = 5.0 * np.sin((g.z - high) / (low - high) * np.pi) + 9.0 * np.cos((np.abs(g.x) - 70.0) / 32.0)
    return ((high + (back - g.y) * slope - g.z + bend) / np.sqrt(1 + slope * slope)).astype(np.float32)


def _below_horizontal(g: Grid, b: Build) -> Field:
    height = (
        b.carina_z
        + HORIZONTAL_BELOW_CARINA_MM
        + 0.06 * (g.x + 60.0)
        + 0.10 * (g.y + 30.0)
        + 5.0 * np.cos((g.x + 60.0) / 26.0)
    )
    return (height - g.z).astype(np.float32)


def lobe_field(g: Grid, b: Build, site: Site) -> Field:
    """Distance to a lobe's fissures and the midline, negative inside. Without a lobe: to the midline alone.

    It broadcasts against ``g``. The lung's outer surface is not considered.
    """
    side, lobe = site
    if side is None:
        return np.float32(-1e3) + 0.0 * g.x
    half = -SIGN[side] * g.x
    if lobe is None:
        return half
    below = _below_oblique(g, b, side)
    if lobe == "lower":
        return np.maximum(below, half)
    above = np.maximum(-below, half)
    if side == "left":
        return above
    horizontal = _below_horizontal(g, b)
    return np.maximum(above, horizontal if lobe == "middle" else -horizontal)


def draw_fissures(hu: Field, g: Grid, b: Build) -> None:
    """Write the three fissures as hairlines into the fine ``hu`` of both lungs."""
    middle = g.x.size // 2
    halves: tuple[tuple[Side, slice], ...] = (("right", slice(0, middle)), ("left", slice(middle, None)))
    for side, columns in halves:
        part = g.crop((slice(None), slice(None), columns))
        view = hu[..., columns]
        below = _below_oblique(part, b, side)
        _line(view, below)
        if side == "right":
            # The horizontal fissure spans a few slices only, and ends at the oblique one.
            low, high = b.carina_z + 8.0, b.carina_z + 44.0
            box = part.box((low, -1e3, -1e3), (high, 1e3, 1e3))
            _line(view[box], np.where(below[box[0]] > 0, _below_horizontal(part.crop(box), b), 99.0))


def _line(view: Field, distance: Field) -> None:
    alpha = np.clip(1.3 - np.abs(distance), 0, 1) * np.float32(0.75)
    view += alpha * np.maximum(FISSURE_HU - view, 0)


def lobe_of(point: tuple[float, float, float], b: Build) -> tuple[Side, Lobe]:
    """The lobe that a point (z, y, x) in a lung belongs to."""
    g = Grid(*(np.full((1, 1, 1), v, np.float32) for v in point))
    side: Side = "left" if point[2] > 0 else "right"
    lobes: tuple[Lobe, ...] = ("upper", "middle", "lower") if side == "right" else ("upper", "lower")
    return side, min(lobes, key=lambda lobe: float(lobe_field(g, b, (side, lobe)).max()))
