"""Noise as a CT's reconstruction leaves it: Gaussian, correlated over neighbouring pixels."""

from __future__ import annotations

import numpy as np

from ctflow.phantom.grid import AIR_HU, CACHED_SLICES, MAX_HU, Field


def add_noise(clean: np.ndarray, sd: float, rng: np.random.Generator) -> np.ndarray:
    """Return int16 HU with noise of ``sd`` HU; neighbours in plane correlate, slices hardly."""
    noisy = np.empty(clean.shape, np.int16)
    for first in range(0, clean.shape[0], CACHED_SLICES):
        part = clean[first : first + CACHED_SLICES]
        noise = _smooth(_smooth(rng.standard_normal(part.shape, dtype=np.float32), 1), 2)
        noise *= sd / 0.375  # what the two kernels (1, 2, 1) / 4 leave of unit noise
        noise += part
        np.clip(noise, AIR_HU, MAX_HU, out=noise)
        noisy[first : first + CACHED_SLICES] = np.rint(noise, out=noise)
    return noisy


def _smooth(a: Field, axis: int) -> Field:
    out = a * 0.5
    part = np.moveaxis(a, axis, -1) if axis != a.ndim - 1 else a
    view = np.moveaxis(out, axis, -1) if axis != a.ndim - 1 else out
    view[..., 1:] += 0.25 * part[..., :-1]
    view[..., :-1] += 0.25 * part[..., 1:]
    return out
