"""The slice autoencoder: FLUX's A-VAE, or a smaller one of its class, and TAEF1, a faster decoder."""

from typing import Any

import torch
from torch import Tensor, nn

from ctflow.models.autoencoder_kl import AutoencoderKL

MAX_AT_ONCE = 4  # slices: on a CPU more is no faster, and between batches a caller can stop
MEMORY_BYTES = 512_000_000
FEATURE_MAPS = 4  # of the largest size, alive at the same time


class SliceDecoder(nn.Module):
    """Scaled latents, as the transformer sees them -> slices of model intensity.

    `network`: its `decode` makes images of latents; an `AutoencoderKL`, but for `TAEF1`.
    """

    def __init__(
        self,
        network: Any,
        scale: float,
        shift: float,
        memory_bytes: int = MEMORY_BYTES,
        most_at_once: int = MAX_AT_ONCE,
    ) -> None:
        super().__init__()
        self.network, self.scale, self.shift = network, scale, shift
        self.memory_bytes, self.most_at_once = memory_bytes, most_at_once

    @property
    def halvings(self) -> int:
        """How often the plane is halved on the way to latents."""
        return len(self.network.config.block_out_channels) - 1

    def decode(self, latents: Tensor) -> Tensor:
        """(N, C, h, w) scaled latents -> (N, rows, columns) intensity, the mean over the decoder's channels."""
        rows, columns = (size << self.halvings for size in latents.shape[2:])
        batches = (latents / self.scale + self.shift).to(self.network.dtype).split(self.slices_at_once(rows, columns))
        # The mean is taken in the latents' precision: rounding it to bf16 too would cost 5 HU of a range of 2400.
        return torch.cat([self.images(batch).mean(1, dtype=latents.dtype) for batch in batches])

    def images(self, latents: Tensor) -> Tensor:
        """(N, C, h, w) unscaled latents -> (N, channels, rows, columns)."""
        return self.network.decode(latents)

    def slices_at_once(self, rows: int, columns: int) -> int:
        """How many slices go through the network together: at most `most_at_once`, whose feature maps take about
        `memory_bytes`."""
        widest = max(self.network.config.block_out_channels[:2])  # channels where the feature maps are largest
        map_bytes = rows * columns * widest * self.network.dtype.itemsize
        return min(self.most_at_once, max(1, self.memory_bytes // (FEATURE_MAPS * map_bytes)))


class TAEF1(SliceDecoder):
    """A small decoder of FLUX's latents, an AutoencoderTiny of diffusers, which decodes the scaled ones as they are."""

    def __init__(self, network: Any) -> None:
        super().__init__(network, scale=1.0, shift=0.0)

    def images(self, latents: Tensor) -> Tensor:
        return self.network.decode(latents).sample


class AVAE(SliceDecoder):
    """Slices of model intensity <-> scaled latents. The code of a slice is the mean of its posterior."""

    network: AutoencoderKL

    def encode(self, slices: Tensor) -> Tensor:
        """(N, rows, columns) intensity -> (N, C, h, w) scaled latents."""
        pixels = slices[:, None].expand(-1, self.network.config.in_channels, -1, -1).to(self.network.dtype)
        batches = pixels.split(self.slices_at_once(*slices.shape[1:]))
        means = torch.cat([self.network.encode(batch).mean for batch in batches]).to(slices.dtype)
        return (means - self.shift) * self.scale

    def code_of(self, intensity: float, rows: int, columns: int) -> Tensor:
        """The scaled code (C, h, w) of a slice that has one intensity everywhere, as the black and the white one."""
        weight = next(self.network.parameters())
        return self.encode(torch.full((1, rows, columns), intensity, dtype=weight.dtype, device=weight.device))[0]
