"""What is measured: a checkpoint, or random weights of a published size with the A-VAE of FLUX."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ctflow.checkpoint.folder import load_checkpoint
from ctflow.models.autoencoder_kl import AutoencoderKL
from ctflow.models.avae import AVAE
from ctflow.models.stdit import STDiT
from ctflow.models.stdit_config import STDiTConfig
from ctflow.released.specs import FLUX_AVAE, FLUX_SCALE_AND_SHIFT
from ctflow.report import Report, encoder_text
from ctflow.request import SOLVER_PRESETS, GenerationRequest
from ctflow.sampler import Noise, seeded_noise
from ctflow.volume_end import first_previous

REPORT = Report("Large right pleural effusion.", "Right pleural effusion.")


class TransformerSize(NamedTuple):
    """What the published sizes differ in."""

    hidden: int
    depth: int
    heads: int


TRANSFORMER_SIZES = {
    "S": TransformerSize(hidden=384, depth=12, heads=6),
    "B": TransformerSize(hidden=768, depth=12, heads=12),
    "L": TransformerSize(hidden=1024, depth=24, heads=16),
}


@dataclass(frozen=True, eq=False)
class Subject:
    """Networks in float32, as the reference runs them, and what a volume is made of.

    `previous` (1, C, T, H, W) stands before the first chunk; `text` (1, 1, D). `request`: the volume, with the settings
    that are usual for it. `trained`: whether its solutions mean something.
    """

    name: str
    device: torch.device
    transformer: STDiT
    avae: AVAE
    prediction: str
    noise: Noise
    previous: Tensor
    text: Tensor
    request: GenerationRequest
    trained: bool

    def noise_of(self, chunk: int) -> Tensor:
        """(1, C, T, H, W), as a chunk begins."""
        return next(self.draws(chunk))

    def draws(self, chunk: int) -> Iterator[Tensor]:
        """All noise of a chunk, each (1, C, T, H, W)."""
        return (drawn[None].to(self.device) for drawn in self.noise(chunk))

    def synchronise(self) -> None:
        """Waits for the device: otherwise a clock measures how long it takes to give a GPU its work."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def published_config(name: str) -> STDiTConfig:
    """`name`: of one of TRANSFORMER_SIZES."""
    size = TRANSFORMER_SIZES[name]
    return STDiTConfig(
        input_size=(16, 32, 32),
        patch_size=(2, 2, 2),
        in_channels=32,
        out_channels=16,
        hidden_size=size.hidden,
        depth=size.depth,
        num_heads=size.heads,
        mlp_ratio=4.0,
        caption_channels=768,
    )


def random_subject(size: str, device: torch.device) -> Subject:
    """Random weights of a published size, which take as long as trained ones; a volume of the "quality" preset."""
    config = published_config(size)
    generator = torch.Generator().manual_seed(0)
    text = torch.nn.functional.normalize(torch.randn(1, 1, config.caption_channels, generator=generator), dim=-1)
    torch.manual_seed(0)
    with device:  # L has so many weights that drawing them on a CPU takes longer than measuring a GPU
        transformer, avae = STDiT(config), AVAE(AutoencoderKL(FLUX_AVAE), *FLUX_SCALE_AND_SHIFT)
    return _subject(
        transformer,
        avae,
        device,
        name=f"random weights, {size}",
        prediction="velocity",
        previous=torch.zeros(1, config.out_channels, *config.input_size, device=device),
        text=text.to(device),
        request=GenerationRequest(
            report=REPORT, seed=0, chunks=16, guidance=1.0, guidance_above_t=0.0, **SOLVER_PRESETS["quality"]
        ),
        trained=False,
    )


def folder_subject(folder: Path, device: torch.device) -> Subject:
    """A checkpoint, as it makes a volume of `REPORT` with its own defaults. Raises CheckpointError."""
    loaded = load_checkpoint(folder)
    card = loaded.card
    with torch.no_grad():
        previous = first_previous(card, loaded.avae)[None]
        text = loaded.text.encode(encoder_text(REPORT, card.text.parts))
    return _subject(
        loaded.transformer,
        loaded.avae,
        device,
        name=card.name,
        prediction=card.prediction,
        previous=previous.to(device),
        text=text.to(device),
        request=card.request(REPORT, seed=0),
        trained=True,
    )


def _subject(transformer: STDiT, avae: AVAE, device: torch.device, **known: Any) -> Subject:
    for network in (transformer, avae):
        network.eval().requires_grad_(False).to(device)
    noise = seeded_noise(0, (transformer.config.out_channels, *transformer.config.input_size))
    return Subject(device=device, transformer=transformer, avae=avae, noise=noise, **known)
