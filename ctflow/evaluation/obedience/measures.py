"""What can be measured in a chest CT by HU and place alone: some 300 numbers, mostly millilitres, by name.

They know neither the report nor any network's output but the volume. Detectors (see there) weigh them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from ctflow.errors import ShortVolumeError
from ctflow.evaluation.obedience.airspace import airspace
from ctflow.evaluation.obedience.anatomy import (
    GRID_ML,
    GRID_MM,
    Anatomy,
    Mask,
    anatomy,
    depth_mm,
    dome_shift_mm,
    standard,
)
from ctflow.evaluation.obedience.small import small_things
from ctflow.phantom.grid import Field
from ctflow.phantom.truth import LOBES
from ctflow.volume import Volume

LEAST_SLICES = 16
# HU ranges of a voxel of 3 mm: names tell what mostly fills it.
BANDS = {
    "free air": (-1100, -972),
    "thin lung": (-972, -935),
    "lung": (-935, -800),
    "dense lung": (-800, -690),
    "haze": (-690, -480),
    "ground glass": (-480, -200),
    "edge": (-200, -10),
    "fluid": (-6, 23),
    "solid": (23, 75),
}
Measures = dict[str, float]


def measure(volume: Volume) -> Measures:
    """All measures of a volume; the same names in the same order for every volume.

    Raises ShortVolumeError for one of fewer than `LEAST_SLICES`, which holds no chest.
    """
    hu = standard(volume)
    if len(hu) < LEAST_SLICES:
        raise ShortVolumeError(
            f"A volume of {len(hu)} slices of 3 mm is too short to be measured: {LEAST_SLICES} or more."
        )
    a = anatomy(len(hu))
    pairs = hu.reshape(len(hu), 128, 2, 128, 2)
    mean = ndimage.gaussian_filter(pairs.mean((2, 4)), (0.5, 0.6, 0.6))
    peak = pairs.max((2, 4))
    depth = depth_mm(mean, a)
    pleural = (depth > 2.5) & (a.above + dome_shift_mm(mean, a) > 6.0) & (a.space > 4.0)
    parts = (
        _lobes(mean, pleural, a),
        _pleura(mean, depth, pleural, a),
        _heart(mean, depth, a),
        _calcium(mean, peak, depth, a),
        _midline(mean, depth, a),
        _diffuse(mean, pleural, depth, a),
        small_things(hu, mean, pleural, a),
        airspace(mean, pleural, a),
    )
    return {name: float(value) for part in parts for name, value in part}


def _ml(mask: Mask) -> float:
    return float(mask.sum()) * GRID_ML


def _band(hu: Field, name: str) -> Mask:
    low, high = BANDS[name]
    return (hu >= low) & (hu < high)


def lobe_name(index: int) -> str:
    """For example "right upper"."""
    side, lobe = LOBES[index]
    return f"{side} {lobe}"


def _lobes(hu: Field, pleural: Mask, a: Anatomy) -> Iterator[tuple[str, float]]:
    """What fills each lobe, and where in it its solid part lies."""
    cores = ndimage.binary_erosion(_band(hu, "solid") & pleural, iterations=2)
    for index in range(len(LOBES)):
        here, name = pleural & (a.lobe == index), lobe_name(index)
        total = max(1.0, float(here.sum()))
        for band in BANDS:
            inside = here & _band(hu, band)
            yield f"{name} {band} ml", _ml(inside)
            if band in ("lung", "ground glass"):
                yield f"{name} {band} share", inside.sum() / total
        core = here & cores
        yield f"{name} solid core ml", _ml(core)
        yield f"{name} solid core off midline", _mean(np.abs(a.grid.x), core)
        yield f"{name} solid core behind", _mean(a.grid.y, core)
        yield f"{name} aerated hu", _mean(hu, here & (hu < -600))


def _mean(values: Field, mask: Mask) -> float:
    return float(np.broadcast_to(values, mask.shape)[mask].mean()) if mask.any() else 0.0


def _pleura(hu: Field, depth: Field, pleural: Mask, a: Anatomy) -> Iterator[tuple[str, float]]:
    """Air and fluid against the wall, in front and behind, on each side."""
    middle = a.build.spine_y + 36.0 - a.build.cage_half_depth
    smooth = ndimage.uniform_filter(hu, 3)
    flat = (smooth < -970) & (hu < -960)
    for side, sign in (("right", -1), ("left", 1)):
        here = pleural & (sign * a.grid.x > 0)
        for part, where in (("front", a.grid.y < middle - 20), ("mid", abs(a.grid.y - middle) <= 20),
                            ("back", a.grid.y > middle + 20)):  # fmt: skip
            zone = here & where
            for near, ring in (("rim", depth < 12), ("deep", depth >= 12)):
                yield f"{side} side {part} {near} free air ml", _ml(zone & ring & flat)
            yield f"{side} side {part} fluid ml", _ml(zone & _band(hu, "fluid"))
            yield f"{side} side {part} solid ml", _ml(zone & _band(hu, "solid"))
            yield f"{side} side {part} aerated ml", _ml(zone & (hu < -600))
        largest = np.bincount(ndimage.label(here & flat)[0].ravel())[1:].max(initial=0)
        yield f"{side} side largest free air ml", largest * GRID_ML
        yield f"{side} side aerated share", (here & (hu < -600)).sum() / max(1, here.sum())


def _heart(hu: Field, depth: Field, a: Anatomy) -> Iterator[tuple[str, float]]:
    """Width of the heart against that of the chest; fluid, fat and blood around the mean heart."""
    g, b = a.grid, a.build
    tissue = (hu > -25) & (depth > 6) & (g.y < b.spine_y - 38)
    widths, ratios = [0.0], [0.0]
    first, last = (int(z / 3.0) for z in (b.heart_z - 36, min(b.dome_right_z, b.dome_left_z) - 3))
    for z in range(max(0, first), min(len(hu), last)):
        columns = np.flatnonzero(tissue[z].sum(0) >= 6)
        inner = np.flatnonzero((depth[z] > 0).any(0))
        middle = 64 + int(b.heart_shift / GRID_MM)
        if columns.size and inner.size > 40:
            run = _run_around(columns, middle)
            widths.append(run * GRID_MM)
            ratios.append(run / inner.size)
    yield "heart width mm", float(np.percentile(widths, 90))
    yield "cardiothoracic ratio", float(np.percentile(ratios, 90))
    around = (depth > 3) & (a.above > 0) & (g.y < b.spine_y - 22)
    for name, low, high in (("inner", -99, 0), ("rim", 0, 14), ("outer", 14, 34)):
        shell = around & (a.heart >= low) & (a.heart < high)
        yield f"heart {name} fluid ml", _ml(shell & _band(hu, "fluid"))
        yield f"heart {name} solid ml", _ml(shell & _band(hu, "solid"))
        yield f"heart {name} fat ml", _ml(shell & (hu > -130) & (hu < -40))
    solid = around & (hu > 20) & (a.heart < 30)
    yield "heart middle x", _mean(g.x, solid)
    yield "heart middle y", _mean(g.y, solid)


def _run_around(columns: np.ndarray, middle: int) -> int:
    """Length of the run of consecutive columns that holds, or is nearest to, the middle."""
    runs = np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1)
    return len(min(runs, key=lambda run: (min(abs(run - middle)), -len(run))))


def _calcium(hu: Field, peak: Field, depth: Field, a: Anatomy) -> Iterator[tuple[str, float]]:
    """Calcium on the heart and along the aorta; metal anywhere."""
    g, b = a.grid, a.build
    inner = (depth > 9) & (a.above > -3)
    front = g.y < b.spine_y - 30
    heart = inner & front & (abs(a.heart + 1.0) < 16) & (g.z > b.carina_z + 12)
    arch = inner & (g.y < b.spine_y - 22) & (abs(a.aorta) < 10) & (g.z < b.carina_z + 8)
    descending = inner & (abs(a.aorta) < 10) & (g.x > 8) & (g.z > b.carina_z) & (g.y < b.spine_y + 4) & (g.y > 0)
    for name, zone in (("heart", heart), ("arch", arch), ("descending aorta", descending)):
        for low in (130, 300):
            yield f"{name} calcium {low} ml", _ml(zone & (peak > low))
    soft = (a.ring < 1.5) & (depth < -4)
    zones = {
        "wall right": soft & (g.x < -40) & (g.y < 0),
        "wall left": soft & (g.x > 40) & (g.y < 0),
        "cava": (a.cava < 6) & (depth > 8),
        "trachea": (abs(a.trachea) < 5) & (depth > 8),
        "oesophagus": (a.oesophagus < 5) & (depth > 8),
        "right pleura": (depth > 6) & (a.space > 6) & (g.x < 0),
        "heart": (a.heart < -6) & (depth > 8),
        "sternum": (abs(g.x) < 14) & (g.y < -40),
    }
    for name, place in zones.items():
        zone = np.broadcast_to(place, peak.shape)
        yield f"{name} dense ml", _ml(zone & (peak > 200))
        yield f"{name} metal ml", _ml(zone & (peak > 900))
        yield f"{name} peak hu", np.sort(peak[zone])[-3:].mean() if zone.sum() > 2 else 0.0
    yield "metal ml", _ml(peak > 1150)
    yield "mean metal ml", _ml(hu > 1000)


def _midline(hu: Field, depth: Field, a: Anatomy) -> Iterator[tuple[str, float]]:
    """A hernia behind the heart; nodes at their stations."""
    g, b = a.grid, a.build
    c, spine = b.carina_z, float(b.kyphosis(np.asarray(b.carina_z)))
    behind = (abs(g.x - 6) < 34) & (g.y > 0) & (g.y < b.spine_y - 16) & (g.z > b.dome_left_z - 70) & (depth > 8)
    hernia = behind & (g.z < b.dome_left_z + 8)
    for name, mask in (("gas", hu < -900), ("content", _band(hu, "fluid")), ("wall", (hu > 28) & (hu < 60)),
                       ("fat", (hu > -130) & (hu < -40)), ("lung", (hu < -700) & (hu > -900))):  # fmt: skip
        yield f"hernia {name} ml", _ml(hernia & mask)
        near = hernia & (abs(g.x - 6) < 16) & (g.z > b.dome_left_z - 40)
        yield f"hernia near {name} ml", _ml(near & mask)
    stations = {"4R": (c - 16, -2, -22), "7": (c + 20, spine - 34, 1), "5": (c - 6, -18, 36), "4L": (c - 14, 8, 13),
                "3A": (c - 30, -38, 2), "10R": (c + 26, 12, -50), "10L": (c + 20, 14, 54)}  # fmt: skip
    for name, (z, y, x) in stations.items():
        ball = (g.z - z) ** 2 + (g.y - y) ** 2 + (g.x - x) ** 2 < 14.0**2
        yield f"station {name} solid ml", _ml(ball & (hu > 10) & (hu < 75))
        yield f"station {name} fat ml", _ml(ball & (hu > -140) & (hu < -30))
        yield f"station {name} air ml", _ml(ball & (hu < -500))
    whole = (a.space < 6) & (a.heart > 4) & (depth > 6) & (g.z < c + 45) & (g.z > 0.1 * b.length)
    yield "mediastinum solid ml", _ml(whole & (hu > 10) & (hu < 75))
    yield "mediastinum fat ml", _ml(whole & (hu > -140) & (hu < -30))


def _diffuse(hu: Field, pleural: Mask, depth: Field, a: Anatomy) -> Iterator[tuple[str, float]]:
    """Texture of the aerated lung: patches, holes, nets, in the upper and the lower half."""
    lung = pleural & (hu < -650)
    weight = ndimage.gaussian_filter(lung.astype(np.float32), 3.0)
    wide = ndimage.gaussian_filter(np.where(lung, hu, 0.0), 3.0) / np.maximum(weight, 0.05)
    slope = np.polyfit(np.broadcast_to(a.grid.y, hu.shape)[lung], wide[lung], 1) if lung.any() else np.zeros(2)
    patches = wide - np.polyval(slope, a.grid.y)
    fine = hu - ndimage.gaussian_filter(hu, (0, 1.6, 1.6), truncate=2.5)
    for half, where in (("upper", a.grid.z < a.build.carina_z + 15), ("lower", a.grid.z >= a.build.carina_z + 15)):
        zone = lung & where & (weight > 0.5)
        yield f"{half} patchiness hu", patches[zone].std() if zone.any() else 0.0
        yield f"{half} density spread hu", np.subtract(*np.percentile(hu[zone], (90, 10))) if zone.any() else 0.0
        for near, ring in (("rim", depth < 25), ("deep", depth >= 25)):
            there = pleural & where & ring & (hu < -300)
            total = max(1.0, float(there.sum()))
            yield f"{half} {near} net share", (there & (fine > 60)).sum() / total
            yield f"{half} {near} fine net share", (there & (fine > 25)).sum() / total
            yield f"{half} {near} hole share", (there & (fine < -25)).sum() / total
            yield f"{half} {near} below 950 share", (there & (hu < -948)).sum() / total
