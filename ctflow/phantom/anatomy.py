"""Geometry to HU: paints one person, coat by coat, from the skin inwards."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ctflow.phantom.abdomen import paint_abdomen
from ctflow.phantom.bones import paint_front, paint_spine, shell_bones
from ctflow.phantom.bronchi import paint_bronchi
from ctflow.phantom.build import Build
from ctflow.phantom.calcium import paint_calcium
from ctflow.phantom.collapse import paint_atelectases
from ctflow.phantom.devices import paint_devices
from ctflow.phantom.diffuse import thicken_septa, thin_and_mottle
from ctflow.phantom.grid import AIR_HU, MAX_HU, SIZE, Canvas, Field, Grid, coverage, upsample
from ctflow.phantom.heart import fit
from ctflow.phantom.ledger import Ledger
from ctflow.phantom.lesions import paint_lesions
from ctflow.phantom.lobes import draw_fissures
from ctflow.phantom.lungs import grow_vessels, vessel_cover
from ctflow.phantom.mediastinum import Mediastinum, make_mediastinum, paint_mediastinum
from ctflow.phantom.noise import smooth_noise
from ctflow.phantom.pleura import paint_pleura
from ctflow.phantom.scene import Scene
from ctflow.phantom.table import add_table
from ctflow.phantom.torso import Torso, diaphragm, make_torso
from ctflow.phantom.truth import Truth

FAT_HU, MUSCLE_HU, SKIN_HU = -100.0, 52.0, 10.0
COARSE_MM = 3.0


def render(
    b: Build, truth: Truth, rng: np.random.Generator, seeds: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, Truth]:
    """Paint noise-free int16 HU (slices, rows, columns) and the mask (uint8) of 1 + the index of each finding.

    The truth comes back with what each finding measures. ``rng`` makes the person's tissue, ``seeds`` the findings: no
    draw from ``rng`` depends on the truth, so the same ``b`` and ``rng`` with other findings is the same person.
    """
    streams = seeds.spawn(len(truth.findings) + 1)
    b = fit(b, truth)
    coarse, fine, rows = _grids(b)
    mediastinum = make_mediastinum(b, truth, streams)
    torso = make_torso(coarse, b, mediastinum)
    canvas, ledger = Canvas(fine), Ledger(fine)
    cage = upsample(torso.cage)
    dome = diaphragm(fine, b)
    _paint_wall(canvas, torso, cage, coarse, b, rng)
    paint_abdomen(canvas, coarse, b, torso, rng)
    paint_spine(canvas, b)
    _paint_lungs(canvas, torso, coarse, b, rng, mediastinum, truth, ledger, streams)
    paint_mediastinum(canvas, mediastinum, b, dome, truth, ledger)
    middle = cage[:, :, cage.shape[2] // 2]
    front = fine.y.ravel()[np.argmax(middle < 0, axis=1)]
    paint_front(canvas, b, _steady(front, b))
    paint_calcium(canvas, mediastinum, truth, ledger, streams)
    paint_devices(canvas, torso, coarse, mediastinum, b, truth, ledger)
    picture, mask = np.full((b.slices, SIZE, SIZE), AIR_HU, np.int16), np.zeros((b.slices, SIZE, SIZE), np.uint8)
    picture[:, rows] = np.clip(np.rint(canvas.hu), AIR_HU, MAX_HU)
    mask[:, rows] = ledger.mask
    if b.table:
        add_table(picture, b)
    return picture, mask, ledger.measured(truth)


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


def _paint_wall(canvas: Canvas, torso: Torso, cage: Field, g: Grid, b: Build, rng: np.random.Generator) -> None:
    canvas.coat_coarse(torso.body, SKIN_HU)
    canvas.coat_coarse(torso.body + 2.0, FAT_HU)
    # Ridges of smooth noise look like the planes of fat between muscles.
    planes = np.exp(-((smooth_noise(g, 21.0, rng) / 0.16) ** 2)) * np.clip((torso.cage - 9.0) / 4.0, 0, 1)
    muscle = MUSCLE_HU - 105.0 * planes.astype(np.float32)
    canvas.coat_coarse(torso.muscle, muscle)
    bones, hu = shell_bones(torso, g, b)
    canvas.coat_coarse(bones, hu)
    canvas.coat(coverage(cage), -92.0)


def _paint_lungs(
    canvas: Canvas,
    torso: Torso,
    g: Grid,
    b: Build,
    rng: np.random.Generator,
    m: Mediastinum,
    truth: Truth,
    ledger: Ledger,
    streams: list[np.random.Generator],
) -> None:
    """Paint both pleural cavities: parenchyma, vessels, bronchi, and all that was found there."""
    gravity = 0.45 * (g.y - b.spine_y) + 0.45 * b.cage_half_depth
    parenchyma = (b.lung_hu + gravity + 14.0 * smooth_noise(g, 12.0, rng)).astype(np.float32)
    diffuse, septa = streams[-1].spawn(2)
    thin_and_mottle(parenchyma, truth, torso, g, b, diffuse)
    hu = upsample(parenchyma)
    draw_fissures(hu, canvas.grid, b)
    vessels = grow_vessels(torso.lung, g, b, m, rng)
    hu += vessel_cover(canvas.grid, vessels) * (b.blood_hu - hu)
    scene = Scene(g, canvas.grid, b, torso, m, hu, upsample(torso.lung), ledger)
    thicken_septa(scene, truth, septa)
    paint_bronchi(scene, vessels, truth)
    paint_lesions(scene, truth.findings, streams)
    paint_atelectases(scene, truth.findings, streams)
    paint_pleura(scene, truth.findings)
    # One coat for all: separate coats would leave a rim of air where each covers a part of the edge voxels.
    canvas.coat(coverage(scene.inner), hu)
