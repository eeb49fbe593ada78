"""What is measured: a checkpoint, or random weights of a published size with FLUX's A-VAE."""

import copy
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor

from ctflow.checkpoints import load_checkpoint
from ctflow.engine import Engine, engine_on
from ctflow.models.avae import AVAE
from ctflow.models.stdit import STDiT, STDiTConfig
from ctflow.released.recipes import FLUX_AVAE
from ctflow.sampler import Noise, seeded_noise

SIZES = {"S": (384, 12, 6), "B": (768, 12, 12), "L": (1024, 24, 16)}  # hidden, depth, heads
SCALE, SHIFT = 0.3611, 0.1159


@dataclass(frozen=True, eq=False)
class Subject:
    """Networks in float32 for the reference, the product's engine, and what a chunk starts from.

    `trained`: its solutions mean something.
    """

    name: str
    device: torch.device
    transformer: STDiT
    avae: AVAE
    engine: Engine
    prediction: str
    noise: Noise
    previous: Tensor
    text: Tensor
    max_chunks: int
    trained: bool

    def noise_of(self, chunk: int) -> Tensor:
        """(1, C, T, H, W), as a chunk begins."""
        return self.noise(chunk)[None].to(self.device)


def random_subject(size: str, device: torch.device, level: str) -> Subject:
    """Random weights cost what trained ones cost."""
    torch.manual_seed(0)
    hidden, depth, heads = SIZES[size]
    config = STDiTConfig((16, 32, 32), (2, 2, 2), 32, 16, hidden, depth, heads, 4.0, 768)
    avae = AVAE(AutoencoderKL.from_config(FLUX_AVAE), SCALE, SHIFT)
    return _subject(f"random weights, {size}", STDiT(config), avae, "velocity", 16, False, device, level)


def folder_subject(folder: Path, device: torch.device, level: str) -> Subject:
    """A checkpoint. Raises CheckpointError."""
    loaded = load_checkpoint(folder)
    card = loaded.card
    chunks = card.geometry.max_chunks
    return _subject(card.name, loaded.transformer, loaded.avae, card.prediction, chunks, True, device, level)


def _subject(
    name: str,
    transformer: STDiT,
    avae: AVAE,
    prediction: str,
    max_chunks: int,
    trained: bool,
    device: torch.device,
    level: str,
) -> Subject:
    for network in (transformer, avae):
        network.eval().requires_grad_(False).to(device)
    # The product's own: its decoder is laid out otherwise, and on a GPU all is in half precision.
    own = copy.deepcopy(transformer) if device.type == "cuda" else transformer
    engine = engine_on(device, own, copy.deepcopy(avae), level)
    config = transformer.config
    generator = torch.Generator().manual_seed(0)
    shape = (config.out_channels, *config.input_size)
    text = torch.nn.functional.normalize(torch.randn(1, 1, config.caption_channels, generator=generator), dim=-1)
    previous = torch.zeros(1, *shape, device=device)
    return Subject(
        name,
        device,
        transformer,
        avae,
        engine,
        prediction,
        seeded_noise(0, shape),
        previous,
        text.to(device),
        max_chunks,
        trained,
    )
