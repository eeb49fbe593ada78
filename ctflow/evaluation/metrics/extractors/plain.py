"""Measurements without a network: HU by tissue, the change from slice to slice, and a small picture of the volume."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ctflow.evaluation.metrics.extractor import NO_WEIGHTS, Found
from ctflow.evaluation.obedience.measures.bands import CHEST_RANGE_HU
from ctflow.evaluation.obedience.measures.seam import SLICES_PER_CHUNK, seam_index
from ctflow.evaluation.obedience.measures.thumbnail import thumbnail
from ctflow.model_grid import LEAST_HU, regrid
from ctflow.volume import Volume

NAME = "plain"
AXES = ("I", "P", "L")
# One grid for all: of thinner slices each changes less from the one before, and a smaller field has less air.
STEP_MM, PLANE = 1.5, (256, 256)
TISSUES, SLICE_CHANGE, SEAM, THUMBNAIL = "tissues", "slice change", "seam", "thumbnail"
# HU of what fills most of a chest; limits count as inside. Air around the patient and contrast belong to none.
TISSUE_HU = {"lung": (-950, -700), "fat": (-140, -30), "soft tissue": (0, 90), "bone": (180, 1000)}


class PlainExtractor:
    """An `Extractor` of HU alone."""

    name = NAME
    weights_sha256 = NO_WEIGHTS
    preparation = (
        f"tissues and slice change: padding below {LEAST_HU} HU made air, linear to {STEP_MM} mm, {PLANE[0]} x "
        f"{PLANE[1]} about the middle. tissues: of {TISSUE_HU} HU, first the shares of the voxels in per cent, then "
        f"the means in HU. slice change: mean absolute HU from slice to slice, cut to {CHEST_RANGE_HU}. seam: that of "
        f"the volume's own slices across the borders of chunks of {SLICES_PER_CHUNK}, over that beside them. "
        "thumbnail: the volume in small, without padding, in HU."
    )

    def features(self, volume: Volume) -> Found:
        """`tissues` (1, 2 · tissues), `slice change` and `seam` (1, 1), `thumbnail` (1, voxels)."""
        hu, seam = regrid(volume, AXES, (STEP_MM, STEP_MM, STEP_MM), PLANE).hu, seam_index(volume.turned(AXES))
        return {
            TISSUES: _tissues(hu)[None],
            SLICE_CHANGE: np.array([[_slice_change(hu)]], np.float32),
            SEAM: np.array([[np.nan if seam is None else seam]], np.float32),
            THUMBNAIL: thumbnail(volume).reshape(1, -1),
        }


def _tissues(hu: NDArray[np.int16]) -> NDArray[np.float32]:
    inside = [(hu >= low) & (hu <= high) for low, high in TISSUE_HU.values()]
    shares = [100 * float(mask.mean()) for mask in inside]
    means = [float(hu[mask].mean()) if mask.any() else np.nan for mask in inside]
    return np.array([*shares, *means], np.float32)


def _slice_change(hu: NDArray[np.int16]) -> float:
    """Slice by slice, because a whole scan in float would take four times its HU."""
    cut = np.clip(hu, *CHEST_RANGE_HU)
    changes = [np.abs(after.astype(np.int32) - before).mean() for before, after in pairwise(cut)]
    return float(np.mean(changes))
