"""What was painted for each finding: where, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ctflow.phantom.grid import Box, Field, Grid
from ctflow.phantom.truth import Truth


@dataclass
class Ledger:
    """A mask of 1 + the index of each finding, the last marked on top, and what was marked: (index, shares, box)."""

    grid: Grid
    mask: np.ndarray = field(init=False)
    marks: list[tuple[int, Field, Box]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.mask = np.zeros(self.grid.shape, np.uint8)

    def mark(self, index: int, alpha: Field, box: Box) -> None:
        """Book ``alpha`` (0..1), the finding's share of each voxel of ``box`` of the (fine) grid."""
        self.mask[box][alpha > 0.5] = index + 1
        self.marks.append((index, alpha, box))

    def measured(self, truth: Truth) -> Truth:
        """The truth with the ml and the centre of all that was marked and that no later finding lies over.

        Slice 0 is at z = 0, and LPS grows upwards.
        """
        sums = np.zeros((len(truth.findings), 4))  # ml, and ml-weighted (z, y, x)
        for index, alpha, box in self.marks:
            seen = alpha * ((self.mask[box] == 0) | (self.mask[box] == index + 1))
            g = self.grid.crop(box)
            profiles = (seen.sum((1, 2)), seen.sum((0, 2)), seen.sum((0, 1)))
            centred = [float(p @ a.ravel()) for p, a in zip(profiles, (g.z, g.y, g.x), strict=True)]
            sums[index] += voxel_ml(self.grid) * np.array([seen.sum(dtype=np.float64), *centred])
        findings = list(truth.findings)
        for index in {index for index, _, _ in self.marks}:
            ml, *weighted = sums[index].tolist()
            told = {} if findings[index].ml is None else {"ml": round(ml, 1)}  # a report tells what found room
            z, y, x = weighted
            centre = (round(x / ml, 1), round(y / ml, 1), round(-z / ml, 1)) if ml else None
            findings[index] = replace(findings[index], found_ml=round(ml, 3), centre_mm=centre, **told)
        return replace(truth, findings=tuple(findings))


def voxel_ml(g: Grid) -> float:
    """Volume of one voxel."""
    return float(np.prod([a.ravel()[1] - a.ravel()[0] for a in (g.z, g.y, g.x)])) / 1000.0
