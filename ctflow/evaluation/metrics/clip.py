"""The CLIP score: how near an image and its text, or two images, lie in the space of a pair of towers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ctflow.errors import RequestError
from ctflow.evaluation.metrics.features import Features

LIMITS = (0.0, 100.0)


def clip_scores(one: ArrayLike, other: ArrayLike) -> Features:
    """Row by row, 100 times the cosine of two latents (samples, dimensions), and 0 where it is negative.

    As the VLM3D challenge counts it: without the temperature. Raises RequestError for rows that do not pair.
    """
    a, b = np.asarray(one, np.float64), np.asarray(other, np.float64)
    if a.shape != b.shape or a.ndim != 2:
        raise RequestError(f"A CLIP score is of latents in pairs; got shapes {a.shape} and {b.shape}.")
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    if not (lengths > 0).all():
        raise RequestError("A latent of length 0 points nowhere, so it has no CLIP score: look at its tower's weights.")
    return np.clip(100 * (a * b).sum(1) / lengths, *LIMITS)
