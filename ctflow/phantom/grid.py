"""Coordinates, distance functions, and the canvas that shapes are painted on.

Positions are (z, y, x) in mm: z grows downwards from slice 0, y to posterior, x to the patient's left, with x = 0 on
the midline. A *field* is an approximate signed distance in mm, negative inside.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ctflow.hu import AIR_HU

Field = NDArray[np.float32]
Point = tuple[float, float, float]
Box = tuple[slice, slice, slice]

SIZE = 256
PIXEL_MM = 1.5
SLICE_MM = 3.0
MAX_HU = 1400.0
CACHED_SLICES = 4  # work on so many at a time fits a processor's cache


@dataclass(frozen=True)
class Grid:
    """Sample positions; ``z`` (n, 1, 1), ``y`` (1, m, 1) and ``x`` (1, 1, m), float32 mm, meant for broadcasting."""

    z: Field
    y: Field
    x: Field

    @classmethod
    def make(cls, slices: int, pixel_mm: float = PIXEL_MM) -> Grid:
        size = round(SIZE * PIXEL_MM / pixel_mm)
        axis = ((np.arange(size) - (size - 1) / 2) * pixel_mm).astype(np.float32)
        z = (np.arange(slices) * SLICE_MM).astype(np.float32)
        return cls(z[:, None, None], axis[None, :, None], axis[None, None, :])

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.z.size, self.y.size, self.x.size

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel."""
        return float(np.prod([a.ravel()[1] - a.ravel()[0] for a in (self.z, self.y, self.x)])) / 1000.0

    def box(self, low: Point, high: Point) -> Box:
        """The index box that covers low..high (mm), cut to the grid; it may be empty."""
        axes = (self.z.ravel(), self.y.ravel(), self.x.ravel())
        spans = []
        for axis, a, b in zip(axes, low, high, strict=True):
            step = float(axis[1] - axis[0])
            first = max(0, int(np.ceil((a - float(axis[0])) / step)))
            last = min(axis.size, int(np.floor((b - float(axis[0])) / step)) + 1)
            spans.append(slice(first, max(first, last)))
        return spans[0], spans[1], spans[2]

    def crop(self, box: Box) -> Grid:
        return Grid(self.z[box[0]], self.y[:, box[1]], self.x[:, :, box[2]])


@dataclass(frozen=True)
class Tube:
    """A polyline (z, y, x) mm with a radius at each point."""

    points: tuple[Point, ...]
    radii: tuple[float, ...]

    def segments(self) -> list[tuple[Point, Point, float, float]]:
        p, r = self.points, self.radii
        return [(p[i], p[i + 1], r[i], r[i + 1]) for i in range(len(p) - 1)]


def segment_box(p: Point, q: Point, reach: float) -> tuple[Point, Point]:
    """The corners of the box that holds a segment and ``reach`` mm around it."""
    low = (min(p[0], q[0]) - reach, min(p[1], q[1]) - reach, min(p[2], q[2]) - reach)
    high = (max(p[0], q[0]) + reach, max(p[1], q[1]) + reach, max(p[2], q[2]) + reach)
    return low, high


def cone(g: Grid, p: Point, q: Point, rp: float, rq: float) -> Field:
    """Distance to a round-ended cone from ``p`` (radius ``rp``) to ``q`` (radius ``rq``)."""
    z, y, x = g.z - p[0], g.y - p[1], g.x - p[2]
    dz, dy, dx = q[0] - p[0], q[1] - p[1], q[2] - p[2]
    scale = 1.0 / max(dz * dz + dy * dy + dx * dx, 1e-6)
    t = np.clip((z * (dz * scale) + y * (dy * scale)) + x * (dx * scale), 0.0, 1.0)
    across = (z - t * dz) ** 2 + (y - t * dy) ** 2 + (x - t * dx) ** 2
    return np.sqrt(across) - (rp + t * (rq - rp))


