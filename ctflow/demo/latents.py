"""What the transformer learns from: the latents of the phantoms and their reports, where it is trained."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor

from ctflow.hu import IntensityMap


@dataclass(frozen=True, eq=False)
class LatentSet:
    """`padded`: scaled latents (phantoms, slices, C, H, W), `chunk` black slices before each volume, white ones after
    it, at least one chunk. `slices`: (phantoms,) without those. `black`: its code (C, H, W).

    The phantoms are STUDIES of one person, then those of the next.
    """

    padded: Tensor
    slices: np.ndarray
    chunk: int
    black: Tensor
    texts: Tensor  # (phantoms, reports, D), several reports of the same truth
    told: np.ndarray  # (phantoms, facts), what the reports say, in numbers
    odds: np.ndarray  # (persons,), how often each is drawn; their sum is 1

    def windows(self, picks: np.ndarray, starts: np.ndarray, size: int) -> Tensor:
        """`size` slices of each phantom of `picks` from its start on -> float32 (N, C, size, H, W).

        A start may be as low as minus one chunk.
        """
        slots = starts[:, None] + self.chunk + np.arange(size)
        return self.padded[self.place(picks)[:, None], self.place(slots)].transpose(1, 2).float()

    def place(self, numbers: np.ndarray) -> Tensor:
        """`numbers` where the latents are. Does not wait for what a GPU is at."""
        tensor = torch.from_numpy(numbers)
        return tensor.pin_memory().to("cuda", non_blocking=True) if self.padded.is_cuda else tensor

    def to(self, device: str) -> "LatentSet":
        """With its tensors on the device, cpu or cuda."""
        return replace(self, **{name: getattr(self, name).to(device) for name in ("padded", "black", "texts")})


def padded(volumes: Iterable[Tensor], black: Tensor, white: Tensor, chunk: int) -> tuple[Tensor, np.ndarray]:
    """Volumes (C, slices, H, W) -> `LatentSet.padded`, in float16, and `LatentSet.slices`."""
    volumes = [volume.half() for volume in volumes]
    slices = np.array([volume.shape[1] for volume in volumes])
    longest = -(-int(slices.max()) // chunk) * chunk
    together = white.half().repeat(len(volumes), longest + 2 * chunk, 1, 1, 1)
    together[:, :chunk] = black.half()
    for one, volume in zip(together, volumes, strict=True):
        one[chunk : chunk + volume.shape[1]] = volume.transpose(0, 1)
    return together, slices


@torch.inference_mode()
def encode_volume(kl: AutoencoderKL, intensity: IntensityMap, hu: np.ndarray, batch: int) -> Tensor:
    """int16 HU (slices, rows, columns) -> unscaled latents (C, slices, H, W) in float16, on the CPU."""
    pixels = intensity.to_intensity_like(torch.tensor(np.asarray(hu), device=kl.device).float())[:, None]
    means = [kl.encode(part).latent_dist.mean for part in pixels.split(batch)]
    return torch.cat(means).transpose(0, 1).half().contiguous().cpu()
