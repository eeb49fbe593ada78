"""Samples for the flow: a chunk, the chunk before it, noise and a report, drawn from prepared shards.

A sample is a function of the seed and its place in the training, on every device.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ctflow.card import Latent
from ctflow.data.shards import Shards
from ctflow.flow import shifted
from ctflow.training.flow.config import FlowConfig
from ctflow.training.order import Place, volume_of
from ctflow.training.randomness import random_stream


class Sample(NamedTuple):
    """Latents are scaled, float32 (C, T, H, W). A batch of samples has a dimension more, in front.

    `start`: the chunk's first slice in its volume. `slices`: the volume's.
    """

    chunk: Tensor
    previous: Tensor
    noise: Tensor
    text: Tensor  # (1, D)
    t: Tensor  # ()
    start: Tensor
    slices: Tensor


@dataclass(frozen=True, eq=False)
class FlowSamples(Dataset[Sample]):
    """The samples of a training, by their `Place`."""

    shards: Shards
    config: FlowConfig

    def __getitem__(self, place: Place) -> Sample:
        batch = self.config.batch
        volume = volume_of(batch.seed, batch.size, place, len(self.shards))
        rng = random_stream(batch.seed, "sample", place.step, place.number)
        start = draw_start(self.shards.rows[volume].slices, self.chunk_slices, self.config, rng)
        return self.draw(volume, start, shifted(rng.random(), self.config.objective.t_shift), rng)

    @property
    def chunk_slices(self) -> int:
        return self.shards.facts.geometry.slices_per_chunk

    def draw(self, volume: int, start: int, t: float, rng: np.random.Generator) -> Sample:
        """The chunk of a volume that begins at slice `start`, at time t."""
        config, size = self.config, self.chunk_slices
        generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
        window = self.latents(volume, start - size, start + size, generator)
        previous, chunk = window.split(size, dim=1)
        previous = previous + config.samples.previous_noise * torch.randn(previous.shape, generator=generator)
        previous = previous * float(rng.random() >= config.samples.previous_dropout)
        offset = torch.randn((len(chunk), 1, 1, 1), generator=generator)
        noise = torch.randn(chunk.shape, generator=generator) + config.objective.noise_offset * offset
        return Sample(
            chunk=chunk,
            previous=previous,
            noise=noise,
            text=self.text(volume, rng),
            t=torch.tensor(t, dtype=torch.float32),
            start=torch.tensor(start),
            slices=torch.tensor(self.shards.rows[volume].slices),
        )

    def latents(self, volume: int, start: int, stop: int, generator: torch.Generator) -> Tensor:
        """Scaled latents (C, stop - start, H, W), with what stands before a volume and white after it."""
        latent, slices = self.shards.facts.latent, self.shards.rows[volume].slices
        stored = self.shards.latents(volume, max(start, 0), min(max(stop, 0), slices))
        inside = stored.mean.float()
        if self.config.samples.draw_latents:
            spread = (stored.log_variance.float() / 2).exp()
            inside = inside + spread * torch.randn(inside.shape, generator=generator)
        before, after = max(0, -start), max(0, stop - max(slices, start))
        parts = [
            slice_before(self.shards, self.config).expand(before, -1, -1, -1),
            scaled(inside, latent),
            scaled(self.shards.white, latent).expand(after, -1, -1, -1),
        ]
        return torch.cat(parts).transpose(0, 1).contiguous()

    def text(self, volume: int, rng: np.random.Generator) -> Tensor:
        """(1, D): the report with those of its parts that are kept; zeros for no report."""
        texts = self.shards.text(volume)
        kept = self.config.samples.parts_kept or (1.0,) * len(self.shards.facts.text.parts)
        row = sum(1 << bit for bit, share in enumerate(kept) if rng.random() < share)
        is_there = rng.random() >= self.config.samples.text_dropout
        return texts[row if is_there else 0][None]


def scaled(codes: Tensor, latent: Latent) -> Tensor:
    """Codes of the A-VAE as the transformer sees them."""
    return (codes - latent.shift) * latent.scale


def slice_before(shards: Shards, config: FlowConfig) -> Tensor:
    """What each slice before a volume is, scaled: (C, H, W)."""
    black = scaled(shards.black, shards.facts.latent)
    return black if config.samples.first_previous == "black" else torch.zeros_like(black)


def draw_start(slices: int, chunk: int, config: FlowConfig, rng: np.random.Generator) -> int:
    """The first slice of a chunk in a volume of so many slices: from 0, the first chunk, to the white after the end."""
    if rng.random() < config.samples.start_boost:
        return 0
    if rng.random() < config.samples.aligned:
        # The chunk that begins in or after the last slice: generation asks for it, and it must begin white.
        return chunk * int(rng.integers(1, -(-slices // chunk) + 1))
    return int(rng.integers(1, slices + 1))
