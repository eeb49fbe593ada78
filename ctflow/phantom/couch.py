"""The couch that the patient lies on."""

from __future__ import annotations

import numpy as np

from ctflow.hu import AIR_HU
from ctflow.phantom.build import Build
from ctflow.phantom.grid import Field, Grid, coverage

SHELL_HU, FOAM_HU, MATTRESS_HU = 60.0, -965.0, -955.0
THICK_MM, SHELL_MM, HALF_WIDTH_MM, CURVE_MM = 34.0, 2.4, 178.0, 1100.0


def add_couch(picture: np.ndarray, b: Build) -> None:
    """Write a curved couch with a mattress under the back into int16 HU (slices, rows, columns), into all slices."""
    g = Grid.make(1)
    top = b.spine_y + 61.5 + 0.4 * b.fat
    y, x = g.y[0] - top + g.x[0] ** 2 / CURVE_MM, np.abs(g.x[0])
    edge = x - HALF_WIDTH_MM
    body = np.maximum(np.maximum(5.0 - y, y - THICK_MM * (1.0 - 0.5 * (x / HALF_WIDTH_MM) ** 4)), edge)
    couch: Field = np.full(body.shape, AIR_HU, np.float32)
    for distance, hu in (
        (np.maximum(np.maximum(-y, y - 5.0), edge + 15.0), MATTRESS_HU),
        (body, SHELL_HU),
        (body + SHELL_MM, FOAM_HU),
    ):
        couch += coverage(distance.astype(np.float32)) * (hu - couch)
    rows = np.flatnonzero((couch > AIR_HU).any(1))
    under = picture[:, rows[0] : rows[-1] + 1]
    np.maximum(under, couch[rows[0] : rows[-1] + 1].astype(np.int16), out=under)