def ellipsoid(g: Grid, center: Point, radii: Point, axis: Point | None = None) -> Field:
    """Distance to an ellipsoid; with ``axis`` its first radius lies along that direction, else radii are (z, y, x)."""
    d = (g.z - center[0], g.y - center[1], g.x - center[2])
    if axis is not None:
        along, second, third = (d[0] * r[0] + d[1] * r[1] + d[2] * r[2] for r in orthonormal_axes(axis))
        d = along, second, third
    k0 = np.sqrt((d[0] / radii[0]) ** 2 + (d[1] / radii[1]) ** 2 + (d[2] / radii[2]) ** 2)
    k1 = np.sqrt((d[0] / radii[0] ** 2) ** 2 + (d[1] / radii[1] ** 2) ** 2 + (d[2] / radii[2] ** 2) ** 2)
    return (k0 * (k0 - 1.0) / (k1 + 1e-6)).astype(np.float32)


def orthonormal_axes(axis: Point) -> list[list[float]]:
    """Three orthonormal directions (z, y, x), the first along ``axis``; as plain floats, which keep fields float32."""
    first = np.asarray(axis) / np.linalg.norm(axis)
    second = np.cross(first, (1.0, 0.0, 0.0))
    second /= np.linalg.norm(second)
    return [[float(v) for v in row] for row in (first, second, np.cross(first, second))]


def smooth_union(a: Field, b: Field, reach: float) -> Field:
    """Minimum of two fields whose crease is rounded over ``reach`` mm (polynomial smooth minimum)."""
    h = np.maximum(reach - np.abs(a - b), 0.0)
    return np.minimum(a, b) - h * h * (0.25 / reach)


def coverage(distance: Field, edge_mm: float = PIXEL_MM) -> Field:
    """How much of a voxel lies inside: 1 inside, 0 outside, with a ramp of ``edge_mm`` between (anti-aliasing)."""
    alpha = distance * (-1.0 / edge_mm)
    alpha += 0.5
    return np.clip(alpha, 0.0, 1.0, out=alpha)


def upsample(coarse: Field) -> Field:
    """Double rows and columns of (slices, m, m) by linear interpolation. Sample centres stay in place."""
    n, rows, columns = coarse.shape
    near, far = coarse * np.float32(0.75), coarse * np.float32(0.25)
    wide = np.empty((n, rows, 2 * columns), np.float32)
    wide[..., 0], wide[..., -1] = coarse[..., 0], coarse[..., -1]
    np.add(near[..., 1:], far[..., :-1], out=wide[..., 2::2])
    np.add(near[..., :-1], far[..., 1:], out=wide[..., 1:-1:2])
    near, far = wide * np.float32(0.75), wide * np.float32(0.25)
    out = np.empty((n, 2 * rows, 2 * columns), np.float32)
    out[:, 0], out[:, -1] = wide[:, 0], wide[:, -1]
    np.add(near[:, 1:], far[:, :-1], out=out[:, 2::2])
    np.add(near[:, :-1], far[:, 1:], out=out[:, 1:-1:2])
    return out


@dataclass
class Canvas:
    """The picture while it is painted, float32 HU. What is painted later lies on top."""

    grid: Grid
    hu: Field = field(init=False)

    def __post_init__(self) -> None:
        self.hu = np.full(self.grid.shape, AIR_HU, np.float32)

    def coat(self, alpha: Field, value: float | Field, box: Box | None = None) -> None:
        """Blend ``value`` over the picture where ``alpha`` (0..1) says so."""
        view = self.hu if box is None else self.hu[box]
        view += alpha * (value - view)

    def coat_coarse(self, distance: Field, value: float | Field, first: int = 0) -> None:
        """Coat the inside of a coarse ``distance`` that begins at slice ``first``.

        A few slices at a time, because what fits the cache is twice as fast.
        """
        for start in range(0, distance.shape[0], CACHED_SLICES):
            part = slice(start, start + CACHED_SLICES)
            fine = upsample(value[part]) if isinstance(value, np.ndarray) else value
            alpha = coverage(upsample(distance[part]))
            self.coat(alpha, fine, (slice(first + start, first + start + len(alpha)), slice(None), slice(None)))

    def tube(self, tube: Tube, value: float, edge_mm: float = PIXEL_MM) -> None:
        for p, q, rp, rq in tube.segments():
            box = self.grid.box(*segment_box(p, q, max(rp, rq) + edge_mm))
            self.coat(coverage(cone(self.grid.crop(box), p, q, rp, rq), edge_mm), value, box)
