"""The slice autoencoder: FLUX's A-VAE, an `AutoencoderKL` of diffusers, or a smaller one of the same class."""

import torch
from diffusers import AutoencoderKL, AutoencoderTiny
from torch import Tensor, nn

MAX_AT_ONCE = 4  # more gain nothing, and a caller can stop in between
MEMORY_BYTES = 512_000_000
PICTURES = 4  # the largest ones that are alive together


class SliceDecoder(nn.Module):
    """Scaled latents, as the transformer sees them -> slices of model intensity. TAEF1 has scale 1 and shift 0."""

    def __init__(self, network: AutoencoderKL | AutoencoderTiny, scale: float, shift: float) -> None:
        super().__init__()
        self.network, self.scale, self.shift = network, scale, shift

    @property
    def halvings(self) -> int:
        """How often the plane is halved on the way to latents."""
        return len(self.network.config.block_out_channels) - 1

    def decode(self, latents: Tensor) -> Tensor:
        """(N, C, h, w) scaled latents -> (N, rows, columns) intensity, the mean over the decoder's channels."""
        rows, columns = (size << self.halvings for size in latents.shape[2:])
        batches = (latents / self.scale + self.shift).to(self.network.dtype).split(self.slices_at_once(rows, columns))
        # The mean in the latents' precision: one more rounding to bf16 is 5 HU of a range of 2400.
        return torch.cat([self.network.decode(batch).sample.mean(1, dtype=latents.dtype) for batch in batches])

    def slices_at_once(self, rows: int, columns: int) -> int:
        """How many slices go through the network together, so that it needs about MEMORY_BYTES for its pictures."""
        widest = max(self.network.config.block_out_channels[:2])  # channels where the pictures are largest
        picture_bytes = rows * columns * widest * self.network.dtype.itemsize
        return min(MAX_AT_ONCE, max(1, MEMORY_BYTES // (PICTURES * picture_bytes)))


class AVAE(SliceDecoder):
    """Slices of model intensity <-> scaled latents. The posterior's mean is the code."""

    def encode(self, slices: Tensor) -> Tensor:
        """(N, rows, columns) intensity -> (N, C, h, w) scaled latents."""
        pixels = slices[:, None].expand(-1, self.network.config.in_channels, -1, -1).to(self.network.dtype)
        batches = pixels.split(self.slices_at_once(*slices.shape[1:]))
        means = torch.cat([self.network.encode(batch).latent_dist.mean for batch in batches]).to(slices.dtype)
        return (means - self.shift) * self.scale

    def code_of(self, intensity: float, rows: int, columns: int) -> Tensor:
        """The scaled code (C, h, w) of a slice of one intensity everywhere: the black and the white slice."""
        weight = next(self.network.parameters())
        return self.encode(torch.full((1, rows, columns), intensity, dtype=weight.dtype, device=weight.device))[0]
