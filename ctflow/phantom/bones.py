"""Ribs, spine, sternum, scapulae and clavicles."""

from __future__ import annotations

import numpy as np

from ctflow.phantom.build import Build
from ctflow.phantom.grid import Box, Canvas, Field, Grid, Tube, coverage
from ctflow.phantom.torso import Torso

RIB_HALF_HEIGHT_MM = 5.6
RIB_HALF_THICKNESS_MM = 3.6
RIB_DEPTH_MM = 5.5  # of a rib's centre line outside the cage's inner surface
FAR_MM = 12.0
MARROW_HU, CORTEX_HU, CARTILAGE_HU = 140.0, 950.0, 110.0


def shell_bones(torso: Torso, g: Grid, b: Build) -> tuple[Field, Field]:
    """Ribs and scapulae on the coarse grid: (distance, HU).

    Both lie in the wall of the cage, so they are computed in its coordinates (height, angle, depth). There every rib is
    the same slanted line, and an axial slice cuts each as a short arc.
    """
    ribs, hu = _ribs(torso, g, b)
    blades = _scapulae(torso, g, b)
    hu = np.where(blades < ribs, 300.0, hu).astype(np.float32)
    return np.minimum(ribs, blades), hu


def _ribs(torso: Torso, g: Grid, b: Build) -> tuple[Field, Field]:
    distance = np.full(g.shape, FAR_MM, np.float32)
    hu = np.full(g.shape, CARTILAGE_HU, np.float32)
    wall = np.abs(torso.cage - RIB_DEPTH_MM) < FAR_MM
    z = np.broadcast_to(g.z, g.shape)[wall]
    turn = np.abs(torso.angle[wall])
    # A rib falls from the spine to the front third, then its cartilage climbs to the sternum.
    fall = np.where(turn < 2.2, turn / 2.2, 1.0 - 0.9 * (turn - 2.2))
    start, gain = 64.0 * b.rib_drop, 0.30 * b.rib_drop
    at_spine = (z - start * fall) / (1.0 + gain * fall)
    number = at_spine / b.rib_spacing - b.rib_phase
    nearest = np.round(number)
    off = (number - nearest) * b.rib_spacing * (1.0 + 0.15 * fall)
    depth = torso.cage[wall] - RIB_DEPTH_MM
    r = np.sqrt((off / RIB_HALF_HEIGHT_MM) ** 2 + (depth / RIB_HALF_THICKNESS_MM) ** 2)
    # The lower a rib the less far it reaches; none crosses the spine or the midline in front.
    reach = np.clip(2.95 - 0.42 * np.clip(nearest - 6.0, 0, None), 0.9, 3.0)
    ends = np.maximum(0.16 - turn, turn - reach) * 25.0
    distance[wall] = np.maximum((r - 1.0) * RIB_HALF_THICKNESS_MM, ends)
    bony = np.clip((2.35 - turn) / 0.2, 0, 1)
    rim = np.clip((r - 0.45) / 0.4, 0, 1)
    hu[wall] = CARTILAGE_HU + bony * (MARROW_HU - CARTILAGE_HU + rim * (CORTEX_HU - MARROW_HU))
    return distance, hu


def _scapulae(torso: Torso, g: Grid, b: Build) -> Field:
    turn = np.abs(torso.angle)
    top, bottom = 0.02 * b.length, 0.46 * b.length
    t = np.clip((g.z - top) / (bottom - top), 0, 1)
    tip, outer = 0.72 - 0.05 * t, 1.35 - 0.45 * t  # a triangle: its lower angle is the narrow end
    blade = np.abs(torso.cage - 17.0 - 14.0 * (turn - 0.7)) - (1.8 + 2.5 * np.clip((turn - outer + 0.25) / 0.25, 0, 1))
    sides = np.maximum(tip - turn, turn - outer) * 90.0
    return np.maximum(np.maximum(blade, sides), np.maximum(top - g.z, g.z - bottom)).astype(np.float32)


def paint_spine(canvas: Canvas, b: Build) -> None:
    """Paint the vertebral column with its discs, its canal and the muscle beside it."""
    g = canvas.grid
    box = g.box((-9, b.spine_y - 75, -52), (b.length, b.spine_y + 75, 52))
    p = g.crop(box)
    spine_y = b.kyphosis(p.z).astype(np.float32)
    y, t = p.y - spine_y, p.z / b.length
    level = p.z / b.rib_spacing - b.rib_phase
    off = (level - np.round(level)) * b.rib_spacing  # 0 at the middle of a disc, where the ribs sit
    _paint_arches(canvas, b, box, y, p.x, p.z)
    _paint_bodies(canvas, b, box, y, p.x, t, off)


