"""Latents to HU in the patient's axes: where a chunk becomes something to be seen."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ctflow.errors import VolumeError
from ctflow.generator import ChunkDone
from ctflow.hu import NOT_A_NUMBER, IntensityMap
from ctflow.model_grid import ModelGrid
from ctflow.runtime.decoding import PendingSlices, to_hu
from ctflow.runtime.engine import Engine


@dataclass(frozen=True, eq=False)
class PendingChunk:
    """Slices of a chunk that are being decoded."""

    chunk: int
    first_slice: int
    slices: PendingSlices


class ChunkDecoder:
    """Decodes on an engine. `device`: its name, for errors."""

    def __init__(self, engine: Engine, grid: ModelGrid, intensity: IntensityMap, device: str) -> None:
        self._engine, self._grid, self._intensity, self._device = engine, grid, intensity, device

    def begin(self, chunk: int, first_slice: int, latents: Tensor) -> Iterator[PendingChunk]:
        """Begins with latents (C, slices, H, W), a few slices at a time, as the pending ones are taken.

        A whole chunk may take longer than a step, and Stop is to be heard in between.
        """
        for some in latents.split(self._engine.slices_at_once, dim=1):
            if some.shape[1]:
                yield self.begin_at_once(chunk, first_slice, some)
                first_slice += some.shape[1]

    @torch.inference_mode()
    def begin_at_once(self, chunk: int, first_slice: int, latents: Tensor) -> PendingChunk:
        """As `begin`, but of all slices together."""
        slices = self._engine.decode(latents.transpose(0, 1), partial(to_hu, self._intensity))
        return PendingChunk(chunk, first_slice, slices)

    def done(self, pending: PendingChunk) -> ChunkDone:
        """Waits for the slices; rows go to the back, columns to the left. Raises VolumeError if any is no number."""
        slices = pending.slices.wait().numpy()
        if (slices == NOT_A_NUMBER).any():
            raise VolumeError(
                f"On {self._device}, chunk {pending.chunk + 1} holds values that are not numbers. On a GPU, "
                "try --device cpu, whose precision is higher; otherwise fetch the model again, because its weights "
                "are damaged."
            )
        return ChunkDone(pending.chunk, pending.first_slice, self._grid.to_volume(slices))
