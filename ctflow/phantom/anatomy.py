"""From geometry to HU: paints one person, coat by coat, from the skin inwards."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ctflow.hu import AIR_HU
from ctflow.phantom.abdomen import paint_abdomen
from ctflow.phantom.atelectasis import paint_atelectases
from ctflow.phantom.bones import paint_front, paint_spine, shell_bones
from ctflow.phantom.bronchi import paint_bronchi
from ctflow.phantom.build import Build
from ctflow.phantom.calcium import paint_calcium
from ctflow.phantom.couch import add_couch
from ctflow.phantom.devices import paint_devices
from ctflow.phantom.diffuse import thicken_septa, thin_and_mottle
from ctflow.phantom.finding_mask import FindingMask
from ctflow.phantom.grid import MAX_HU, SIZE, Canvas, Field, Grid, coverage, upsample
from ctflow.phantom.heart import fit_heart
from ctflow.phantom.lesions import paint_lesions
from ctflow.phantom.lobes import draw_fissures
from ctflow.phantom.mediastinum import Mediastinum, make_mediastinum, paint_mediastinum
from ctflow.phantom.noise import smooth_noise
from ctflow.phantom.pleura import paint_pleura
from ctflow.phantom.scene import Scene
from ctflow.phantom.torso import Torso, diaphragm, make_torso
from ctflow.phantom.truth import Truth
from ctflow.phantom.vessels import grow_vessels, vessel_cover

FAT_HU, MUSCLE_HU, SKIN_HU = -100.0, 52.0, 10.0
COARSE_PIXEL_MM = 3.0


def render(
    b: Build, truth: Truth, rng: np.random.Generator, seeds: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, Truth]:
    """-> noise-free int16 HU (slices, rows, columns), a mask (uint8) of 1 + the index of each finding, and the truth.

    The truth comes back with what each finding measures. ``rng`` makes the person's tissue, ``seeds`` the findings. No
    draw from ``rng`` depends on the truth, so the same ``b`` and ``rng`` with other findings are the same person.
    """
    streams = seeds.spawn(len(truth.findings) + 1)
    b = fit_heart(b, truth)
    coarse, fine, rows = _grids(b)
    mediastinum = make_mediastinum(b, truth, streams)
    torso = make_torso(coarse, b, mediastinum)
    canvas, mask = Canvas(fine), FindingMask(fine)
    cage = upsample(torso.cage)
    dome = diaphragm(fine, b)
    _paint_wall(canvas, torso, cage, coarse, b, rng)
    paint_abdomen(canvas, coarse, b, torso, rng)
    paint_spine(canvas, b)
    _paint_lungs(canvas, torso, coarse, b, rng, mediastinum, truth, mask, streams)
    paint_mediastinum(canvas, mediastinum, b, dome, truth, mask)
    middle = cage[:, :, cage.shape[2] // 2]
    front = fine.y.ravel()[np.argmax(middle < 0, axis=1)]
    paint_front(canvas, b, _steady(front, b))
    paint_calcium(canvas, mediastinum, truth, mask, streams)
    paint_devices(canvas, torso, coarse, mediastinum, b, truth, mask)
    shape = (b.slices, SIZE, SIZE)
    picture, voxels = np.full(shape, AIR_HU, np.int16), np.zeros(shape, np.uint8)
    picture[:, rows] = np.clip(np.rint(canvas.hu), AIR_HU, MAX_HU)
    voxels[:, rows] = mask.voxels
    if b.couch:
        add_couch(picture, b)
    return picture, voxels, mask.measured(truth)


def _grids(b: Build) -> tuple[Grid, Grid, slice]:
    """The coarse and the fine grid, cut to the rows with the body, and these rows: air costs as much time as tissue."""
    fine, coarse = Grid.make(b.slices), Grid.make(b.slices, COARSE_PIXEL_MM)
    front = b.spine_y + 36 - 2 * b.cage_half_depth - b.fat - (60 if b.female else 26)
    rows = coarse.box((0, front - 8, 0), (0, b.spine_y + 80 + 0.5 * b.fat, 0))[1]
    doubled = slice(2 * rows.start, 2 * rows.stop)
    everything = slice(None)
    return coarse.crop((everything, rows, everything)), fine.crop((everything, doubled, everything)), doubled


def _steady(front: Field, b: Build) -> Field:
    """Smoothed, and constant in the topmost slices, where the cage has no front."""
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
    mask: FindingMask,
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
    scene = Scene(g, canvas.grid, b, torso, m, hu, upsample(torso.lung), mask)
    thicken_septa(scene, truth, septa)
    paint_bronchi(scene, vessels, truth)
    paint_lesions(scene, truth.findings, streams)
    paint_atelectases(scene, truth.findings, streams)
    paint_pleura(scene, truth.findings)
    # All in one coat: separate coats would leave a rim of air where each covers a part of the voxels at the edge.
    canvas.coat(coverage(scene.inner), hu)
