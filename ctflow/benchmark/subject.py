"""What is measured: a checkpoint, or random weights of a published size with the A-VAE of FLUX."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ctflow.checkpoint.folder import load_checkpoint
from ctflow.models.autoencoder_kl import AutoencoderKL
from ctflow.models.avae import AVAE
from ctflow.models.stdit import STDiT
from ctflow.models.stdit_config import STDiTConfig
from ctflow.pipeline import first_previous
from ctflow.released.specs import FLUX_AVAE, FLUX_SCALE_AND_SHIFT
from ctflow.report import Report, encoder_text
from ctflow.runtime.device import Precision
from ctflow.runtime.engine import Engine, engine_on
from ctflow.sampler import Noise, seeded_noise

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
    """Networks in float32 for the reference, the product's engine in its `precision`, and what a chunk starts from.

    `slices_at_once`: how many the product decodes together. `own_bytes`: the size of the weights that only the
    reference and that only the product has. `trained`: whether its solutions mean something.
    """

    name: str
    device: torch.device
    transformer: STDiT
    avae: AVAE
    engine: Engine
    slices_at_once: int
    own_bytes: tuple[int, int]
    precision: Precision
    prediction: str
    noise: Noise
    previous: Tensor
    text: Tensor
    guidance: float
    max_chunks: int
    trained: bool

    def noise_of(self, chunk: int) -> Tensor:
        """(1, C, T, H, W), as a chunk begins."""
        return next(self.noise(chunk))[None].to(self.device)

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


def random_subject(size: str, device: torch.device, level: str, precision: Precision) -> Subject:
    """Random weights of a published size, which take as long as trained ones."""
    torch.manual_seed(0)
    config = published_config(size)
    avae = AVAE(AutoencoderKL(FLUX_AVAE), *FLUX_SCALE_AND_SHIFT)
    generator = torch.Generator().manual_seed(0)
    text = torch.nn.functional.normalize(torch.randn(1, 1, config.caption_channels, generator=generator), dim=-1)
    previous = torch.zeros(1, config.out_channels, *config.input_size)
    return _subject(
        STDiT(config),
        avae,
        device,
        level,
        precision,
        name=f"random weights, {size}",
        prediction="velocity",
        previous=previous.to(device),
        text=text.to(device),
        guidance=1.0,
        max_chunks=16,
        trained=False,
    )


def folder_subject(folder: Path, device: torch.device, level: str, precision: Precision) -> Subject:
    """A checkpoint, as it begins a volume of `REPORT`. Raises CheckpointError."""
    loaded = load_checkpoint(folder)
    card = loaded.card
    with torch.no_grad():
        previous = first_previous(card, loaded.avae)[None]
        text = loaded.text.encode(encoder_text(REPORT, card.text.parts))
    return _subject(
        loaded.transformer,
        loaded.avae,
        device,
        level,
        precision,
        name=card.name,
        prediction=card.prediction,
        previous=previous.to(device),
        text=text.to(device),
        guidance=card.guidance.default,
        max_chunks=card.geometry.max_chunks,
        trained=True,
    )


def _subject(
    transformer: STDiT, avae: AVAE, device: torch.device, level: str, precision: Precision, **known: Any
) -> Subject:
    for network in (transformer, avae):
        network.eval().requires_grad_(False).to(device)
    # The product has its own: in another layout, and perhaps in another precision.
    own, decoder = copy.deepcopy(transformer), copy.deepcopy(avae)
    engine = engine_on(device, own, decoder, level, precision)
    channels, (slices, rows, columns) = transformer.config.out_channels, transformer.config.input_size
    return Subject(
        device=device,
        transformer=transformer,
        avae=avae,
        engine=engine,
        own_bytes=(_bytes({transformer, avae}), _bytes({own, decoder})),
        precision=precision,
        slices_at_once=decoder.slices_at_once(rows << decoder.halvings, columns << decoder.halvings),
        noise=seeded_noise(0, (channels, slices, rows, columns)),
        **known,
    )


def _bytes(networks: set[nn.Module]) -> int:
    return sum(part.nbytes for network in networks for part in (*network.parameters(), *network.buffers()))
