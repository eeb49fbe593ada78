"""What was painted for each finding: where, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ctflow.phantom.grid import Box, Field, Grid
from ctflow.phantom.truth import Truth


@dataclass
class Ledger:
    """A mask of 1 + the index of each finding, and its ml and centre."""

    grid: Grid
    mask: np.ndarray = field(init=False)
    sums: dict[int, np.ndarray] = field(default_factory=dict)  # index -> ml, and ml-weighted (z, y, x)

    def __post_init__(self) -> None:
        self.mask = np.zeros(self.grid.shape, np.uint8)

    def mark(self, index: int, alpha: Field, box: Box) -> None:
        """Book ``alpha`` (0..1), the finding's share of each voxel of ``box`` of the (fine) grid."""
        self.mask[box][alpha > 0.5] = index + 1
        g = self.grid.crop(box)
        ml = alpha.sum(dtype=np.float64) * voxel_ml(self.grid)
        if not ml:
            return
        profiles = (alpha.sum((1, 2)), alpha.sum((0, 2)), alpha.sum((0, 1)))
        centre = [float(p @ a.ravel()) / float(p.sum()) for p, a in zip(profiles, (g.z, g.y, g.x), strict=True)]
        self.sums[index] = self.sums.get(index, np.zeros(4)) + ml * np.array([1.0, *centre])

    def measured(self, truth: Truth) -> Truth:
        """The truth with the ml and the centre of all that was marked; slice 0 is at z = 0, and LPS grows upwards."""
        findings = list(truth.findings)
        for index, (ml, z, y, x) in self.sums.items():
            centre = (round(float(x / ml), 1), round(float(y / ml), 1), round(float(-z / ml), 1))
            told = {} if findings[index].ml is None else {"ml": round(float(ml), 1)}  # a report tells what found room
            findings[index] = replace(findings[index], found_ml=round(float(ml), 3), centre_mm=centre, **told)
        return replace(truth, findings=tuple(findings))


def voxel_ml(g: Grid) -> float:
    """Volume of one voxel."""
    return float(np.prod([a.ravel()[1] - a.ravel()[0] for a in (g.z, g.y, g.x)])) / 1000.0
