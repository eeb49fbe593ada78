"""Calcified plaques in the walls of the aorta and its branches, and in the coronary arteries."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ctflow.phantom.finding_mask import FindingMask
from ctflow.phantom.grid import Canvas, Point, cone, coverage, segment_box
from ctflow.phantom.heart import coronary_paths
from ctflow.phantom.mediastinum import Mediastinum
from ctflow.phantom.truth import SIZES, Truth

AORTIC_PLAQUES = (6, 14, 30)
CORONARY_SHARE = (0.2, 0.45, 0.75)  # of a coronary artery's length
CORONARIES_CALCIFIED = (1, 2, 3)


def paint_calcium(
    canvas: Canvas, m: Mediastinum, truth: Truth, mask: FindingMask, streams: list[np.random.Generator]
) -> None:
    """Paint every plaque over what is there."""
    for index, finding in enumerate(truth.findings):
        grade, rng = SIZES.index(finding.size), streams[index]
        if finding.kind == "Arterial wall calcification":
            for line, r, hu in _aortic(m, AORTIC_PLAQUES[grade], rng):
                _plaque(canvas, mask, index, line, r, hu)
        elif finding.kind == "Coronary artery wall calcification":
            for line, r, hu in _coronary(m, grade, rng):
                _plaque(canvas, mask, index, line, r, hu)


def _plaque(canvas: Canvas, mask: FindingMask, index: int, line: Sequence[Point], radius: float, hu: float) -> None:
    for p, q in pairwise(line):
        box = canvas.grid.box(*segment_box(p, q, radius + 1.5))
        alpha = coverage(cone(canvas.grid.crop(box), p, q, radius, radius))
        view = canvas.hu[box]
        view += alpha * np.maximum(hu - view, 0)
        mask.add(index, alpha, box)


def _aortic(m: Mediastinum, count: int, rng: np.random.Generator) -> list[tuple[list[Point], float, float]]:
    """Plaques on the wall of the arch and of the descending aorta: (line, radius, HU)."""
    segments = m.aorta.segments()
    plaques = []
    for _ in range(count):
        # The arch is the commonest place.
        i = int(rng.choice(np.arange(3, 7))) if rng.random() < 0.5 else int(rng.integers(7, len(segments) - 1))
        p, q, rp, rq = segments[i]
        along = np.subtract(q, p) / (np.linalg.norm(np.subtract(q, p)) + 1e-6)
        aside = np.cross(along, rng.normal(0, 1, 3))
        aside /= np.linalg.norm(aside) + 1e-6
        t = rng.random()
        at = np.asarray(p) + t * np.subtract(q, p) + aside * (rp + t * (rq - rp) - 0.8)
        around = np.cross(along, aside)
        way = (along * rng.normal(0, 1) + around * rng.normal(0, 1)) * rng.uniform(1.5, 6.0)
        bent = [at + s * way - aside * (0.6 * s * s) for s in (-0.6, 0.0, 0.6)]
        line: list[Point] = [(float(z), float(y), float(x)) for z, y, x in bent]
        plaques.append((line, float(rng.uniform(1.1, 2.0)), float(rng.uniform(500, 1100))))
    return plaques


def _coronary(m: Mediastinum, grade: int, rng: np.random.Generator) -> list[tuple[list[Point], float, float]]:
    """Plaques along the coronary arteries; the left anterior descending is the first to have them."""
    paths = list(coronary_paths(m.chambers).values())
    plaques = []
    for path in paths[: CORONARIES_CALCIFIED[grade]]:
        wanted, done = CORONARY_SHARE[grade] * len(path), 0
        while done < wanted:
            length = int(rng.integers(2, 5))
            first = int(rng.integers(1, len(path) - length))
            radius = float(rng.uniform(1.4, 1.8 + 0.3 * grade))
            plaques.append((path[first : first + length], radius, float(rng.uniform(450, 1000))))
            done += length
    return plaques
