"""The autoregressive sampler, in latents: chunk after chunk, each from the text and the chunk before it."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from ctflow.flow import solve, velocity_from_data
from ctflow.models.stdit import Condition, Modulation, Transformer
from ctflow.models.text import no_text
from ctflow.request import GenerationRequest, is_guided
from ctflow.volume_end import VolumeEnd

Noise = Callable[[int], Iterator[Tensor]]  # the number of a chunk -> its draws, one after another


@dataclass(frozen=True, eq=False)
class StepSampled:
    """One evaluation of the transformer is done."""

    chunk: int
    step: int


@dataclass(frozen=True, eq=False)
class ChunkSampled:
    """The chunk's slices that are certain now: latents (C, slices, H, W), after any held back before it."""

    chunk: int
    latents: Tensor


Sampled = Generator[StepSampled | ChunkSampled, None, None]


@dataclass(frozen=True, eq=False)
class ScanLatents:
    """Chunks of a real scan, as latents (C, slices, H, W). The first `head` chunks are taken as they are.

    `always_previous`: later chunks too are made from the scan's chunk before them, not from the one just made.
    """

    latents: Tensor
    head: int
    always_previous: bool

    def chunk(self, index: int, slices: int) -> Tensor:
        """(1, C, slices, H, W)."""
        return self.latents[None, :, index * slices : (index + 1) * slices]


def seeded_noise(seed: int, shape: tuple[int, ...]) -> Noise:
    """The noise of chunk 0, 1, …: drawn on the CPU from (seed, chunk) alone, so that every device gets the same."""

    def noise(chunk: int) -> Iterator[Tensor]:
        state = np.random.SeedSequence([seed, chunk]).generate_state(1, np.uint64)[0]
        generator = torch.Generator().manual_seed(int(state) >> 1)
        while True:
            yield torch.randn(shape, generator=generator)

    return noise


def velocity_of(
    transformer: Transformer,
    prediction: str,
    previous: Tensor,
    text: Tensor,
    guidance: float,
    modulation_at: Callable[[float], Modulation] | None = None,
    guidance_above_t: float = 0.0,
) -> Callable[[Tensor, float], Tensor]:
    """The velocity field of one chunk.

    Guidance other than 1 weighs report against no report, in one batch of two, at times above `guidance_above_t`.
    `prediction`: what the transformer answers with, see `ModelCard`. `modulation_at`: that of the transformer, cached.
    """
    modulation_at = modulation_at or cache(transformer.modulation_at)

    @cache
    def condition(guided: bool) -> Condition:
        if not guided:
            return transformer.condition(previous, text)
        return transformer.condition(previous.expand(2, -1, -1, -1, -1), torch.cat([text, no_text(text)]))

    def velocity(x: Tensor, t: float) -> Tensor:
        guided = is_guided(t, guidance, guidance_above_t)
        batch = x.expand(2, -1, -1, -1, -1) if guided else x
        answer = transformer.step(batch, condition(guided), modulation_at(t))
        if guided:
            with_report, without = answer.split(1)
            answer = without + guidance * (with_report - without)
        return answer if prediction == "velocity" else velocity_from_data(x, answer, t)

    return velocity


@torch.inference_mode()
def sample(
    transformer: Transformer,
    prediction: str,
    request: GenerationRequest,
    text: Tensor,
    first_previous: Tensor,
    end: VolumeEnd,
    noise: Noise,
    scan: ScanLatents | None = None,
) -> Sampled:
    """Yields after every evaluation of the transformer and after every chunk.

    `text` (1, 1, D) and `first_previous` (C, slices, H, W) are as the transformer sees them, on its device.
    Last slices of a chunk that belong to the end are held back: the next chunk brings them, or the volume ends without
    them.
    """
    modulation_at = cache(transformer.modulation_at)  # every chunk visits the same times
    previous, held_back = first_previous[None], first_previous[:, :0]
    slices_per_chunk, head = first_previous.shape[1], 0
    if scan:
        head = scan.head
        for chunk in range(head):
            previous = scan.chunk(chunk, slices_per_chunk)
            yield ChunkSampled(chunk, previous[0])
    before = scan if scan and scan.always_previous else None
    for chunk in range(head, request.chunks):
        if before:
            previous = before.chunk(chunk - 1, slices_per_chunk)
        velocity = velocity_of(
            transformer, prediction, previous, text, request.guidance, modulation_at, request.guidance_above_t
        )
        draws = (drawn[None].to(first_previous) for drawn in noise(chunk))
        for step, state in enumerate(solve(velocity, draws, request.solver, request.steps, request.shift)):
            previous = state  # the velocity keeps the chunk that it was made with
            yield StepSampled(chunk, step)
        slices = torch.cat([held_back, previous[0]], dim=1)
        kept = end.kept(slices)
        held_back = slices[:, kept:]
        yield ChunkSampled(chunk, slices[:, :kept])
        if end.ends_volume(previous[0]) and not before:
            return
