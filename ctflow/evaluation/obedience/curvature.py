"""How a picture curves at points, in three directions."""

from __future__ import annotations

import numpy as np

from ctflow.phantom.grid import Field


def curvatures(picture: Field, points: np.ndarray, spacing: tuple[float, float, float]) -> np.ndarray:
    """Eigenvalues of the Hessian at points (n, 3), none on the border -> (n, 3), rising, in HU per square of the
    spacing's unit. A ball is bright and curves down in all three directions, a vessel in two, a plate in one."""

    def at(*step: int) -> np.ndarray:
        return picture[tuple((points + step).T)]

    steps = np.eye(3, dtype=int)
    hessian = np.empty((len(points), 3, 3))
    for i in range(3):
        for j in range(3):
            u, v = steps[i], steps[j]
            second = at(*u) - 2 * at(0, 0, 0) + at(*-u) if i == j else (
                at(*(u + v)) - at(*(u - v)) - at(*(v - u)) + at(*(-u - v))
            ) / 4  # fmt: skip
            hessian[:, i, j] = second / (spacing[i] * spacing[j])
    return np.linalg.eigvalsh(hessian)
