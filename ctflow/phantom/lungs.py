"""The trees of pulmonary vessels and the parenchyma between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ctflow.phantom.build import Build
from ctflow.phantom.grid import Field, Grid, Point, cone, coverage, segment_box
from ctflow.phantom.mediastinum import Mediastinum


@dataclass(frozen=True)
class Segment:
    """A piece of a vessel: its ends (z, y, x) mm, the radius at each, and which branch of which stem it is."""

    p: Point
    q: Point
    rp: float
    rq: float
    stem: int
    generation: int


STEMS = 23  # per lung, arteries and veins together
GENERATIONS = 5


class _Tree:
    """Grows branches from a hilum until they near the pleura, looking up the coarse lung field."""

    def __init__(self, lung: Field, g: Grid, rng: np.random.Generator) -> None:
        self.lung, self.rng = lung, rng
        self.origin = np.array([float(a.ravel()[0]) for a in (g.z, g.y, g.x)])
        self.step = np.array([float(a.ravel()[1] - a.ravel()[0]) for a in (g.z, g.y, g.x)])
        self.segments: list[Segment] = []
        self.stem = -1

    def depth(self, point: np.ndarray) -> float:
        """Distance to the lung's surface, positive inside."""
        index = np.round((point - self.origin) / self.step).astype(int)
        if (index < 0).any() or (index >= self.lung.shape).any():
            return -99.0
        return -float(self.lung[tuple(index)])

    def grow(self, start: np.ndarray, direction: np.ndarray, radius: float, length: float, generation: int) -> None:
        point = start
        for _ in range(2):  # two bent pieces read as one curved vessel
            tries = [_unit(direction + self.rng.normal(0, s, 3)) for s in (0.1, 0.35, 0.7)]
            ends = [point + t * (length / 2) for t in tries]
            # Keep the course while it stays in the lung, else bend away from the pleura, else end here.
            fit = next((i for i, end in enumerate(ends) if self.depth(end) > 3.0), 0 if generation == 0 else None)
            if fit is None:
                return
            direction, end = tries[fit], ends[fit]
            self.segments.append(Segment(_point(point), _point(end), radius, radius * 0.9, self.stem, generation))
            point, radius = end, radius * 0.9
        if generation == GENERATIONS - 1:
            return
        side = _unit(np.cross(direction, self.rng.normal(0, 1, 3)))
        for sign, spread in ((1.0, self.rng.uniform(0.25, 0.5)), (-1.0, self.rng.uniform(0.45, 0.9))):
            shrink = 0.82 if spread < 0.5 else 0.66
            turned = _unit(direction + sign * spread * side)
            self.grow(point, turned, radius * shrink, length * self.rng.uniform(0.7, 0.9), generation + 1)


def _point(v: np.ndarray) -> Point:
    return float(v[0]), float(v[1]), float(v[2])


def _unit(v: np.ndarray) -> np.ndarray:
    return v / float(np.sqrt(v @ v) + 1e-9)


def grow_vessels(lung: Field, g: Grid, b: Build, m: Mediastinum, rng: np.random.Generator) -> list[Segment]:
    """Vessel segments of both lungs."""
    tree = _Tree(lung, g, rng)
    for side, hilum in ((-1.0, m.hilum_right), (1.0, m.hilum_left)):
        for i in range(STEMS):
            # Evenly over the half-sphere that looks away from the midline (a golden spiral), then shaken.
            height = 1.0 - 2.0 * (i + 0.5) / STEMS
            around = (i * 0.618034) % 1.0 * np.pi - np.pi / 2
            flat = np.sqrt(1.0 - height * height)
            aim = np.array([-height * 1.15, flat * np.sin(around), side * (flat * np.cos(around) + 0.25)])
            aim = _unit(aim + rng.normal(0, 0.12, 3))
            start = np.asarray(hilum) + np.array([height * -14.0, rng.uniform(-6, 6), side * rng.uniform(0, 6)])
            tree.stem += 1
            tree.grow(start, aim, rng.uniform(2.2, 4.0) * b.vessel_scale, rng.uniform(34, 44), 0)
    return tree.segments


def vessel_cover(g: Grid, segments: list[Segment]) -> Field:
    """The part (0..1) of each fine voxel that is vessel."""
    cover = np.zeros(g.shape, np.float32)
    for s in segments:
        box = g.box(*segment_box(s.p, s.q, max(s.rp, s.rq) + 1.2))
        part = cover[box]
        np.maximum(part, coverage(cone(g.crop(box), s.p, s.q, s.rp, s.rq), 2.0), out=part)
    return cover
