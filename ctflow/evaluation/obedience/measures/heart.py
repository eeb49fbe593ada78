"""The size of the heart and what surrounds it; calcium and metal, there and elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ctflow.evaluation.obedience.measures.anatomy import GRID_MM, Anatomy
from ctflow.evaluation.obedience.measures.bands import in_band, mean_over, ml
from ctflow.phantom.grid import Field


def heart(hu: Field, depth: Field, a: Anatomy) -> Iterator[tuple[str, float]]:
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
        yield f"heart {name} fluid ml", ml(shell & in_band(hu, "fluid"))
        yield f"heart {name} solid ml", ml(shell & in_band(hu, "solid"))
        yield f"heart {name} fat ml", ml(shell & (hu > -130) & (hu < -40))
    solid = around & (hu > 20) & (a.heart < 30)
    yield "heart middle x", mean_over(g.x, solid)
    yield "heart middle y", mean_over(g.y, solid)


def _run_around(columns: np.ndarray, middle: int) -> int:
    """Length of the run of consecutive columns that contains, or is nearest to, the middle."""
    runs = np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1)
    return len(min(runs, key=lambda run: (min(abs(run - middle)), -len(run))))


def calcium(hu: Field, peak: Field, depth: Field, a: Anatomy) -> Iterator[tuple[str, float]]:
    """Calcium on the heart and along the aorta; metal anywhere."""
    g, b = a.grid, a.build
    inner = (depth > 9) & (a.above > -3)
    front = g.y < b.spine_y - 30
    arteries = {
        "heart": inner & front & (abs(a.heart + 1.0) < 16) & (g.z > b.carina_z + 12),
        "arch": inner & (g.y < b.spine_y - 22) & (abs(a.aorta) < 10) & (g.z < b.carina_z + 8),
        "descending aorta": inner & (abs(a.aorta) < 10) & (g.x > 8) & (g.z > b.carina_z)
        & (g.y < b.spine_y + 4) & (g.y > 0),
    }  # fmt: skip
    for name, zone in arteries.items():
        for low in (130, 300):
            yield f"{name} calcium {low} ml", ml(zone & (peak > low))
    soft = (a.ring < 1.5) & (depth < -4)
    devices = {
        "wall right": soft & (g.x < -40) & (g.y < 0),
        "wall left": soft & (g.x > 40) & (g.y < 0),
        "cava": (a.cava < 6) & (depth > 8),
        "trachea": (abs(a.trachea) < 5) & (depth > 8),
        "oesophagus": (a.oesophagus < 5) & (depth > 8),
        "right pleura": (depth > 6) & (a.space > 6) & (g.x < 0),
        "heart": (a.heart < -6) & (depth > 8),
        "sternum": (abs(g.x) < 14) & (g.y < -40),
    }
    for name, place in devices.items():
        zone = np.broadcast_to(place, peak.shape)
        yield f"{name} dense ml", ml(zone & (peak > 200))
        yield f"{name} metal ml", ml(zone & (peak > 900))
        yield f"{name} peak hu", np.sort(peak[zone])[-3:].mean() if zone.sum() > 2 else 0.0
    yield "metal ml", ml(peak > 1150)
    yield "mean metal ml", ml(hu > 1000)
