"""The slice autoencoder: FLUX's A-VAE, an `AutoencoderKL` of diffusers, or a smaller one of the same class."""

import torch
from diffusers import AutoencoderKL, AutoencoderTiny
from torch import Tensor, nn

MAX_AT_ONCE = 4  # slices: on a CPU more is no faster, and between batches a caller can stop
MEMORY_BYTES = 512_000_000
FEATURE_MAPS = 4  # of the largest size, alive at the same time


class SliceDecoder(nn.Module):
    """Scaled latents, as the transformer sees them -> slices of model intensity. TAEF1 has scale 1 and shift 0."""

    def __init__(
        self,
        network: AutoencoderKL | AutoencoderTiny,
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
        return torch.cat([self.network.decode(batch).sample.mean(1, dtype=latents.dtype) for batch in batches])

    def slices_at_once(self, rows: int, columns: int) -> int:
        """How many slices go through the network together: at most `most_at_once`, whose feature maps take about
        `memory_bytes`."""
        widest = max(self.network.config.block_out_channels[:2])  # channels where the feature maps are largest
        map_bytes = rows * columns * widest * self.network.dtype.itemsize
        return min(self.most_at_once, max(1, self.memory_bytes // (FEATURE_MAPS * map_bytes)))


class AVAE(SliceDecoder):
    """Slices of model intensity <-> scaled latents. The code of a slice is the mean of its posterior."""

    def encode(self, slices: Tensor) -> Tensor:
        """(N, rows, columns) intensity -> (N, C, h, w) scaled latents."""
        pixels = slices[:, None].expand(-1, self.network.config.in_channels, -1, -1).to(self.network.dtype)
        batches = pixels.split(self.slices_at_once(*slices.shape[1:]))
        means = torch.cat([self.network.encode(batch).latent_dist.mean for batch in batches]).to(slices.dtype)
        return (means - self.shift) * self.scale

    def code_of(self, intensity: float, rows: int, columns: int) -> Tensor:
        """The scaled code (C, h, w) of a slice that has one intensity everywhere, as the black and the white one."""
        weight = next(self.network.parameters())
        return self.encode(torch.full((1, rows, columns), intensity, dtype=weight.dtype, device=weight.device))[0]
