"""Training of the A-VAE: noise-free slices of phantoms go in, the same slices come out."""

import numpy as np
import torch
from torch import Tensor

from ctflow.data.phantoms import PhantomSet
from ctflow.hu import IntensityMap
from ctflow.models.autoencoder_kl import AutoencoderKL, AutoencoderKLConfig
from ctflow.runtime.device import on_device
from ctflow.training.loop import train
from ctflow.training.stage import Stage

ERROR_UNIT = 0.02  # intensity (48 HU): an error of this size costs 1
KL_WEIGHT = 1e-3
# Above this HU errors count SOFT_TISSUE_WEIGHT times: 50 HU make an organ there, and nothing in air.
SOFT_TISSUE_HU = -250
SOFT_TISSUE_WEIGHT = 2.0
CROP = 128  # most steps see crops, which are more varied than whole slices of as many pixels
WHOLE_SLICES_SHARE = 0.15  # of the steps see whole slices, whose statistics differ from those of crops
PLAIN_SHARE = 0.03  # of the steps see a white or a black slice, so that the ends of a volume decode well


def new_avae(channels: tuple[int, ...], latent_channels: int) -> AutoencoderKL:
    """One channel in and out, no attention, one level for each entry of `channels`.

    Each level but the last halves rows and columns.
    """
    config = AutoencoderKLConfig(
        in_channels=1,
        out_channels=1,
        latent_channels=latent_channels,
        block_out_channels=channels,
        layers_per_block=1,
        norm_num_groups=4,
        mid_block_add_attention=False,
    )
    return AutoencoderKL(config)


def train_avae(
    stage: Stage, avae: AutoencoderKL, phantoms: PhantomSet, intensity: IntensityMap, batch: int
) -> AutoencoderKL:
    """Minimises the absolute error, weighted towards soft tissue, and a slight pull of the code to a unit Gaussian.

    `batch`: crops in a step. What is frozen in `avae` stays as it is.
    """
    soft_tissue = float(intensity.to_intensity(np.array(SOFT_TISSUE_HU)))

    def losses(avae: AutoencoderKL, device: torch.device, rng: np.random.Generator) -> dict[str, Tensor]:
        hu = _draw_slices(phantoms, intensity, batch, rng)
        pixels = on_device(torch.from_numpy(intensity.to_intensity(hu))[:, None], device)
        posterior = avae.encode(pixels)
        noise = on_device(torch.from_numpy(rng.standard_normal(posterior.mean.shape, np.float32)), device)
        decoded = avae.decode(posterior.mean + posterior.std * noise)
        weight = 1 + (SOFT_TISSUE_WEIGHT - 1) * (pixels > soft_tissue)
        error = ((decoded.float() - pixels).abs() * weight).mean() / ERROR_UNIT
        return {"error": error, "kl": KL_WEIGHT * posterior.kl().mean() / posterior.mean[0].numel()}

    return train(stage, avae, losses)


def _draw_slices(phantoms: PhantomSet, intensity: IntensityMap, count: int, rng: np.random.Generator) -> np.ndarray:
    """HU (n, rows, columns): `count` crops, or fewer whole slices of as many pixels, or one white or black crop."""
    kind = rng.random()
    if kind < PLAIN_SHARE:
        return np.full((1, CROP, CROP), rng.choice([intensity.hu_black, intensity.hu_white]))
    whole = kind < PLAIN_SHARE + WHOLE_SLICES_SHARE
    picks = rng.integers(len(phantoms.slices), size=max(1, count // 4) if whole else count)
    slices = np.stack([phantoms.hu[i, rng.integers(phantoms.slices[i])] for i in picks])
    if whole:
        return slices
    row, column = rng.integers([side - CROP + 1 for side in slices.shape[1:]])
    return slices[:, row : row + CROP, column : column + CROP]
