"""What fills each lobe, by bands of HU."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from ctflow.evaluation.obedience.measures.anatomy import Anatomy, Mask
from ctflow.evaluation.obedience.measures.bands import BANDS, in_band, mean_over, ml
from ctflow.phantom.grid import Field
from ctflow.phantom.truth import LOBES


def lobes(hu: Field, pleural: Mask, a: Anatomy) -> Iterator[tuple[str, float]]:
    """What fills each lobe, and where in it its solid part lies."""
    cores = ndimage.binary_erosion(in_band(hu, "solid") & pleural, iterations=2)
    for index, (side, lobe) in enumerate(LOBES):
        here, name = pleural & (a.lobe == index), f"{side} {lobe}"
        total = max(1.0, float(here.sum()))
        for band in BANDS:
            inside = here & in_band(hu, band)
            yield f"{name} {band} ml", ml(inside)
            if band in ("lung", "ground glass"):
                yield f"{name} {band} share", inside.sum() / total
        core = here & cores
        yield f"{name} solid core ml", ml(core)
        yield f"{name} solid core off midline", mean_over(np.abs(a.grid.x), core)
        yield f"{name} solid core behind", mean_over(a.grid.y, core)
        yield f"{name} aerated hu", mean_over(hu, here & (hu < -600))
