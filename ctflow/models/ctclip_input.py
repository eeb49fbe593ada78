"""What goes into CT-CLIP: a volume on its grid, the text of a report, and the prompts of its labels.

Arrays here are (slices, x, y): slices towards the head, x to the patient's left, y to the back, as in CT-RATE's files.
"""

from collections.abc import Callable, Iterable
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ctflow.models.ctclip import CTClipConfig
from ctflow.report import Report
from ctflow.volume import Volume

HU_RANGE = 1000  # of either sign
CT_RATE_AXES: tuple[Literal["S"], Literal["L"], Literal["P"]] = ("S", "L", "P")  # towards which its arrays run
GridSize = tuple[int, int, int]
Spacing = tuple[float, float, float]


def prompts(labels: Iterable[str]) -> list[tuple[str, str]]:
    """For each label, the sentence that it is there and the sentence that it is not."""
    return [(f"{label} is present.", f"{label} is not present.") for label in labels]


def clip_text(report: Report) -> str:
    """A report as CT-CLIP's own inference reads it: joined without a space, quotes and brackets removed."""
    parts = ("" if part == "Not given." else part for part in (report.findings, report.impression))
    return "".join(parts).translate(dict.fromkeys(map(ord, "\"'()")))


def clip_input(volume: Volume, config: CTClipConfig) -> Tensor:
    """A volume -> (1, 1, slices, x, y) in [-1, 1], as CT-CLIP's inference prepares it, for labels."""
    hu, spacing_mm = volume.along(CT_RATE_AXES)
    return on_clip_grid(hu, spacing_mm, config.input_size, config.spacing_mm)[None]


def challenge_input(volume: Volume, config: CTClipConfig) -> Tensor:
    """A volume -> (1, 1, slices, x, y), as the VLM3D challenge prepares it, for the CLIP score."""
    hu, spacing_mm = volume.along(CT_RATE_AXES)
    return on_challenge_grid(hu, spacing_mm, config.input_size, config.spacing_mm)[None, None] / HU_RANGE


def on_clip_grid(hu: np.ndarray, spacing_mm: Spacing, size: GridSize, target_mm: Spacing) -> Tensor:
    """(slices, x, y) HU -> (1, *size) float32 in [-1, 1], cropped and padded with air about its centre.

    Sizes are rounded down, and everything is float64 until the end.
    """
    resampled = _resampled(hu.astype(np.float64), spacing_mm, target_mm, int)
    return _centred((resampled / HU_RANGE).float(), size, -1.0, extra_at_start=False)[None]


def on_challenge_grid(hu: np.ndarray, spacing_mm: Spacing, size: GridSize, target_mm: Spacing) -> Tensor:
    """(slices, x, y) HU -> `size` float32 HU. Padded with -1 HU: that is not air, but it is what the challenge does."""
    resampled = _resampled(hu.astype(np.float32), spacing_mm, target_mm, round)
    return _centred(resampled, size, -1.0, extra_at_start=True)


def _resampled(hu: np.ndarray, spacing_mm: Spacing, target_mm: Spacing, to_whole: Callable[[float], int]) -> Tensor:
    """Cuts to the range of HU, then interpolates trilinearly, without anti-aliasing.

    Spacings are rounded first: 0.6 mm as float32 in a header is a little more than 0.6, and would change a size that is
    rounded down by one.
    """
    steps = zip(hu.shape, (round(step, 6) for step in spacing_mm), target_mm, strict=True)
    size = [max(1, to_whole(count * (spacing / target))) for count, spacing, target in steps]
    values = torch.from_numpy(np.clip(hu, -HU_RANGE, HU_RANGE))[None, None]
    return F.interpolate(values, size=size, mode="trilinear", align_corners=False)[0, 0]


def _centred(values: Tensor, size: GridSize, fill: float, extra_at_start: bool) -> Tensor:
    """Crops and pads every axis about its centre. `extra_at_start`: whether an odd crop takes one more at the start."""
    padding: list[int] = []
    for count, target in zip(reversed(values.shape), reversed(size), strict=True):
        missing = target - count
        # Halves are rounded down. A crop is a negative padding, so its extra element is on the other side.
        before = missing // 2 if missing >= 0 or extra_at_start else -(-missing // 2)
        padding += [before, missing - before]
    return F.pad(values, padding, value=fill)