def _paint_bodies(canvas: Canvas, b: Build, box: Box, y: Field, x: Field, t: Field, off: Field) -> None:
    width, depth = 14.0 + 5.0 * t, 12.0 + 4.5 * t
    waist = 1.0 + 0.10 * np.cos(off * (2 * np.pi / b.rib_spacing))  # a body is narrower half-way between its plates
    flat = np.where(y > 0, y * 1.12, y)
    r = np.sqrt((x / (width * waist)) ** 2 + (flat / (depth * waist)) ** 2)
    body = ((r - 1.0) * depth).astype(np.float32)
    disc = (2.6 - np.abs(off)).astype(np.float32)  # positive inside the disc
    plate = np.exp(-((disc + 1.5) ** 2) / 3.0)
    rim = np.exp(-((body + 1.8) ** 2) / 3.0)
    bone = 115.0 + 215.0 * np.maximum(plate, rim)
    hu = bone + coverage(-disc, 3.0) * (85.0 - bone)
    canvas.coat(coverage(body), hu.astype(np.float32), box)


def _paint_arches(canvas: Canvas, b: Build, box: Box, y: Field, x: Field, z: Field) -> None:
    """Paraspinal muscle, then the arches around the canal and their processes, of which the spinous point downwards."""
    back = 22.0
    flank = (np.sqrt((x / 36.0) ** 2 + ((y - 34.0) / 22.0) ** 2) - 1.0) * 22.0
    flank = np.maximum(flank, 8.0 - y)
    canvas.coat(coverage(flank.astype(np.float32)), 50.0, box)
    ring = np.sqrt((x / 12.0) ** 2 + ((y - back) / 11.0) ** 2)
    arch = (ring - 1.0) * 11.0
    wings = np.maximum(np.abs(y - back - 9.0 - 0.15 * np.abs(x)) - 4.0, np.abs(x) - 30.0)
    slanted = (z - 0.7 * (y - back)) / b.rib_spacing - b.rib_phase - 0.25
    gap = np.abs(slanted - np.round(slanted)) * b.rib_spacing
    spinous = np.maximum(np.maximum(np.abs(x) - 3.2, gap - 7.0), np.maximum(back - y, y - back - 31.0))
    level = z / b.rib_spacing - b.rib_phase - 0.12
    gap = np.abs(level - np.round(level)) * b.rib_spacing
    wings = np.maximum(wings, gap - 8.0)
    bone = np.minimum(np.minimum(np.maximum(arch, gap - 9.5), wings), spinous).astype(np.float32)
    canvas.coat(coverage(bone), 200.0 + 120.0 * np.clip(bone + 3.0, 0, 2).astype(np.float32), box)
    canal = (np.sqrt((x / 9.0) ** 2 + ((y - back + 1.0) / 7.5) ** 2) - 1.0) * 8.0
    canvas.coat(coverage(canal.astype(np.float32)), 24.0, box)


def paint_front(canvas: Canvas, b: Build, front: Field) -> None:
    """Sternum and clavicles; ``front`` (slices,) is the y of the cage's inner surface on the midline."""
    g = canvas.grid
    top, bottom = 0.10 * b.length, 0.62 * b.length
    lowest, highest = float(front.min()), float(front.max())
    box = g.box((top, lowest - 30, -45), (bottom, highest + 10, 45))
    p = g.crop(box)
    t = (p.z - top) / (bottom - top)
    half_width = np.where(t < 0.28, 27.0 - 40.0 * t, 14.0 + 6.0 * np.sin(3.0 * t))
    y = p.y - (front[box[0], None, None] - 6.5)
    r = np.sqrt((p.x / half_width) ** 2 + (y / 5.5) ** 2)
    plate = np.maximum((np.sqrt(np.sqrt((p.x / half_width) ** 4 + (y / 5.5) ** 4)) - 1.0) * 5.5, (top - p.z))
    canvas.coat(
        coverage(plate.astype(np.float32)), (140 + 200 * np.clip(r - 0.5, 0, 0.6) / 0.6).astype(np.float32), box
    )
    y0 = float(front[box[0].start]) - 4
    for side in (-1.0, 1.0):
        bone = Tube(
            ((top + 4, y0, side * 22), (0.045 * b.length, y0 + 6, side * 70), (-12.0, y0 + 42, side * 130)),
            (7.5, 6.0, 6.5),
        )
        canvas.tube(bone, 480.0)
        canvas.tube(Tube(bone.points, tuple(r - 2.5 for r in bone.radii)), 200.0)
