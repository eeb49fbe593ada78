"""Display windows: the presets of the viewers and of our pictures, and HU as grey. To add a preset, add a line here.

The first two are used by their place. The page takes keys, buttons and help from this list.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Window:
    """A display window: `width` and `level` in HU. It never changes a volume."""

    name: str
    width: int
    level: int


WINDOWS = (
    Window("Lung", 1500, -600),
    Window("Mediastinum", 400, 40),
    Window("Soft tissue", 350, 50),
    Window("Bone", 2500, 480),
    Window("PE", 700, 100),
    Window("Wide", 2000, 0),
)


def windowed(hu: np.ndarray, window: Window) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """HU of any shape -> uint8 grey as a viewer shows it."""
    low = window.level - window.width / 2
    return np.clip((hu - low) * (255 / window.width), 0, 255).astype(np.uint8)
