"""Pictures of volumes, to be looked at beside the table: three planes in two windows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ctflow.evaluation.obedience.measures.anatomy import standard
from ctflow.phantom.grid import PIXEL_MM, SIZE, SLICE_MM
from ctflow.volume import Volume
from ctflow.windows import WINDOWS, windowed

PLANE_PIXELS = 192  # each way, of a plane's square
PIXEL_OF_PICTURE_MM = SIZE * PIXEL_MM / PLANE_PIXELS
PER_ROW = 2


def save_picture(volume: Volume, path: Path) -> None:
    """Saves an axial, a coronal and a sagittal slice, in the lung window and in the mediastinal one, as PNG."""
    hu = standard(volume)
    planes = (hu[int(0.55 * len(hu))], hu[:, 128], hu[:, :, 100])
    rows = [np.concatenate([_square(windowed(plane, window)) for plane in planes], 1) for window in WINDOWS[:2]]
    Image.fromarray(np.concatenate(rows)).save(path)


def _square(grey: np.ndarray) -> np.ndarray:
    """A plane in true proportions; one that is not as high as a square is padded with black, or squeezed if higher."""
    row_mm = PIXEL_MM if grey.shape[0] == SIZE else SLICE_MM
    height = min(PLANE_PIXELS, round(grey.shape[0] * row_mm / PIXEL_OF_PICTURE_MM))
    picture = Image.fromarray(grey).resize((PLANE_PIXELS, height), Image.Resampling.BILINEAR)
    return np.pad(np.asarray(picture), ((0, PLANE_PIXELS - height), (0, 0)))


def join_pictures(paths: Sequence[Path], path: Path) -> None:
    """Joins several pictures of `save_picture` into one; writes nothing if there are none."""
    pictures = [np.asarray(Image.open(one)) for one in paths]
    if not pictures:
        return
    pictures += [np.zeros_like(pictures[0])] * (-len(pictures) % PER_ROW)
    rows = [np.concatenate(pictures[i : i + PER_ROW], 1) for i in range(0, len(pictures), PER_ROW)]
    Image.fromarray(np.concatenate(rows)).save(path)
