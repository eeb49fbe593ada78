"""The model that `train avae` writes: the checkpoint that it began with, with the tuned A-VAE in its place."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ctflow.card import CARD, Latent, ModelCard, read_card, write_card
from ctflow.checkpoint.folder import save_autoencoder
from ctflow.hu import IntensityMap
from ctflow.models.autoencoder_kl import AutoencoderKL
from ctflow.training.config.failures import replacing_model
from ctflow.training.config.stage import MAX_FILE_BYTES

_TAKEN = ("transformer", "text", "ctclip", "reader")
_OF_THE_LATENTS = ("taef1",)  # decodes those of the A-VAE that the checkpoint had


@dataclass(frozen=True, kw_only=True)
class AvaeExport:
    """`base`: the checkpoint that the A-VAE is of. `out`: where the model is written, and written anew. `steps` were
    made on `data`."""

    base: Path
    out: Path
    trained: Literal["all", "decoder"]
    steps: int
    data: str

    def write(self, avae: AutoencoderKL, latent: Latent) -> None:
        """Writes the folder; a kill at any moment leaves the old one or the new one.

        Raises VolumeError where the disk is full or may not be written to.
        """
        taken = (*_TAKEN, *_OF_THE_LATENTS) if self.trained == "decoder" else _TAKEN
        with replacing_model(self.out) as new:
            for name in taken:
                if (self.base / name).is_dir():
                    shutil.copytree(self.base / name, new / name)
            save_autoencoder(new / "avae", avae, MAX_FILE_BYTES)
            write_card(tuned_card(read_card(self.base / CARD), latent, self), new / CARD)


def tuned_card(base: ModelCard, latent: Latent, export: AvaeExport) -> ModelCard:
    """The card of `base` with a tuned A-VAE."""
    name = export.out.absolute().parent.name
    notice = "How well its volumes follow the report was not measured. Not for diagnosis."
    if export.trained == "all":
        notice = (
            "Its transformer was trained on the latents of another A-VAE: prepare the data anew with this model, and "
            f"train the transformer on them. {notice}"
        )
    return replace(
        base,
        name=name,
        title=f"{name}: {base.name} with a tuned A-VAE",
        notice=notice,
        latent=latent,
        provenance=(
            f"A-VAE ({'all of it' if export.trained == 'all' else 'its decoder'}) tuned by `python -m ctflow train "
            f"avae`: {export.steps:,} steps on {export.data}. All else is of {base.name}: {base.provenance}"
        ),
    )


@torch.inference_mode()
def latent_of(avae: AutoencoderKL, intensity: IntensityMap, slices: Iterable[np.ndarray], known: Latent) -> Latent:
    """One scale and one shift that bring the means of the codes of HU (n, rows, columns) to mean 0 and spread 1."""
    count, total, squares = 0, 0.0, 0.0
    for hu in slices:
        pixels = torch.from_numpy(intensity.to_intensity(hu)).to(avae.device)[:, None]
        means: Tensor = avae.encode(pixels.expand(-1, avae.config.in_channels, -1, -1)).mean.double()
        count += means.numel()
        total += float(means.sum())
        squares += float(means.square().sum())
    mean = total / count
    return replace(known, scale=round((squares / count - mean**2) ** -0.5, 4), shift=round(mean, 4))
