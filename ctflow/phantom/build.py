"""One person's build: every size and position that the anatomy needs, drawn once. All lengths in mm."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ctflow.phantom.grid import SLICE_MM
from ctflow.phantom.truth import Sex


@dataclass(frozen=True, kw_only=True)
class Build:
    """Sizes in mm and positions as in ``grid``; ``*_hu`` in HU."""

    slices: int
    female: bool
    cage_half_width: float  # inner rib cage at its widest
    cage_half_depth: float
    fat: float  # subcutaneous thickness
    spine_y: float  # centre of the mid-thoracic vertebral bodies
    apex_z: float  # top of the lungs
    dome_right_z: float
    dome_left_z: float
    dome_height: float  # from the top of a dome to its costophrenic angle
    carina_z: float
    heart_z: float
    heart_scale: float
    heart_shift: float  # to the left
    vessel_scale: float
    rib_spacing: float
    rib_phase: float
    rib_drop: float  # how far a rib descends from back to front
    lung_hu: float
    blood_hu: float
    liver_hu: float
    couch: bool

    @property
    def length(self) -> float:
        return self.slices * SLICE_MM

    def kyphosis(self, z: np.ndarray) -> np.ndarray:
        """y of the vertebral bodies' centre at height z: the thoracic curve, forwards at both ends."""
        t = z / self.length
        return (
            self.spine_y - 26.0 * np.clip(0.45 - t, 0, None) ** 1.5 / 0.45**1.5 - 40.0 * np.clip(t - 0.7, 0, None) ** 2
        )


def draw_build(rng: np.random.Generator, sex: Sex) -> Build:
    """Draw a person. Women are a little smaller and have more subcutaneous fat."""
    female = sex == "F"
    u = rng.uniform
    slices = int(rng.integers(76, 97))
    length = slices * SLICE_MM
    size = u(0.94, 1.05) * (0.95 if female else 1.03)
    dome = length * u(0.64, 0.69)
    return Build(
        slices=slices,
        female=female,
        cage_half_width=125.0 * size,
        cage_half_depth=86.0 * size * u(0.95, 1.07),
        fat=u(5, 16) + (4 if female else 0),
        spine_y=50.0 * size + u(-3, 3),
        apex_z=u(3, 9),
        dome_right_z=dome,
        dome_left_z=dome + u(8, 18),
        dome_height=u(52, 66),
        carina_z=length * u(0.345, 0.37),
        heart_z=dome - u(16, 24),
        heart_scale=size * u(0.92, 1.06),
        heart_shift=u(0, 10),
        vessel_scale=size * u(0.9, 1.12),
        rib_spacing=u(23, 26),
        rib_phase=u(0, 1),
        rib_drop=u(0.85, 1.1),
        lung_hu=u(-915, -866),
        blood_hu=u(36, 46),
        liver_hu=u(52, 66),
        couch=bool(u() < 0.8),
    )


def mean_build(slices: int) -> Build:
    """The mean person, with heights scaled to a volume of so many slices: what to expect where in a chest."""
    people = [draw_build(np.random.default_rng(seed), sex) for seed in range(50) for sex in ("F", "M")]
    length = slices * SLICE_MM

    def mean(name: str) -> float:
        scales = [length / person.length if name.endswith("_z") else 1.0 for person in people]
        return float(np.mean([getattr(person, name) * scale for person, scale in zip(people, scales, strict=True)]))

    means: dict[str, Any] = {field.name: mean(field.name) for field in fields(Build)}
    return Build(**(means | {"slices": slices, "female": False, "couch": False}))
