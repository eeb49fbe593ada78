"""HU and model intensity: the only home of their constants and of the maps between them."""

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

AIR_HU = -1000
NOT_A_NUMBER = -32768  # stands, among HU, for an intensity that is no number: int16 has none for that
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
        if not (self.black < self.white and NOT_A_NUMBER < self.hu_black < self.hu_white <= 32767):
            raise ValueError(
                "black must lie below white, in intensity and in HU, and HU must be from -32767 to 32767; got "
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
        return self.to_whole_hu_like(np.asarray(intensity, np.float64)).astype(np.int16)

    def to_whole_hu_like(self, intensity: A) -> A:
        """As `to_hu`, but an array gives an array, a tensor a tensor, still as float64, which `intensity` must be."""
        share = (intensity - self.black) / (self.white - self.black)
        hu = self.hu_black + share * (self.hu_white - self.hu_black)
        return hu.round().clip(self.hu_black, self.hu_white)
