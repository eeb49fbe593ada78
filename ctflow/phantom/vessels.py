"""The trees of pulmonary vessels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctflow.phantom.build import Build
from ctflow.phantom.grid import PIXEL_MM, Field, Grid, Point, cone, coverage, segment_box
from ctflow.phantom.mediastinum import Mediastinum

Points = NDArray[np.float64]  # (n, 3): z, y, x in mm
STEMS = 30  # per lung, arteries and veins together
GENERATIONS = 6
TAPER = 0.95
THIN_MM = 1.3  # thinner vessels are drawn as lines: they fill no voxel


@dataclass(frozen=True, eq=False)
class Vessels:
    """Straight pieces: ends ``p`` and ``q`` (n, 3), radius at each, the stem they belong to and its generation (n,)."""

    p: Points
    q: Points
    rp: NDArray[np.float64]
    rq: NDArray[np.float64]
    stem: NDArray[np.int64]
    generation: NDArray[np.int64]

    def of(self, chosen: NDArray[np.bool_]) -> Vessels:
        """Some of them."""
        return Vessels(
            p=self.p[chosen],
            q=self.q[chosen],
            rp=self.rp[chosen],
            rq=self.rq[chosen],
            stem=self.stem[chosen],
            generation=self.generation[chosen],
        )

    def pieces(self) -> list[tuple[Point, Point, float, float]]:
        """Ends and radii, as ``cone`` takes them."""
        points = zip(self.p.tolist(), self.q.tolist(), self.rp.tolist(), self.rq.tolist(), strict=True)
        return [(tuple(p), tuple(q), rp, rq) for p, q, rp, rq in points]


def _unit(v: Points) -> Points:
    return v / (np.linalg.norm(v, axis=1, keepdims=True) + 1e-9)


class _Lungs:
    """Looks up in the coarse field how deep points lie in the lungs."""

    def __init__(self, lung: Field, g: Grid) -> None:
        self.lung = lung
        self.origin = np.array([float(a.ravel()[0]) for a in (g.z, g.y, g.x)])
        self.step = np.array([float(a.ravel()[1] - a.ravel()[0]) for a in (g.z, g.y, g.x)])

    def depth(self, points: Points) -> NDArray[np.float64]:
        """(..., 3) -> distance to the lungs' surface, positive inside."""
        index = np.rint((points - self.origin) / self.step).astype(int)
        inside = ((index >= 0) & (index < self.lung.shape)).all(-1)
        index = np.where(inside[..., None], index, 0)
        return np.where(inside, -self.lung[index[..., 0], index[..., 1], index[..., 2]], -99.0)


def grow_vessels(lung: Field, g: Grid, b: Build, m: Mediastinum, rng: np.random.Generator) -> Vessels:
    """Grow all vessels of both lungs at once, a generation at a time, until they near the pleura.

    Branches that have ended are carried along, so that no later draw depends on the shape of the lungs.
    """
    lungs = _Lungs(lung, g)
    point, way, stem = _stems(m, rng)
    n = len(stem)
    radius, length = rng.uniform(2.2, 4.0, n) * b.vessel_scale, rng.uniform(34, 44, n)
    alive = np.ones(n, bool)
    grown = []
    for generation in range(GENERATIONS):
        for _ in range(2):  # two bent pieces read as one curved vessel
            way, goes = _courses(lungs, point, way, length / 2, rng)
            alive &= goes | (generation == 0)
            end = point + way * (length / 2)[:, None]
            generations = np.full(len(stem), generation)
            part = Vessels(p=point, q=end, rp=radius, rq=radius * TAPER, stem=stem, generation=generations)
            grown.append(part.of(alive))
            point, radius = end, radius * TAPER
        side = _unit(np.cross(way, rng.standard_normal(way.shape)))
        narrow, wide = rng.uniform(0.25, 0.5, len(stem)), -rng.uniform(0.45, 0.9, len(stem))
        way = np.concatenate([_unit(way + spread[:, None] * side) for spread in (narrow, wide)])
        radius = np.concatenate([radius * 0.84, radius * 0.70])
        length = np.concatenate([length, length]) * rng.uniform(0.7, 0.9, 2 * len(stem))
        point, stem, alive = (np.concatenate([a, a]) for a in (point, stem, alive))
    return Vessels(
        p=np.concatenate([part.p for part in grown]),
        q=np.concatenate([part.q for part in grown]),
        rp=np.concatenate([part.rp for part in grown]),
        rq=np.concatenate([part.rq for part in grown]),
        stem=np.concatenate([part.stem for part in grown]),
        generation=np.concatenate([part.generation for part in grown]),
    )


