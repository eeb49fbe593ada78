"""How a picture curves at given points, in three directions."""

from __future__ import annotations

import numpy as np

from ctflow.phantom.grid import Field


def curvatures(picture: Field, points: np.ndarray, spacing: tuple[float, float, float]) -> np.ndarray:
    """Points (n, 3), none on the border -> eigenvalues of the Hessian there (n, 3), rising, in HU per squared unit of
    `spacing`.

    A bright ball curves down in all three directions, a vessel in two, a plate in one.
    """

    def at(*step: int) -> np.ndarray:
        return picture[tuple((points + step).T)]

    steps = np.eye(3, dtype=int)
    hessian = np.empty((len(points), 3, 3))
    for i in range(3):
        for j in range(3):
            u, v = steps[i], steps[j]
            if i == j:
                second = at(*u) - 2 * at(0, 0, 0) + at(*-u)
            else:
                second = (at(*(u + v)) - at(*(u - v)) - at(*(v - u)) + at(*(-u - v))) / 4
            hessian[:, i, j] = second / (spacing[i] * spacing[j])
    return np.linalg.eigvalsh(hessian)
