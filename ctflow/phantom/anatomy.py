"""Geometry to HU: paints one person, coat by coat, from the skin inwards."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from ctflow.phantom.abdomen import paint_abdomen
from ctflow.phantom.bones import paint_front, paint_spine, shell_bones
from ctflow.phantom.build import Build
from ctflow.phantom.effusion import Fluid, pool
from ctflow.phantom.grid import AIR_HU, MAX_HU, SIZE, Canvas, Field, Grid, coverage, upsample
from ctflow.phantom.lungs import grow_vessels, vessel_cover
from ctflow.phantom.mediastinum import Mediastinum, make_mediastinum, paint_mediastinum
from ctflow.phantom.torso import Torso, diaphragm, make_torso
from ctflow.phantom.truth import Truth

FAT_HU, MUSCLE_HU, SKIN_HU = -100.0, 52.0, 10.0
FLUID_HU, COLLAPSED_HU = 10.0, 38.0
COLLAPSE_EDGE_MM = 6.0
COARSE_MM = 3.0


def render(b: Build, truth: Truth, rng: np.random.Generator) -> tuple[np.ndarray, Truth]:
    """Paint the noise-free int16 HU (slices, rows, columns); the truth comes back with the ml that found room.

    No random draw depends on the truth: the same ``b`` and ``rng`` state with other findings is the same person.
    """
    coarse, fine, rows = _grids(b)
    mediastinum = make_mediastinum(b)
    torso = make_torso(coarse, b, mediastinum)
    picture = np.full((b.slices, SIZE, SIZE), AIR_HU, np.int16)
    canvas = Canvas(fine)
    cage = upsample(torso.cage)
    dome = diaphragm(fine, b)
    _paint_wall(canvas, torso, cage, coarse, b, rng)
    paint_abdomen(canvas, b, cage, dome, rng)
    paint_spine(canvas, b)
    truth = _paint_lungs(canvas, torso, coarse, b, rng, mediastinum, truth)
    paint_mediastinum(canvas, mediastinum, b, dome)
    middle = cage[:, :, cage.shape[2] // 2]
    front = fine.y.ravel()[np.argmax(middle < 0, axis=1)]
    paint_front(canvas, b, _steady(front, b))
    picture[:, rows] = np.clip(np.rint(canvas.hu), AIR_HU, MAX_HU)
    return picture, truth


def _grids(b: Build) -> tuple[Grid, Grid, slice]:
    """The coarse and the fine grid, cut to the rows that hold the body: the air around it costs as much as tissue."""
    fine, coarse = Grid.make(b.slices), Grid.make(b.slices, COARSE_MM)
    front = b.spine_y + 36 - 2 * b.cage_half_depth - b.fat - (60 if b.female else 26)
    rows = coarse.box((0, front - 8, 0), (0, b.spine_y + 80 + 0.5 * b.fat, 0))[1]
    doubled = slice(2 * rows.start, 2 * rows.stop)
    everything = slice(None)
    return coarse.crop((everything, rows, everything)), fine.crop((everything, doubled, everything)), doubled


def _steady(front: Field, b: Build) -> Field:
    """Smooth, and without the topmost slices, where the cage has no front."""
    first = int(0.08 * b.slices)
    front[:first] = front[first]
    return ndimage.gaussian_filter1d(front, 2.0)


def _texture(shape: tuple[int, int, int], cell: int, rng: np.random.Generator) -> Field:
    """Smooth noise of about unit sd, with features some ``cell`` voxels wide."""
    noise = rng.standard_normal([n // cell + 3 for n in shape], dtype=np.float32)
    for axis, n in enumerate(shape):
        at = np.arange(n, dtype=np.float32) / cell
        knots = np.arange(noise.shape[axis], dtype=np.float32)
        weights = np.clip(1.0 - np.abs(at[:, None] - knots), 0, 1).astype(
            np.float32
        )  # linear interpolation as a matrix
        noise = np.moveaxis(np.tensordot(noise, weights, (axis, 1)), -1, axis)
    return 1.6 * np.ascontiguousarray(noise)


def _paint_wall(canvas: Canvas, torso: Torso, cage: Field, g: Grid, b: Build, rng: np.random.Generator) -> None:
    canvas.coat_coarse(torso.body, SKIN_HU)
    canvas.coat_coarse(torso.body + 2.0, FAT_HU)
    # Ridges of smooth noise look like the planes of fat between muscles.
    planes = np.exp(-((_texture(g.shape, 7, rng) / 0.16) ** 2)) * np.clip((torso.cage - 9.0) / 4.0, 0, 1)
    muscle = MUSCLE_HU - 105.0 * planes.astype(np.float32)
    canvas.coat_coarse(torso.muscle, muscle)
    bones, hu = shell_bones(torso, g, b)
    canvas.coat_coarse(bones, hu)
    canvas.coat(coverage(cage), -92.0)


def _paint_lungs(
    canvas: Canvas, torso: Torso, g: Grid, b: Build, rng: np.random.Generator, m: Mediastinum, truth: Truth
) -> Truth:
    """Paint both pleural cavities: parenchyma, vessels, fluid. Returns the truth with the ml that found room."""
    gravity = 0.45 * (g.y - b.spine_y) + 0.45 * b.cage_half_depth
    parenchyma = b.lung_hu + gravity + 14.0 * _texture(g.shape, 4, rng)
    hu = upsample(parenchyma.astype(np.float32))
    vessels = vessel_cover(canvas.grid, grow_vessels(torso.lung, g, b, m, rng))
    hu += vessels * (b.blood_hu - hu)
    right, left = (
        _flood(hu, pool(torso, g, b, side, wanted)) if wanted > 0 else 0.0
        for side, wanted in ((-1, truth.effusion_right_ml), (1, truth.effusion_left_ml))
    )
    # One coat for all three: separate coats would leave a rim of air where each covers a part of the edge voxels.
    canvas.coat(coverage(upsample(torso.lung)), hu)
    return replace(truth, effusion_right_ml=right, effusion_left_ml=left)


def _flood(lung_hu: Field, fluid: Fluid) -> float:
    """Write fluid, and the collapsed lung beside it, into one side of ``lung_hu``; returns the fluid's ml."""
    columns = slice(2 * fluid.columns.start, 2 * fluid.columns.stop)
    view = lung_hu[:, :, columns]
    surface = upsample(fluid.field)
    if fluid.rim_mm:
        view += coverage(surface - fluid.rim_mm, COLLAPSE_EDGE_MM) * (COLLAPSED_HU - view)
    view += coverage(surface) * (FLUID_HU - view)
    return fluid.ml
