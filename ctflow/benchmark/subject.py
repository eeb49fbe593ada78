"""What is measured: a checkpoint, or random weights of a published size with FLUX's A-VAE."""

from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor

from ctflow.checkpoints import load_checkpoint
from ctflow.models.avae import AVAE
from ctflow.models.stdit import STDiT, STDiTConfig
from ctflow.released.recipes import FLUX_AVAE

SIZES = {"S": (384, 12, 6), "B": (768, 12, 12), "L": (1024, 24, 16)}  # hidden, depth, heads
SCALE, SHIFT = 0.3611, 0.1159


@dataclass(frozen=True, eq=False)
class Subject:
    """Networks in float32 on one device, and what a chunk starts from. `trained`: its solutions mean something."""

    name: str
    transformer: STDiT
    avae: AVAE
    prediction: str
    noise: Tensor
    previous: Tensor
    text: Tensor
    max_chunks: int
    trained: bool


def random_subject(size: str, device: torch.device) -> Subject:
    """Random weights cost what trained ones cost."""
    torch.manual_seed(0)
    hidden, depth, heads = SIZES[size]
    config = STDiTConfig((16, 32, 32), (2, 2, 2), 32, 16, hidden, depth, heads, 4.0, 768)
    avae = AVAE(AutoencoderKL.from_config(FLUX_AVAE), SCALE, SHIFT)
    return _subject(f"random weights, {size}", STDiT(config), avae, "velocity", 16, False, device)


def folder_subject(folder: Path, device: torch.device) -> Subject:
    """A checkpoint. Raises CheckpointError."""
    loaded = load_checkpoint(folder)
    card = loaded.card
    chunks = card.geometry.max_chunks
    return _subject(card.name, loaded.transformer, loaded.avae, card.prediction, chunks, True, device)


def _subject(
    name: str, transformer: STDiT, avae: AVAE, prediction: str, max_chunks: int, trained: bool, device: torch.device
) -> Subject:
    for network in (transformer, avae):
        network.eval().requires_grad_(False).to(device)
    config = transformer.config
    generator = torch.Generator().manual_seed(0)
    shape = (1, config.out_channels, *config.input_size)
    text = torch.nn.functional.normalize(torch.randn(1, 1, config.caption_channels, generator=generator), dim=-1)
    noise = torch.randn(shape, generator=generator)
    previous = torch.zeros(shape)
    tensors = (tensor.to(device) for tensor in (noise, previous, text))
    return Subject(name, transformer, avae, prediction, *tensors, max_chunks, trained)  # type: ignore[misc]
