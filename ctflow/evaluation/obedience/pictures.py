"""Pictures of volumes for tables: three planes in two windows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ctflow.evaluation.obedience.anatomy import standard
from ctflow.hu import WINDOWS, windowed
from ctflow.volume import Volume

SIDE = 192  # pixels of each plane
PER_ROW = 2


def save_picture(volume: Volume, path: Path) -> None:
    """An axial, a coronal and a sagittal slice, in the lung and in the mediastinal window, as PNG."""
    hu = standard(volume)
    planes = (hu[int(0.55 * len(hu))], hu[:, 128], hu[:, :, 100])
    rows = [np.concatenate([_square(windowed(plane, window)) for plane in planes], 1) for window in WINDOWS[:2]]
    Image.fromarray(np.concatenate(rows)).save(path)


def _square(grey: np.ndarray) -> np.ndarray:
    """Scaled to SIDE pixels of 2 mm each way; slices are twice as far apart as pixels."""
    height = SIDE if grey.shape[0] == 256 else min(SIDE, round(grey.shape[0] * 3.0 / 384 * SIDE))
    picture = Image.fromarray(grey).resize((SIDE, height), Image.Resampling.BILINEAR)
    return np.pad(np.asarray(picture), ((0, SIDE - height), (0, 0)))


def join_pictures(paths: Sequence[Path], path: Path) -> None:
    """Several pictures of `save_picture` as one."""
    pictures = [np.asarray(Image.open(one)) for one in paths]
    if not pictures:
        return
    pictures += [np.zeros_like(pictures[0])] * (-len(pictures) % PER_ROW)
    rows = [np.concatenate(pictures[i : i + PER_ROW], 1) for i in range(0, len(pictures), PER_ROW)]
    Image.fromarray(np.concatenate(rows)).save(path)
