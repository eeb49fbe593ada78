"""Atelectasis: plates at the bases, segments, whole lobes with their loss of volume."""

from __future__ import annotations

import numpy as np

from ctflow.phantom.build import Build
from ctflow.phantom.grid import Field, Grid, coverage, ellipsoid, upsample
from ctflow.phantom.lesions import around
from ctflow.phantom.lobes import lobe_field
from ctflow.phantom.noise import smooth_noise
from ctflow.phantom.scene import Scene, threshold
from ctflow.phantom.truth import Finding, Site

AIRLESS_LOBE_HU = 42.0
AIRLESS_SHARE = {"moderate": 0.16, "large": 0.42}  # of a lobe
PLATES = 2


def paint_atelectases(scene: Scene, findings: tuple[Finding, ...], streams: list[np.random.Generator]) -> None:
    """Paint small ones as plates, larger ones as the airless part of their lobe."""
    for index, finding in enumerate(findings):
        if finding.kind == "Atelectasis":
            (_plates if finding.size == "small" else _airless)(scene, index, finding, streams[index])


def _plates(scene: Scene, index: int, finding: Finding, rng: np.random.Generator) -> None:
    """Linear atelectasis: thin plates near the pleura, roughly parallel to the diaphragm."""
    for _ in range(PLATES):
        centre = scene.spot(finding, 9.0, rng, deepest_mm=24.0)
        box = around(scene.fine, centre, 34.0)
        g = scene.fine.crop(box)
        tilt = (1.0, float(rng.normal(0, 0.45)), float(rng.normal(0, 0.45)))
        plate = ellipsoid(g, centre, (rng.uniform(2.4, 3.4), rng.uniform(14, 24), rng.uniform(18, 30)), tilt)
        plate = np.maximum(plate + 0.8 * smooth_noise(g, 9.0, rng), lobe_field(g, scene.build, _site(finding)))
        scene.fill(index, plate, 15.0, box, 2.0)


def _site(finding: Finding) -> Site:
    return finding.side, finding.lobe


def _airless(scene: Scene, index: int, finding: Finding, rng: np.random.Generator) -> None:
    """The part of a lobe that collapses first: towards the hilum, the midline and, lying supine, the back."""
    g, b = scene.coarse, scene.build
    half = g.x.size // 2
    columns = slice(0, half) if finding.side == "right" else slice(half, 2 * half)
    part = g.crop((slice(None), slice(None), columns))
    away = _away(part, b, finding) + 4.0 * smooth_noise(part, 14.0, rng)
    lobe = np.maximum(scene.torso.lung[..., columns], lobe_field(part, b, _site(finding)))
    space = coverage(lobe, 3.0)
    wanted = AIRLESS_SHARE[finding.size] * float(space.sum())
    level, _ = threshold(-away, space, wanted, 1.0)
    surface = np.maximum(away + level, lobe)
    box = (slice(None), slice(None), slice(2 * columns.start, 2 * columns.stop))
    scene.fill(index, upsample(surface.astype(np.float32)), AIRLESS_LOBE_HU, box, 3.0)


def _away(g: Grid, b: Build, finding: Finding) -> Field:
    """Roughly the distance (mm) from the place that a lobe collapses towards."""
    off = np.abs(g.x)
    back, front = b.spine_y + 30.0, b.spine_y + 36.0 - 2 * b.cage_half_depth
    if finding.lobe == "lower":
        away = 0.75 * (back - g.y) + 0.45 * off - 0.25 * (g.z - b.carina_z)
    elif finding.lobe == "middle":
        away = 0.75 * off + 0.7 * np.abs(g.z - b.carina_z - 52.0) + 0.1 * (g.y - front)
    elif finding.side == "left":
        away = 0.65 * off + 0.55 * (g.y - front) + 0.05 * g.z
    else:
        away = 0.8 * off + 0.5 * (g.z - b.apex_z) + 0.1 * (g.y - front)
    return np.broadcast_to(away, g.shape).astype(np.float32)
