"""Where things are in a chest: a volume resampled as phantoms are, and the anatomy of the mean person beside it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ctflow.hu import AIR_HU
from ctflow.phantom import Build
from ctflow.phantom.build import mean_build
from ctflow.phantom.grid import PIXEL_MM, SIZE, SLICE_MM, Field, Grid, cone
from ctflow.phantom.lobes import lobe_field
from ctflow.phantom.mediastinum import Mediastinum, make_mediastinum
from ctflow.phantom.torso import diaphragm, mediastinal_space
from ctflow.phantom.truth import LOBES, Truth
from ctflow.volume import Volume

GRID_MM = 3.0  # the voxel of all measures but those of nodules and bronchi
GRID_ML = GRID_MM**3 / 1000
ANGLES = 72
RIB_HU = 170.0
NO_RIB = 9.0  # a radius, in units of the mean cage's, where no rib is
TUBE_REACH_MM = 40.0  # up to which distances to a tube are right
Mask = NDArray[np.bool_]


def standard(volume: Volume) -> Field:
    """-> float32 HU (slices, 256, 256) as phantoms lie: slices downwards, rows to the back, columns to the left.

    Other spacings are resampled to 3.0 x 1.5 x 1.5 mm; other fields of view are cropped or padded with air.
    """
    turned, spacing = volume.along(("I", "P", "L"))
    hu = turned.astype(np.float32)
    zoom = [step / mm for step, mm in zip(spacing, (SLICE_MM, PIXEL_MM, PIXEL_MM), strict=True)]
    if not np.allclose(zoom, 1.0, atol=0.02):
        hu = ndimage.zoom(hu, zoom, order=1, mode="nearest", grid_mode=True)
    return _cropped_or_padded(_cropped_or_padded(hu, 1), 2)


def _cropped_or_padded(hu: Field, axis: int) -> Field:
    """The phantoms' width around the middle."""
    spare = SIZE - hu.shape[axis]
    if spare > 0:
        pads = [(spare // 2, spare - spare // 2) if a == axis else (0, 0) for a in range(3)]
        return np.pad(hu, pads, constant_values=AIR_HU)
    return np.take(hu, np.arange(-spare // 2, -spare // 2 + SIZE), axis)


@dataclass(frozen=True, eq=False)
class Anatomy:
    """The mean person, on the 3 mm grid: every field is (slices, 128, 128), or broadcasts to it."""

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
    """The mean person, scaled to a volume of `slices` slices."""
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
        grid=g,
        build=b,
        mediastinum=m,
        lobe=lobe,
        above=above,
        space=mediastinal_space(g, b, m),
        heart=m.heart(g),
        aorta=aorta,
        cava=cava,
        trachea=trachea,
        oesophagus=oesophagus,
        ring=ring,
        angle=bins,
    )


def _tube_field(g: Grid, segments: list) -> Field:
    """Distance to a tube in mm, no more than TUBE_REACH_MM."""
    field = np.full(g.shape, TUBE_REACH_MM, np.float32)
    for p, q, rp, rq in segments:
        low = tuple(min(start, end) - TUBE_REACH_MM for start, end in zip(p, q, strict=True))
        high = tuple(max(start, end) + TUBE_REACH_MM for start, end in zip(p, q, strict=True))
        box = g.box(low, high)
        np.minimum(field[box], cone(g.crop(box), p, q, rp, rq), out=field[box])
    return field


def cage_radius(hu: Field, a: Anatomy) -> Field:
    """The inner surface of the ribs as the volume shows it: (slices, angles), in units of the mean cage's radius.

    `hu` is on the 3 mm grid. A slice's ribs are its innermost bone outside 0.7 of the mean radius; the gaps between
    ribs are bridged along z.
    """
    ring = np.where((hu > RIB_HU) & (a.ring > 0.7), a.ring, NO_RIB)
    radius = np.full((len(hu), ANGLES), NO_RIB, np.float32)
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
    """How much lower this person's diaphragm lies than the mean one, on each side: (1, 1, 128), mm.

    Taken from where aerated lung ends near the mean dome; 0 where there is none.
    """
    shifts = np.zeros((1, 1, hu.shape[2]), np.float32)
    rows = abs(a.grid.y.ravel() + 15.0) < 28
    for side in (-1, 1):
        columns = abs(a.grid.x.ravel() - side * 68.0) < 26
        lung, above = (hu < -500)[:, rows][:, :, columns], a.above[:, rows][:, :, columns]
        near = lung & (above < 30)
        depth = np.where(near, above, 99.0).min(0)
        found = depth[depth < 30]
        if found.size > 0.3 * depth.size:
            shifts[..., np.sign(a.grid.x.ravel()) == side] = np.clip(-np.median(found), -20, 20)
    return shifts
