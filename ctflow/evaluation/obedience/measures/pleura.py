"""Air and fluid against the chest wall: pneumothorax and pleural effusion."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from ctflow.evaluation.obedience.measures.anatomy import GRID_ML, Anatomy, Mask
from ctflow.evaluation.obedience.measures.bands import in_band, ml
from ctflow.phantom.grid import Field

PLEURAL_RIM_MM = 12.0  # from the ribs


def pleura(hu: Field, depth: Field, pleural: Mask, a: Anatomy) -> Iterator[tuple[str, float]]:
    """Air and fluid on each side, in front, in the middle and behind."""
    middle = a.build.spine_y + 36.0 - a.build.cage_half_depth
    smooth = ndimage.uniform_filter(hu, 3)
    flat = (smooth < -970) & (hu < -960)
    parts = {
        "front": a.grid.y < middle - 20,
        "mid": abs(a.grid.y - middle) <= 20,
        "back": a.grid.y > middle + 20,
    }
    for side, sign in (("right", -1), ("left", 1)):
        here = pleural & (sign * a.grid.x > 0)
        for part, where in parts.items():
            zone = here & where
            for near, ring in (("rim", depth < PLEURAL_RIM_MM), ("deep", depth >= PLEURAL_RIM_MM)):
                yield f"{side} side {part} {near} free air ml", ml(zone & ring & flat)
            yield f"{side} side {part} fluid ml", ml(zone & in_band(hu, "fluid"))
            yield f"{side} side {part} solid ml", ml(zone & in_band(hu, "solid"))
            yield f"{side} side {part} aerated ml", ml(zone & (hu < -600))
        largest = np.bincount(ndimage.label(here & flat)[0].ravel())[1:].max(initial=0)
        yield f"{side} side largest free air ml", largest * GRID_ML
        yield f"{side} side aerated share", (here & (hu < -600)).sum() / max(1, here.sum())
