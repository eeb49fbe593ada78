"""Where each finding was painted, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ctflow.phantom.grid import Box, Field, Grid
from ctflow.phantom.truth import Truth


@dataclass
class FindingMask:
    """``voxels``: 1 + the index of the finding that was added last, 0 for none. ``parts``: (index, shares, box)."""

    grid: Grid
    voxels: np.ndarray = field(init=False)
    parts: list[tuple[int, Field, Box]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.voxels = np.zeros(self.grid.shape, np.uint8)

    def add(self, index: int, alpha: Field, box: Box) -> None:
        """Note that a part of finding ``index`` fills ``alpha`` (0..1) of each voxel of ``box`` of the (fine) grid."""
        self.voxels[box][alpha > 0.5] = index + 1
        self.parts.append((index, alpha, box))

    def measured(self, truth: Truth) -> Truth:
        """The truth with the ml and the centre of each finding, without what a later finding covers.

        Slice 0 is at z = 0, and LPS grows upwards.
        """
        sums = np.zeros((len(truth.findings), 4))  # ml, and ml-weighted (z, y, x)
        for index, alpha, box in self.parts:
            seen = alpha * ((self.voxels[box] == 0) | (self.voxels[box] == index + 1))
            g = self.grid.crop(box)
            profiles = (seen.sum((1, 2)), seen.sum((0, 2)), seen.sum((0, 1)))
            centred = [float(p @ a.ravel()) for p, a in zip(profiles, (g.z, g.y, g.x), strict=True)]
            sums[index] += self.grid.voxel_ml * np.array([seen.sum(dtype=np.float64), *centred])
        findings = list(truth.findings)
        for index in {index for index, _, _ in self.parts}:
            ml, z, y, x = sums[index].tolist()
            centre = (round(x / ml, 1), round(y / ml, 1), round(-z / ml, 1)) if ml else None
            findings[index] = replace(findings[index], found_ml=round(ml, 3), centre_mm=centre)
            if findings[index].ml is not None:
                findings[index] = replace(findings[index], ml=round(ml, 1))  # the report gives what found room
        return replace(truth, findings=tuple(findings))