def _stems(m: Mediastinum, rng: np.random.Generator) -> tuple[Points, Points, NDArray[np.int64]]:
    """Where the stems leave the hila, their directions (even over a half-sphere, then jittered), and their numbers."""
    height = 1.0 - 2.0 * (np.arange(STEMS) + 0.5) / STEMS
    around = (np.arange(STEMS) * 0.618034) % 1.0 * np.pi - np.pi / 2  # a golden spiral
    flat = np.sqrt(1.0 - height**2)
    starts, ways = [], []
    for side, hilum in ((-1.0, m.hilum_right), (1.0, m.hilum_left)):
        aim = np.stack([-height * 1.15, flat * np.sin(around), side * (flat * np.cos(around) + 0.25)], 1)
        ways.append(_unit(_unit(aim) + rng.normal(0, 0.12, (STEMS, 3))))
        off = np.stack([height * -14.0, rng.uniform(-6, 6, STEMS), side * rng.uniform(0, 6, STEMS)], 1)
        starts.append(np.asarray(hilum) + off)
    return np.concatenate(starts), np.concatenate(ways), np.arange(2 * STEMS)


def _courses(
    lungs: _Lungs, point: Points, way: Points, length: NDArray[np.float64], rng: np.random.Generator
) -> tuple[Points, NDArray[np.bool_]]:
    """The directions that stay in the lung, about straight or bent away from the pleura, and whether there is one."""
    bends = np.array([0.1, 0.35, 0.7])[:, None, None]
    ways = way + bends * rng.standard_normal((3, *way.shape))
    ways /= np.linalg.norm(ways, axis=2, keepdims=True)
    fits = lungs.depth(point + ways * length[:, None]) > 3.0
    first = fits.argmax(0)
    return ways[first, np.arange(len(way))], np.asarray(fits.any(0))


def vessel_cover(g: Grid, vessels: Vessels) -> Field:
    """The part (0..1) of each fine voxel that is vessel."""
    cover = np.zeros(g.shape, np.float32)
    thin = vessels.rp < THIN_MM
    for p, q, rp, rq in vessels.of(~thin).pieces():
        box = g.box(*segment_box(p, q, max(rp, rq) + 1.2))
        part = cover[box]
        np.maximum(part, coverage(cone(g.crop(box), p, q, rp, rq), 2.0), out=part)
    _draw_lines(cover, g, vessels.of(thin))
    return cover


def _draw_lines(cover: Field, g: Grid, vessels: Vessels) -> None:
    """Thin vessels as points, about one per millimetre, each shared among the eight voxels around it."""
    t = np.linspace(0, 1, 18)[:, None, None]
    points = (vessels.p + t * (vessels.q - vessels.p)).reshape(-1, 3)
    share = np.minimum(1.0, np.pi * vessels.rp**2 / PIXEL_MM**2)
    share = np.tile(share, len(t)) * 1.5  # a line between voxels' centres leaves none of them more than two thirds
    axes = [a.ravel() for a in (g.z, g.y, g.x)]
    index = np.stack([(points[:, i] - a[0]) / (a[1] - a[0]) for i, a in enumerate(axes)], 1)
    low = np.floor(index).astype(int)
    fits = ((low >= 0) & (low < np.array(g.shape) - 1)).all(1)
    low, part, share = low[fits], (index - low)[fits], share[fits]
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(corner, part, 1.0 - part), axis=1) * share
        np.maximum.at(cover, tuple((low + corner).T), np.minimum(weight, 1.0).astype(np.float32))
