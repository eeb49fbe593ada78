"""How decoded slices come to the CPU: at once, or later, while the device goes on with other work."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ctflow.hu import NOT_A_NUMBER, IntensityMap

Decode = Callable[[Tensor], Tensor]  # scaled latents (N, C, h, w) -> intensity (N, rows, columns), on the device
Finish = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class PendingSlices:
    """Decoded slices (N, rows, columns) on the CPU, now or later: `ready` says whether `wait` returns at once."""

    ready: Callable[[], bool]
    wait: Callable[[], Tensor]


def as_decoded(slices: Tensor) -> Tensor:
    """Intensity, as the decoder gives it."""
    return slices


class Decoding(Protocol):
    """Starts decoding."""

    def __call__(self, latents: Tensor, finish: Finish = as_decoded) -> PendingSlices:
        """Scaled latents (N, C, h, w) -> what `finish` makes, on the device, of the intensity."""
        ...


def blocking(decode: Decode) -> Decoding:
    """Decodes before anything else is done."""

    def run(latents: Tensor, finish: Finish = as_decoded) -> PendingSlices:
        slices = finish(decode(latents)).cpu()
        return PendingSlices(ready=lambda: True, wait=lambda: slices)

    return run


def in_full_batches(decode: Decode, size: int) -> Decode:
    """Decodes `size` slices at a time, whatever is asked for: what is missing is filled up and thrown away.

    So only one shape has to be compiled, or its convolutions planned, and a slice's last bits do not depend on how many
    others there are.
    """

    def run(latents: Tensor) -> Tensor:
        batches = latents.split(size)
        return torch.cat([decode(_filled_up(batch, size))[: len(batch)] for batch in batches])

    return run


def _filled_up(batch: Tensor, size: int) -> Tensor:
    """Contiguous, too, because compiled code is made for one layout of what it is given."""
    missing = size - len(batch)
    whole = torch.cat([batch, batch[-1:].expand(missing, *batch.shape[1:])]) if missing else batch
    return whole.contiguous()


def most_that_divide(slices: int, limit: int) -> int:
    """The largest number up to `limit` (at least 1) that divides a chunk's slices, so that no batch is filled up."""
    return max(size for size in range(1, min(slices, limit) + 1) if slices % size == 0)


def to_hu(intensity_map: IntensityMap, intensity: Tensor) -> Tensor:
    """Intensity -> int16 HU on the same device, as `IntensityMap.to_hu`, and NOT_A_NUMBER for what is no number.

    Whether there was any can then be asked on the CPU, without another wait for the device.
    """
    hu = intensity_map.to_whole_hu_like(intensity.double()).to(torch.int16)
    return torch.where(intensity.isfinite(), hu, NOT_A_NUMBER)
