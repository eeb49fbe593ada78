"""HU and model intensity: the only home of their constants and of the maps between them."""

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

AIR_HU = -1000
A = TypeVar("A", bound=Any)  # an array or a tensor: this file knows no torch


@dataclass(frozen=True)
class IntensityMap:
    """The straight line between model intensity and HU.

    Intensity `black` is `hu_black`, intensity `white` is `hu_white`. HU are cut to that range, because the model has
    seen nothing outside of it. Raises ValueError for ends that make no line, or for HU beyond int16.
    """

    black: float
    white: float
    hu_black: int
    hu_white: int

    def __post_init__(self) -> None:
        if not (self.black < self.white and -32768 <= self.hu_black < self.hu_white <= 32767):
            raise ValueError(
                "black must lie below white, in intensity and in HU, and HU must fit into int16; got "
                f"{self.black:g} to {self.white:g}, and {self.hu_black} to {self.hu_white} HU"
            )

    def to_intensity(self, hu: np.ndarray) -> np.ndarray:
        """HU of any shape and type -> float32 intensity, cut to [black, white]."""
        return self.to_intensity_like(np.asarray(hu)).astype(np.float32)

    def to_intensity_like(self, hu: A) -> A:
        """As `to_intensity`, but an array gives an array, a tensor a tensor, in the precision of its arithmetic."""
        share = (hu.clip(self.hu_black, self.hu_white) - self.hu_black) / (self.hu_white - self.hu_black)
        return self.black + share * (self.white - self.black)

    def to_hu(self, intensity: np.ndarray) -> np.ndarray:
        """Intensity of any shape -> int16 HU, rounded and cut to [hu_black, hu_white]."""
        share = (np.asarray(intensity, np.float64) - self.black) / (self.white - self.black)
        hu = self.hu_black + share * (self.hu_white - self.hu_black)
        return np.clip(np.rint(hu), self.hu_black, self.hu_white).astype(np.int16)
