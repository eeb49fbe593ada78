"""The autoregressive sampler, in latents: chunk after chunk, each from the text and the chunk before it."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from ctflow.flow import data_from_velocity, solve, velocity_from_data
from ctflow.lineage import ChunkPlan, Lineage
from ctflow.models.stdit import Condition, Modulation, Transformer
from ctflow.models.text import no_text
from ctflow.request import GenerationRequest, ScanStart, is_guided
from ctflow.volume_end import VolumeEnd

Noise = Callable[[int], Iterator[Tensor]]  # the number of a chunk -> its draws, one after another


@dataclass(frozen=True, eq=False)
class StepSampled:
    """One evaluation of the transformer is done.

    `data`: the chunk that this step points to, latents (C, slices, H, W), computed if asked for before the next step.
    """

    chunk: int
    step: int
    data: Callable[[], Tensor]


@dataclass(frozen=True, eq=False)
class ChunkSampled:
    """The chunk's slices that are certain now: latents (C, slices, H, W), after any held back before it."""

    chunk: int
    latents: Tensor


Sampled = Generator[StepSampled | ChunkSampled, None, None]
Making = Generator[StepSampled, None, Tensor]  # a chunk in the end


@dataclass(frozen=True, eq=False)
class Conditions:
    """What a request becomes: its `text` (1, 1, D) as the transformer sees it, and the noise of its seed."""

    text: Tensor
    noise: Noise


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


class RememberingVelocity:
    """A velocity field that knows where its last answer points."""

    def __init__(self, velocity: Callable[[Tensor, float], Tensor]) -> None:
        self._velocity = velocity

    def __call__(self, x: Tensor, t: float) -> Tensor:
        answer = self._velocity(x, t)
        self._last = x, answer, t
        return answer

    def data(self) -> Tensor:
        """(C, slices, H, W). To be called after the first answer."""
        return data_from_velocity(*self._last)[0]


class KeptChunks:
    """The last chunks that were made or used, at most `most`, by their lineage.

    Of a request a hash is kept, because a report must not stay in memory as long as a chunk of its volume may.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._chunks: OrderedDict[tuple[str | ScanStart, ...], Tensor] = OrderedDict()

    def get(self, lineage: Lineage) -> Tensor | None:
        """The latents (C, slices, H, W) of a chunk that is still there."""
        key = _without_reports(lineage)
        if key in self._chunks:
            self._chunks.move_to_end(key)
        return self._chunks.get(key)

    def put(self, lineage: Lineage, latents: Tensor) -> None:
        """Keeps a chunk, in the place of the one that nobody has asked for the longest."""
        key = _without_reports(lineage)
        self._chunks[key] = latents
        self._chunks.move_to_end(key)
        if len(self._chunks) > self._most:
            self._chunks.popitem(last=False)


def _without_reports(lineage: Lineage) -> tuple[str | ScanStart, ...]:
    return tuple(maker if isinstance(maker, ScanStart) else _digest(maker) for maker in lineage)


def _digest(request: GenerationRequest) -> str:
    return hashlib.sha256(repr(request).encode()).hexdigest()


class Chunks:
    """Makes chunks, latents (C, slices, H, W), each from its lineage, and puts them into `kept`.

    `conditions_of` and `scan_chunk` (of a scan, the chunk of this number) say what the makers in a lineage stand for;
    `first_previous` stands before the first chunk. All latents are as the transformer sees them, on its device.
    """

    def __init__(
        self,
        transformer: Transformer,
        prediction: str,
        first_previous: Tensor,
        conditions_of: Callable[[GenerationRequest], Conditions],
        scan_chunk: Callable[[ScanStart, int], Tensor],
        kept: KeptChunks,
    ) -> None:
        self._transformer, self._prediction = transformer, prediction
        self._first_previous = first_previous
        self._conditions_of, self._scan_chunk = conditions_of, scan_chunk
        self._kept = kept
        self._modulation_at = cache(transformer.modulation_at)  # every chunk visits the same times

    def known(self, lineage: Lineage) -> Making:
        """The chunk, made only if it is not among those kept."""
        kept = self._kept.get(lineage)
        return (yield from self.made(lineage)) if kept is None else kept

    def made(self, lineage: Lineage) -> Making:
        """The chunk, made now; of a scan, its own."""
        chunk, maker = len(lineage) - 1, lineage[-1]
        if isinstance(maker, ScanStart):
            return self._scan_chunk(maker, chunk)
        previous = (yield from self.known(lineage[:-1])) if chunk else self._first_previous
        latents = yield from self._solved(maker, previous, chunk)
        self._kept.put(lineage, latents)
        return latents

    def _solved(self, request: GenerationRequest, previous: Tensor, chunk: int) -> Making:
        conditions = self._conditions_of(request)
        field = velocity_of(
            self._transformer,
            self._prediction,
            previous[None],
            conditions.text,
            request.guidance,
            self._modulation_at,
            request.guidance_above_t,
        )
        velocity = RememberingVelocity(field)
        draws = (drawn[None].to(previous) for drawn in conditions.noise(chunk))
        states = solve(velocity, draws, request.solver, request.steps, request.shift)
        for step, state in enumerate(states):
            latents = state[0]
            yield StepSampled(chunk, step, velocity.data)
        return latents


@torch.inference_mode()
def sample(plan: ChunkPlan, chunks: Chunks, end: VolumeEnd) -> Sampled:
    """Yields after every evaluation of the transformer and after every chunk.

    Last slices of a chunk that belong to the end are held back: the next chunk brings them, or the volume ends without
    them. A scan's own slices are not.
    """
    held_back: list[Tensor] = []
    for chunk, lineage in enumerate(plan.lineages):
        latents = yield from chunks.known(lineage) if chunk < plan.head else chunks.made(lineage)
        if isinstance(lineage[-1], ScanStart):
            yield ChunkSampled(chunk, latents)
            continue
        slices = torch.cat([*held_back, latents], dim=1)
        kept = end.kept(slices)
        held_back = [slices[:, kept:]]
        yield ChunkSampled(chunk, slices[:, :kept])
        if end.ends_volume(latents) and plan.goes_on_from(chunk):
            return
