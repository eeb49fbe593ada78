"""The middle of the chest: a hernia behind the heart, lymph nodes at their stations."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ctflow.evaluation.obedience.measures.anatomy import Anatomy
from ctflow.evaluation.obedience.measures.bands import in_band, ml
from ctflow.phantom.grid import Field

STATION_RADIUS_MM = 14.0


def mediastinum(hu: Field, depth: Field, a: Anatomy) -> Iterator[tuple[str, float]]:
    """What a hernia is filled with, and solid tissue, fat and air at each station of nodes and over all."""
    yield from _hernia(hu, depth, a)
    yield from _nodes(hu, a)
    g, b = a.grid, a.build
    all_of_it = (a.space < 6) & (a.heart > 4) & (depth > 6) & (g.z < b.carina_z + 45) & (g.z > 0.1 * b.length)
    yield "mediastinum solid ml", ml(all_of_it & (hu > 10) & (hu < 75))
    yield "mediastinum fat ml", ml(all_of_it & (hu > -140) & (hu < -30))


def _hernia(hu: Field, depth: Field, a: Anatomy) -> Iterator[tuple[str, float]]:
    g, b = a.grid, a.build
    behind = (abs(g.x - 6) < 34) & (g.y > 0) & (g.y < b.spine_y - 16) & (g.z > b.dome_left_z - 70) & (depth > 8)
    hernia = behind & (g.z < b.dome_left_z + 8)
    near = hernia & (abs(g.x - 6) < 16) & (g.z > b.dome_left_z - 40)
    fillings = {
        "gas": hu < -900,
        "content": in_band(hu, "fluid"),
        "wall": (hu > 28) & (hu < 60),
        "fat": (hu > -130) & (hu < -40),
        "lung": (hu < -700) & (hu > -900),
    }
    for name, mask in fillings.items():
        yield f"hernia {name} ml", ml(hernia & mask)
        yield f"hernia near {name} ml", ml(near & mask)


def _nodes(hu: Field, a: Anatomy) -> Iterator[tuple[str, float]]:
    g, carina, spine = a.grid, a.build.carina_z, float(a.build.kyphosis(np.asarray(a.build.carina_z)))
    stations = {  # z, y, x of their centres, mm
        "4R": (carina - 16, -2, -22),
        "7": (carina + 20, spine - 34, 1),
        "5": (carina - 6, -18, 36),
        "4L": (carina - 14, 8, 13),
        "3A": (carina - 30, -38, 2),
        "10R": (carina + 26, 12, -50),
        "10L": (carina + 20, 14, 54),
    }
    for name, (z, y, x) in stations.items():
        ball = (g.z - z) ** 2 + (g.y - y) ** 2 + (g.x - x) ** 2 < STATION_RADIUS_MM**2
        yield f"station {name} solid ml", ml(ball & (hu > 10) & (hu < 75))
        yield f"station {name} fat ml", ml(ball & (hu > -140) & (hu < -30))
        yield f"station {name} air ml", ml(ball & (hu < -500))
