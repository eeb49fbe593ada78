"""The border of a slice, where nothing but air lies around a chest: white there is a volume that ends too late."""

import numpy as np

BORDER_PIXELS = 8
AIR_BELOW_HU = -900
# At most 0.09 of the border is above AIR_BELOW_HU in 2,100 slices of phantoms, at the shoulders.
GARBAGE_SHARE = 0.1


def border_shares(hu: np.ndarray) -> np.ndarray:
    """int16 HU (slices, rows, columns) -> (slices,): the share of the border's voxels that are above AIR_BELOW_HU."""
    border = np.ones(hu.shape[1:], bool)
    border[BORDER_PIXELS:-BORDER_PIXELS, BORDER_PIXELS:-BORDER_PIXELS] = False
    return (hu[:, border] > AIR_BELOW_HU).mean(axis=1)


def changes(hu: np.ndarray) -> np.ndarray:
    """int16 HU (slices, rows, columns) -> (slices,): mean absolute change from the slice before, NaN for the first."""
    change = np.abs(np.diff(hu.astype(np.float32), axis=0)).mean(axis=(1, 2))
    return np.concatenate([[np.nan], change])


def is_garbage(hu: np.ndarray) -> np.ndarray:
    """int16 HU (slices, rows, columns) -> (slices,): whether too much of a slice's border is no air."""
    return border_shares(hu) > GARBAGE_SHARE
