"""The autoregressive sampler, in latents: chunk after chunk, each from the text and the chunk before it."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator, Sequence
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

    `data`: the chunks that this step points to, latents (volumes, C, slices, H, W), one for each volume that is made in
    step; computed if asked for before the next step.
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
SampledTogether = Generator[StepSampled | tuple[int, ChunkSampled], None, None]  # a chunk with its volume's number
Making = Generator[StepSampled, None, Tensor]  # a chunk in the end, or those of several volumes one after another


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
    """The velocity field of one chunk, or of several in step: previous (B, C, T, H, W), text (B, 1, D).

    Guidance other than 1 weighs report against no report, in one batch of both, at times above `guidance_above_t`.
    `prediction`: what the transformer answers with, see `ModelCard`. `modulation_at`: that of the transformer, cached.
    """
    modulation_at = modulation_at or cache(transformer.modulation_at)

    @cache
    def condition(guided: bool) -> Condition:
        if not guided:
            return transformer.condition(previous, text)
        return transformer.condition(torch.cat([previous, previous]), torch.cat([text, no_text(text)]))

    def velocity(x: Tensor, t: float) -> Tensor:
        guided = is_guided(t, guidance, guidance_above_t)
        batch = torch.cat([x, x]) if guided else x
        answer = transformer.step(batch, condition(guided), modulation_at(t))
        if guided:
            with_report, without = answer.chunk(2)
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
        """As x. To be called after the first answer."""
        return data_from_velocity(*self._last)


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
        maker = lineage[-1]
        if isinstance(maker, ScanStart):
            return self._scan_chunk(maker, len(lineage) - 1)
        (latents,) = yield from self.made_together([lineage])
        return latents

    def made_together(self, lineages: Sequence[Lineage]) -> Making:
        """Chunks of the same number of several volumes, made in step (volumes, C, slices, H, W); none a scan's own.

        Each has its own noise, text and previous chunk. Their makers go the same way through the solver.
        """
        previous = list[Tensor]()
        for lineage in lineages:
            previous.append((yield from self.known(lineage[:-1])) if lineage[:-1] else self._first_previous)
        together = yield from self._solved(
            [_asked(lineage) for lineage in lineages], torch.stack(previous), len(lineages[0]) - 1
        )
        for lineage, latents in zip(lineages, together, strict=True):
            self._kept.put(lineage, latents)
        return together

    def _solved(self, requests: Sequence[GenerationRequest], previous: Tensor, chunk: int) -> Making:
        way, conditions = requests[0], [self._conditions_of(request) for request in requests]
        field = velocity_of(
            self._transformer,
            self._prediction,
            previous,
            torch.cat([one.text for one in conditions]),
            way.guidance,
            self._modulation_at,
            way.guidance_above_t,
        )
        velocity = RememberingVelocity(field)
        each = [one.noise(chunk) for one in conditions]
        draws = (torch.stack(drawn).to(previous) for drawn in zip(*each, strict=True))
        for step, state in enumerate(solve(velocity, draws, way.solver, way.steps, way.shift)):
            latents = state
            yield StepSampled(chunk, step, velocity.data)
        return latents


def _asked(lineage: Lineage) -> GenerationRequest:
    maker = lineage[-1]
    assert not isinstance(maker, ScanStart), "a scan's own chunk is not solved for"
    return maker


class _Volume:
    """Which slices of a volume are certain, and whether it has ended, as its chunks come one after another.

    Last slices of a chunk that belong to the end are held back: the next chunk brings them, or the volume ends without
    them. A scan's own slices are not.
    """

    def __init__(self, plan: ChunkPlan, end: VolumeEnd) -> None:
        self.plan, self._end = plan, end
        self._held_back: list[Tensor] = []
        self.ended = False

    def add(self, chunk: int, latents: Tensor) -> ChunkSampled:
        if isinstance(self.plan.lineages[chunk][-1], ScanStart):
            return ChunkSampled(chunk, latents)
        slices = torch.cat([*self._held_back, latents], dim=1)
        kept = self._end.kept(slices)
        self._held_back = [slices[:, kept:]]
        self.ended = self._end.ends_volume(latents) and self.plan.goes_on_from(chunk)
        return ChunkSampled(chunk, slices[:, :kept])


@torch.inference_mode()
def sample(plan: ChunkPlan, chunks: Chunks, end: VolumeEnd) -> Sampled:
    """Yields after every evaluation of the transformer and after every chunk."""
    volume = _Volume(plan, end)
    for chunk, lineage in enumerate(plan.lineages):
        latents = yield from chunks.known(lineage) if chunk < plan.head else chunks.made(lineage)
        yield volume.add(chunk, latents)
        if volume.ended:
            return


@torch.inference_mode()
def sample_together(plans: Sequence[ChunkPlan], chunks: Chunks, end: VolumeEnd) -> SampledTogether:
    """As `sample`, for several volumes in step, each until its own end. See `Chunks.made_together`."""
    volumes = [_Volume(plan, end) for plan in plans]
    for chunk in range(max(len(plan.lineages) for plan in plans)):
        making = dict[int, Lineage]()
        for number, volume in enumerate(volumes):
            if volume.ended or chunk >= len(volume.plan.lineages):
                continue
            lineage = volume.plan.lineages[chunk]
            if chunk < volume.plan.head:
                yield number, volume.add(chunk, (yield from chunks.known(lineage)))
            else:
                making[number] = lineage
        if making:
            together = yield from chunks.made_together(list(making.values()))
            for number, latents in zip(making, together, strict=True):
                yield number, volumes[number].add(chunk, latents)
