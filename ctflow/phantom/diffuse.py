"""Findings all over the lungs: emphysema, mosaic attenuation, thickened septa."""

from __future__ import annotations

import numpy as np

from ctflow.phantom.build import Build
from ctflow.phantom.grid import Field, Grid
from ctflow.phantom.noise import smooth_noise
from ctflow.phantom.scene import Scene
from ctflow.phantom.torso import Torso
from ctflow.phantom.truth import SIZES, Truth

DESTROYED_HU = -985.0
EMPHYSEMA_THRESHOLDS = (1.35, 0.75, 0.15)  # by size: where noise exceeds them there is a hole
MOSAIC_HU = (55.0, 80.0, 110.0)
SEPTA_STRENGTH = (0.40, 0.55, 0.70)


def thin_and_mottle(parenchyma: Field, truth: Truth, torso: Torso, g: Grid, b: Build, rng: np.random.Generator) -> None:
    """Write emphysema and mosaic attenuation into the coarse HU of the lungs."""
    emphysema, mosaic = rng.spawn(2)
    for finding in truth.of("Emphysema"):
        _emphysema(parenchyma, SIZES.index(finding.size), torso, g, b, emphysema)
    for finding in truth.of("Mosaic attenuation pattern"):
        patches = np.tanh(4.0 * smooth_noise(g, 26.0, mosaic))
        parenchyma += MOSAIC_HU[SIZES.index(finding.size)] * patches


def _emphysema(parenchyma: Field, grade: int, torso: Torso, g: Grid, b: Build, rng: np.random.Generator) -> None:
    """Holes of about 8 mm within the lobules, and bullae under the pleura in severe cases; most of them high up."""
    height = np.clip((g.z - b.apex_z) / (b.dome_right_z - b.apex_z), 0, 1.2)
    holes = smooth_noise(g, 8.0, rng) - EMPHYSEMA_THRESHOLDS[grade] - 1.3 * (height - 0.35)
    bullae = smooth_noise(g, 17.0, rng) + 0.10 * np.maximum(torso.lung, -14.0) - (2.2, 1.5, 0.7)[grade] - 1.6 * height
    gone = np.clip(np.maximum(5.0 * holes, 5.0 * bullae), 0, 1)
    parenchyma += gone * (DESTROYED_HU - parenchyma)


def thicken_septa(scene: Scene, truth: Truth, rng: np.random.Generator) -> None:
    """Interlobular septa: a net of sheets about 14 mm apart, visible towards the pleura and the bases."""
    for finding in truth.of("Interlobular septal thickening"):
        grade = SIZES.index(finding.size)
        g, b = scene.fine, scene.build
        net = np.full(g.shape, 9.0, np.float32)
        for stream in rng.spawn(2):
            np.minimum(net, np.abs(smooth_noise(g, 13.0, stream)), out=net)
        low = np.clip((g.z - b.carina_z + 40.0) / 60.0, 0.25, 1)
        near = np.clip(1.15 + scene.inner / (26.0 + 14.0 * grade), 0, 1)
        alpha = np.clip(1.0 - net / (0.10 + 0.02 * grade), 0, 1) * near * low * SEPTA_STRENGTH[grade]
        hu = scene.hu
        hu += alpha * np.maximum(-40.0 - hu, 0)
        hu += (0.10 * (grade + 1) * near * low) * np.maximum(-500.0 - hu, 0)
