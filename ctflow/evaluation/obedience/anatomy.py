"""Where things are in a chest: a volume on the phantoms' grid, and the mean person's anatomy to look things up in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ctflow.phantom import Build
from ctflow.phantom.build import mean_build
from ctflow.phantom.grid import PIXEL_MM, SIZE, SLICE_MM, Field, Grid, cone
from ctflow.phantom.lobes import lobe_field
from ctflow.phantom.mediastinum import Mediastinum, make_mediastinum
from ctflow.phantom.torso import diaphragm, mediastinal_space
from ctflow.phantom.truth import LOBES, Truth
from ctflow.volume import Volume

GRID_MM = 3.0  # of everything measured but small things
GRID_ML = GRID_MM**3 / 1000
ANGLES = 72
RIB_HU = 170.0
Mask = NDArray[np.bool_]


def standard(volume: Volume) -> Field:
    """-> float32 HU (slices, 256, 256) as phantoms lie: slices downwards, rows to the back, columns to the left.

    Other spacings are resampled to 3.0 x 1.5 x 1.5 mm, other fields of view cut or filled with air.
    """
    turned, spacing = volume.along(("I", "P", "L"))
    hu = turned.astype(np.float32)
    zoom = [step / mm for step, mm in zip(spacing, (SLICE_MM, PIXEL_MM, PIXEL_MM), strict=True)]
    if not np.allclose(zoom, 1.0, atol=0.02):
        hu = ndimage.zoom(hu, zoom, order=1, mode="nearest", grid_mode=True)
    return _fitted(_fitted(hu, 1), 2)


def _fitted(hu: Field, axis: int) -> Field:
    """Cut or filled with air to the phantoms' width around the middle."""
    spare = SIZE - hu.shape[axis]
    if spare > 0:
        pads = [(spare // 2, spare - spare // 2) if a == axis else (0, 0) for a in range(3)]
        return np.pad(hu, pads, constant_values=-1000.0)
    return np.take(hu, np.arange(-spare // 2, -spare // 2 + SIZE), axis)


@dataclass(frozen=True, eq=False)
class Anatomy:
    """The mean person of so many slices, on the 3 mm grid: all (slices, 128, 128), or broadcasting to it."""

    grid: Grid
    build: Build
    mediastinum: Mediastinum
    lobe: NDArray[np.int8]  # index into LOBES
    above: Field  # mm above the diaphragm
    space: Field  # mm from the mediastinum, negative inside
    heart: Field  # mm from the heart's surface, negative inside
    aorta: Field  # mm from the aorta's surface
    cava: Field
    trachea: Field
    oesophagus: Field
    ring: Field  # 1 at the inner surface of the mean rib cage, in units of its radius
    angle: NDArray[np.int16]  # (128, 128): bin around the middle of the cage


@lru_cache(maxsize=32)
def anatomy(slices: int) -> Anatomy:
    """The mean person, scaled to a volume of so many slices."""
    b = mean_build(slices)
    g = Grid.make(slices, GRID_MM)
    m = make_mediastinum(b, Truth(), [])
    fields = np.stack([np.broadcast_to(lobe_field(g, b, site), g.shape) for site in LOBES])
    middle = b.spine_y + 36.0 - b.cage_half_depth
    ring = np.sqrt((g.x[0] / b.cage_half_width) ** 2 + ((g.y[0] - middle) / b.cage_half_depth) ** 2)
    turn = np.arctan2(g.x[0], g.y[0] - middle)
    bins = ((turn + np.pi) / (2 * np.pi) * ANGLES).astype(np.int16) % ANGLES
    tubes = (m.vessels[0], m.vessels[4], m.airways[0], m.oesophagus)
    aorta, cava, trachea, oesophagus = (_tube_field(g, tube.segments()) for tube in tubes)
    above = diaphragm(g, b)[None] - g.z
    lobe = fields.argmin(0).astype(np.int8)
    return Anatomy(
        g, b, m, lobe, above, mediastinal_space(g, b, m), m.heart(g), aorta, cava, trachea, oesophagus, ring, bins
    )


def _tube_field(g: Grid, segments: list) -> Field:
    """Distance to a tube, right within 40 mm of it."""
    field = np.full(g.shape, 40.0, np.float32)
    for p, q, rp, rq in segments:
        low, high = (tuple(f(a, c) + way for a, c in zip(p, q, strict=True)) for f, way in ((min, -40), (max, 40)))
        box = g.box(low, high)
        np.minimum(field[box], cone(g.crop(box), p, q, rp, rq), out=field[box])
    return field


def cage_radius(hu: Field, a: Anatomy) -> Field:
    """The inner surface of the ribs as seen in the volume: (slices, angles), in units of the mean cage's radius.

    ``hu`` is on the 3 mm grid. Ribs are a slice's innermost bone outside 0.7 of the mean radius; gaps between them are
    bridged along z.
    """
    ring = np.where((hu > RIB_HU) & (a.ring > 0.7), a.ring, 9.0)
    radius = np.full((len(hu), ANGLES), 9.0, np.float32)
    flat = ring.reshape(len(hu), -1)
    for angle in range(ANGLES):
        radius[:, angle] = flat[:, (a.angle == angle).ravel()].min(1)
    radius = ndimage.minimum_filter(radius, (13, 1), mode="nearest")
    radius = ndimage.median_filter(radius, (9, 5), mode="nearest")
    return np.clip(radius, 0.75, 1.25)


def depth_mm(hu: Field, a: Anatomy) -> Field:
    """How far inside the ribs each voxel of the 3 mm grid lies, in mm, negative outside."""
    radius = cage_radius(hu, a)[:, a.angle]
    return ((radius - a.ring) * a.build.cage_half_depth).astype(np.float32)


def dome_shift_mm(hu: Field, a: Anatomy) -> Field:
    """How much lower than the mean one this person's diaphragm lies, on each side: (1, 1, 128), mm.

    Read where aerated lung ends near the mean dome; 0 where there is none.
    """
    shifts = np.zeros((1, 1, hu.shape[2]), np.float32)
    rows = abs(a.grid.y.ravel() + 15.0) < 28
    for side in (-1, 1):
        columns = abs(a.grid.x.ravel() - side * 68.0) < 26
        lung, above = (field[:, rows][:, :, columns] for field in (hu < -500, a.above))
        near = lung & (above < 30)
        depth = np.where(near, above, 99.0).min(0)
        found = depth[depth < 30]
        if found.size > 0.3 * depth.size:
            shifts[..., np.sign(a.grid.x.ravel()) == side] = np.clip(-np.median(found), -20, 20)
    return shifts
