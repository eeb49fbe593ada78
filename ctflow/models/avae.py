"""The slice autoencoder: FLUX's A-VAE, an `AutoencoderKL` of diffusers, or a smaller one of the same class."""

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn

SLICES_AT_ONCE = 4  # bounds memory


class AVAE(nn.Module):
    """Slices of model intensity <-> the scaled latents that the transformer sees. The posterior's mean is the code."""

    def __init__(self, kl: AutoencoderKL, scale: float, shift: float) -> None:
        super().__init__()
        self.kl, self.scale, self.shift = kl, scale, shift

    def encode(self, slices: Tensor) -> Tensor:
        """(N, rows, columns) intensity -> (N, C, h, w) scaled latents."""
        pixels = slices[:, None].expand(-1, self.kl.config.in_channels, -1, -1)
        means = torch.cat([self.kl.encode(batch).latent_dist.mean for batch in pixels.split(SLICES_AT_ONCE)])
        return (means - self.shift) * self.scale

    def decode(self, latents: Tensor) -> Tensor:
        """(N, C, h, w) scaled latents -> (N, rows, columns) intensity, the mean over the decoder's channels."""
        batches = (latents / self.scale + self.shift).split(SLICES_AT_ONCE)
        return torch.cat([self.kl.decode(batch).sample.mean(1) for batch in batches])

    def code_of(self, intensity: float, rows: int, columns: int) -> Tensor:
        """The scaled code (C, h, w) of a slice of one intensity everywhere: the black and the white slice."""
        weight = next(self.kl.parameters())
        return self.encode(torch.full((1, rows, columns), intensity, dtype=weight.dtype, device=weight.device))[0]
