"""Procedural chest CTs in HU with matching reports: material for training and tests, without any patient's data.

``make_phantom(seed)`` is all that most callers need. Training of the text encoder uses ``draw_truth`` and
``write_report``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ctflow.phantom.anatomy import render
from ctflow.phantom.build import Build, draw_build
from ctflow.phantom.grid import PIXEL_MM, SIZE, SLICE_MM
from ctflow.phantom.noise import add_noise
from ctflow.phantom.phrasing import Phrasings, sentence_in_both_lungs, sentence_without_place, sentences_about
from ctflow.phantom.rates import draw_finding, draw_truth
from ctflow.phantom.reports import write_plainly, write_report
from ctflow.phantom.truth import (
    EFFUSION_ML,
    KINDS,
    SIZES,
    SLOTS,
    Finding,
    Kind,
    Site,
    Size,
    Truth,
    amounts,
    effusions,
    grades,
    sites_of,
)
from ctflow.report import Report
from ctflow.volume import Volume

__all__ = [
    "EFFUSION_ML",
    "KINDS",
    "SIZES",
    "SLOTS",
    "Build",
    "Finding",
    "Kind",
    "Phantom",
    "Phrasings",
    "Site",
    "Size",
    "Truth",
    "affine",
    "amounts",
    "draw_build",
    "draw_finding",
    "draw_truth",
    "effusions",
    "grades",
    "make_phantom",
    "render",
    "sentence_in_both_lungs",
    "sentence_without_place",
    "sentences_about",
    "sites_of",
    "write_plainly",
    "write_report",
]


@dataclass(frozen=True, eq=False)
class Phantom:
    """``volume`` carries noise; ``clean``, int16 of the same shape, is the picture without noise.

    ``mask``, uint8 of the same shape: 1 + the index in ``truth.findings`` of the finding there, or of the one painted
    last; findings all over the lungs (emphysema, mosaic attenuation, septa) are not in it.
    """

    volume: Volume
    clean: np.ndarray
    mask: np.ndarray
    report: Report
    truth: Truth


def affine() -> np.ndarray:
    """(slice, row, column, 1) -> LPS mm: slices run down, rows to the back, columns to the patient's left."""
    to_lps = np.zeros((4, 4))
    middle = (SIZE - 1) / 2 * PIXEL_MM
    to_lps[0, 2], to_lps[0, 3] = PIXEL_MM, -middle
    to_lps[1, 1], to_lps[1, 3] = PIXEL_MM, -middle
    to_lps[2, 0] = -SLICE_MM
    to_lps[3, 3] = 1.0
    return to_lps


def make_phantom(seed: int, *, study: int = 0, truth: Truth | None = None) -> Phantom:
    """Make the phantom of ``seed``. The same seed gives the same bytes.

    Each further ``study`` of a seed shows the same person with other findings. ``truth`` replaces the drawn findings
    and keeps the person (if of the same sex), for comparisons and tests.
    """
    # Separate random streams, so that the findings do not change who is examined.
    findings, person, tissue, words, grain, places = np.random.default_rng(seed).spawn(6)
    wanted = _draw_study(findings, study) if truth is None else truth
    clean, mask, found = render(draw_build(person, wanted.sex), wanted, tissue, places)
    hu = add_noise(clean, float(grain.uniform(14.0, 20.0)), grain)
    report = write_report(found, words)
    return Phantom(volume=Volume(hu, affine()), clean=clean, mask=mask, report=report, truth=found)


def _draw_study(rng: np.random.Generator, study: int) -> Truth:
    drawn = [draw_truth(rng) for _ in range(1 + study)]
    return replace(drawn[-1], sex=drawn[0].sex, age=drawn[0].age)
