"""What a phantom contains: drawn first, then rendered by the anatomy and told by the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Size = Literal["none", "small", "moderate", "large"]
Sex = Literal["F", "M"]

# Millilitres per side. The gaps between the ranges keep the size words unambiguous.
EFFUSION_ML: dict[Size, tuple[float, float]] = {
    "none": (0.0, 0.0),
    "small": (50.0, 200.0),
    "moderate": (300.0, 600.0),
    "large": (800.0, 1500.0),
}
# right only, left only, both; the rest (50 %) has none
SIDE_ODDS = {"right": 0.20, "left": 0.15, "both": 0.15}


@dataclass(frozen=True, kw_only=True)
class Truth:
    """The facts of one phantom. A further finding is a further field whose default is "absent"."""

    effusion_right_ml: float = 0.0
    effusion_left_ml: float = 0.0
    effusion_right: Size = "none"
    effusion_left: Size = "none"
    sex: Sex = "M"
    age: int = 60

    @property
    def has_effusion(self) -> bool:
        return self.effusion_right != "none" or self.effusion_left != "none"


def _draw_size(rng: np.random.Generator) -> tuple[Size, float]:
    sizes: tuple[Size, ...] = ("small", "moderate", "large")
    size = sizes[int(rng.integers(3))]
    return size, float(rng.uniform(*EFFUSION_ML[size]))


def draw_truth(rng: np.random.Generator) -> Truth:
    """Draw sex, age and pleural effusions in the proportions of ``SIDE_ODDS``."""
    sides = ["none", *SIDE_ODDS]
    odds = [1.0 - sum(SIDE_ODDS.values()), *SIDE_ODDS.values()]
    side = sides[int(np.searchsorted(np.cumsum(odds), rng.random(), side="right").clip(0, 3))]
    # Both sides are always drawn, so that the sizes of a side do not depend on which other is affected.
    right, left = _draw_size(rng), _draw_size(rng)
    none: tuple[Size, float] = ("none", 0.0)
    right = right if side in ("right", "both") else none
    left = left if side in ("left", "both") else none
    return Truth(
        effusion_right=right[0],
        effusion_right_ml=right[1],
        effusion_left=left[0],
        effusion_left_ml=left[1],
        sex="F" if rng.random() < 0.5 else "M",
        age=int(rng.integers(25, 90)),
    )
