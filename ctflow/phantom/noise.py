"""Noise: like that of a CT's reconstruction, and smooth for textures."""

from __future__ import annotations

import numpy as np

from ctflow.hu import AIR_HU
from ctflow.phantom.grid import CACHED_SLICES, MAX_HU, Field, Grid


def add_noise(clean: np.ndarray, sd: float, rng: np.random.Generator) -> np.ndarray:
    """Return int16 HU with noise of ``sd`` HU, which is correlated between neighbours in a slice."""
    noisy = np.empty(clean.shape, np.int16)
    for first in range(0, clean.shape[0], CACHED_SLICES):
        part = clean[first : first + CACHED_SLICES]
        noise = _smooth(_smooth(rng.standard_normal(part.shape, dtype=np.float32), 1), 2)
        noise *= sd / 0.375  # what the two kernels (1, 2, 1) / 4 leave of unit noise
        noise += part
        np.clip(noise, AIR_HU, MAX_HU, out=noise)
        noisy[first : first + CACHED_SLICES] = np.rint(noise, out=noise)
    return noisy


def smooth_noise(g: Grid, size_mm: float, rng: np.random.Generator) -> Field:
    """Smooth noise of about unit sd over ``g``, with features some ``size_mm`` wide."""
    axes = [a.ravel() for a in (g.z, g.y, g.x)]
    at = [(axis - axis[0]) / size_mm if axis.size else axis for axis in axes]
    noise = rng.standard_normal([int(a[-1]) + 3 if a.size else 3 for a in at], dtype=np.float32)
    for axis, position in enumerate(at):
        knots = np.arange(noise.shape[axis], dtype=np.float32)
        # linear interpolation as a matrix
        weights = np.clip(1.0 - np.abs(position[:, None] - knots), 0, 1).astype(np.float32)
        noise = np.moveaxis(np.tensordot(noise, weights, (axis, 1)), -1, axis)
    return 1.6 * np.ascontiguousarray(noise)


def _smooth(a: Field, axis: int) -> Field:
    out = a * 0.5
    part = np.moveaxis(a, axis, -1) if axis != a.ndim - 1 else a
    view = np.moveaxis(out, axis, -1) if axis != a.ndim - 1 else out
    view[..., 1:] += 0.25 * part[..., :-1]
    view[..., :-1] += 0.25 * part[..., 1:]
    return out
