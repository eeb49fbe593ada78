"""The heart: its chambers, its size in the chest, and the coronary arteries on it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ctflow.phantom.build import Build
from ctflow.phantom.grid import Field, Grid, Point, ellipsoid, orthonormal_axes, smooth_union
from ctflow.phantom.truth import Truth

LARGEST_NORMAL_RATIO = 0.49  # the cardiothoracic ratio above which a heart is called large
EPICARDIAL_FAT_MM = 2.0
CORONARIES: dict[str, tuple[Point, ...]] = {  # directions (z, y, x) from the heart's middle
    "left anterior descending": ((-0.75, -0.45, 0.30), (-0.45, -0.75, 0.45), (0.0, -0.8, 0.65), (0.45, -0.65, 0.8)),
    "circumflex": ((-0.7, -0.1, 0.5), (-0.45, 0.35, 0.8), (0.0, 0.6, 0.8), (0.35, 0.7, 0.6)),
    "right": ((-0.6, -0.6, -0.2), (-0.2, -0.7, -0.65), (0.2, -0.4, -0.85), (0.6, 0.1, -0.7)),
}


@dataclass(frozen=True)
class Chamber:
    """An ellipsoid of the heart; the first radius lies along ``axis``. All (z, y, x) mm."""

    center: Point
    radii: Point
    axis: Point

    @property
    def reach(self) -> float:
        """How far it reaches from its centre along x."""
        axes = zip(self.radii, orthonormal_axes(self.axis), strict=True)
        return float(np.sqrt(sum((radius * axis[2]) ** 2 for radius, axis in axes)))


def chambers(b: Build) -> tuple[Chamber, ...]:
    """Left and right ventricle, right and left atrium, around the build's heart."""
    s, dx = b.heart_scale, b.heart_shift
    front = b.spine_y + 36 - 2 * b.cage_half_depth  # inner surface of the sternum

    def chamber(dz: float, y: float, x: float, radii: Point, axis: Point) -> Chamber:
        return Chamber((b.heart_z + dz * s, y, x * s + dx), (radii[0] * s, radii[1] * s, radii[2] * s), axis)

    push = 14.0 * (s - 1.0)  # a large heart cannot grow through the sternum
    return (
        # The left ventricle, its apex to the left and in front; the right ventricle; the right and the left atrium.
        chamber(6, front + 52 + push, 34, (54, 33, 33), (0.42, -0.42, 0.8)),
        chamber(8, front + 37 + push, 8, (46, 31, 34), (0.3, 0.1, 0.9)),
        chamber(0, front + 62 + push, -22, (38, 26, 28), (1.0, 0.0, 0.15)),
        chamber(-28, front + 88 + push, 2, (36, 18, 24), (0.0, 0.0, 1.0)),
    )


def union(parts: tuple[Chamber, ...], g: Grid) -> Field:
    """The distance to the heart's surface."""
    whole = ellipsoid(g, parts[0].center, parts[0].radii, parts[0].axis)
    for c in parts[1:]:
        whole = smooth_union(whole, ellipsoid(g, c.center, c.radii, c.axis), 14.0)
    return whole


def cardiothoracic_ratio(b: Build) -> float:
    """Width of the heart over the inner width of the chest."""
    parts = chambers(b)
    width = max(c.center[2] + c.reach for c in parts) - min(c.center[2] - c.reach for c in parts)
    return width / (2.0 * b.cage_half_width)


def fit_heart(b: Build, truth: Truth) -> Build:
    """The build as cardiomegaly and lost lung volume change it: a larger heart, or a shifted one and a raised dome."""
    wanted = min(cardiothoracic_ratio(b), LARGEST_NORMAL_RATIO)
    for finding in truth.of("Cardiomegaly"):
        wanted = finding.ratio or 0.59
    b = replace(b, heart_scale=b.heart_scale * wanted / cardiothoracic_ratio(b))
    for finding in truth.of("Atelectasis"):
        if finding.size == "large":
            towards = 1.0 if finding.side == "left" else -1.0
            lift = 16.0 if finding.lobe == "lower" else 9.0
            b = replace(b, heart_shift=b.heart_shift + 7.0 * towards)
            if towards > 0:
                b = replace(b, dome_left_z=b.dome_left_z - lift)
            else:
                b = replace(b, dome_right_z=b.dome_right_z - lift)
    return b


def coronary_paths(parts: tuple[Chamber, ...]) -> dict[str, list[Point]]:
    """Points along each coronary artery, in the fat just outside the heart's surface."""
    middle = np.mean([c.center for c in parts[:3]], axis=0)
    out = np.arange(10.0, 130.0, 1.0, dtype=np.float32)
    paths: dict[str, list[Point]] = {}
    for name, ways in CORONARIES.items():
        paths[name] = []
        knots = np.asarray(ways)
        for t in np.linspace(0, len(ways) - 1, 28):
            i = min(int(t), len(ways) - 2)
            way = knots[i] + (t - i) * (knots[i + 1] - knots[i])
            way /= np.linalg.norm(way)
            line = [(middle[axis] + way[axis] * out).astype(np.float32) for axis in range(3)]
            inside = np.flatnonzero(union(parts, Grid(*line)) < 0)
            r = float(out[inside[-1]]) + 0.8 if inside.size else 40.0
            z, y, x = (float(v) for v in middle + way * r)
            paths[name].append((z, y, x))
    return paths
