"""CTFlow: a request in, events out. Owns the device, and turns latents into HU in the patient's space."""

import contextlib
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ctflow.card import ModelCard
from ctflow.checkpoint.folder import load_checkpoint
from ctflow.checkpoint.networks import Checkpoint
from ctflow.chunk_decoder import ChunkDecoder, PendingChunk
from ctflow.errors import RequestError, ShortVolumeError, VolumeError
from ctflow.generator import ChunkDone, Drafted, EventStream, Finished, Started, StepDone, generate
from ctflow.lineage import ChunkPlan, plan_chunks
from ctflow.model_grid import ModelGrid
from ctflow.models.avae import SliceDecoder
from ctflow.models.ctclip import clip_score
from ctflow.models.ctclip_input import challenge_input, clip_input, clip_text, prompts
from ctflow.models.report_reader import ReportReader
from ctflow.reading import Reading
from ctflow.report import Report, encoder_text
from ctflow.request import GenerationRequest, ScanStart, Start, scan_of
from ctflow.runtime.device import hardware_of, resolve_device, resolve_precision
from ctflow.runtime.engine import EngineFactory, engine_on, level_for
from ctflow.runtime.memory import memory_of
from ctflow.sampler import Chunks, Conditions, KeptChunks, Sampled, StepSampled, sample, sample_together, seeded_noise
from ctflow.volume import Volume
from ctflow.volume_end import first_previous, volume_end

WARM_UP = Report("Chest CT.")
VOLUMES_KEPT = 4  # as latents, so that another volume can go on from them or be made from their chunks


# A draft comes after this share of the first chunk's steps, when a chest is one already, and shows each decoded slice
# in the place of its neighbours, so that it costs a quarter of a chunk's decoding.
DRAFT_SHARE = 1 / 4
DRAFT_EVERY = 4  # slices


def check_length(slices: int, request: GenerationRequest, scan: ScanStart | None) -> None:
    """Raises ShortVolumeError for a volume without a slice of ours: the scan's own are none."""
    head = scan.slices if scan else 0
    if slices <= head:
        after = f" after the {head} of the scan" if head else ""
        raise ShortVolumeError(
            f"Seed {request.seed} ended this volume before its first slice{after}. Try another seed."
        )


class CTFlow:
    """A `VolumeGenerator` (see `ctflow.generator`) that runs a checkpoint. One request at a time.

    It takes the checkpoint over, whose networks can then be run here alone, and neither trained, copied nor saved.
    On a GPU, one thread should make it and run all its requests; `ctflow.one_thread` sees to that where several ask.
    `decoder`: one of DECODERS, `cuda`: of CUDA_CHOICES, `precision`: of PRECISIONS, all of `ctflow.choices`.
    `make_engine`: how the networks run. `warm_up`: whether a GPU is made ready now, so that no request has to wait for
    it; ZeroGPU has none to make ready. `drafts`: whether its streams show a draft of the first chunk (`Drafted`); with
    less than 4 steps they show none.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        device: torch.device,
        decoder: str = "avae",
        cuda: str = "auto",
        make_engine: EngineFactory = engine_on,
        precision: str = "auto",
        warm_up: bool = True,
        drafts: bool = False,
    ) -> None:
        resolved = resolve_precision(device, precision)
        self.card, self.model_sha256, self.device = checkpoint.card, checkpoint.sha256, str(device)
        self.drawn = checkpoint.drawn
        self.cuda, self.hardware = level_for(cuda, device), hardware_of(device)
        self.precision = resolved.name
        self._device, self._drafts = device, drafts
        self._grid = ModelGrid(self.card.geometry)
        self._reader = ReportReader(checkpoint.text, checkpoint.reader, self.card.text.parts)
        self._avae = checkpoint.avae.to(device)
        self._text = checkpoint.text.to(device)
        self._ctclip = checkpoint.ctclip.to(device) if checkpoint.ctclip else None
        self._encode = lru_cache(maxsize=16)(torch.inference_mode()(self._text.encode))
        with torch.no_grad():  # not inference mode: ZeroGPU moves what is made here, and cannot move such tensors
            self._first_previous = first_previous(self.card, self._avae)
            self._end = volume_end(self.card, self._avae)
        slice_decoder = self._choose_decoder(checkpoint, decoder).to(device)
        # Only now that the latents of black and white are made: the engine may lower the A-VAE's precision.
        self._engine = make_engine(device, checkpoint.transformer.to(device), slice_decoder, self.cuda, resolved)
        self._decoder = ChunkDecoder(self._engine, self._grid, self.card.intensity, self.device)
        self._kept = KeptChunks(VOLUMES_KEPT * self.card.geometry.max_chunks)
        if warm_up and self._engine.slow_at_first:
            self._warm_up()

    def _choose_decoder(self, checkpoint: Checkpoint, decoder: str) -> SliceDecoder:
        if decoder == "avae":
            return checkpoint.avae
        if decoder != "taef1" or checkpoint.taef1 is None:
            raise RequestError(
                f"{self.card.name} has no decoder {decoder!r}: use avae, or convert the model again with --taef1."
            )
        self.card = replace(self.card, name=self.card.name_with(decoder))
        return checkpoint.taef1

    @classmethod
    def load(
        cls,
        folder: Path,
        device: str = "auto",
        decoder: str = "avae",
        cuda: str = "auto",
        card: ModelCard | None = None,
        make_engine: EngineFactory = engine_on,
        precision: str = "auto",
        warm_up: bool = True,
        drafts: bool = False,
    ) -> "CTFlow":
        """Loads a checkpoint folder; `card`: the one in it, if it has been read already.

        Raises CheckpointError, RequestError or ResourceError.
        """
        on = resolve_device(device)
        with memory_of(on):
            return cls(load_checkpoint(folder, card), on, decoder, cuda, make_engine, precision, warm_up, drafts)

    def stream(self, request: GenerationRequest, start: Start | None = None) -> EventStream:
        """Makes one volume. Closing the stream stops it within one step. See `VolumeGenerator.stream`.

        Raises RequestError for what this model cannot do, VolumeError if the volume ends before its first slice,
        and ResourceError if memory runs out.
        """
        with memory_of(self.device), contextlib.closing(self._events(request, start)) as events:
            yield from events

    def _events(self, request: GenerationRequest, start: Start | None) -> EventStream:
        plan, scan = self._plan(request, start), scan_of(start)
        per_chunk, affine = self.card.geometry.slices_per_chunk, scan.scan.affine if scan else self._grid.affine
        yield Started(request, (request.chunks * per_chunk, *self._grid.plane), affine)
        slices = 0
        with contextlib.closing(self._sample(plan, self._kept)) as sampled:
            for event in self._decoded(sampled, int(DRAFT_SHARE * request.steps) if self._drafts else 0):
                yield event
                if isinstance(event, ChunkDone):
                    slices += len(event.hu)
        check_length(slices, request, scan)
        yield Finished((slices, *self._grid.plane))

    def _plan(self, request: GenerationRequest, start: Start | None) -> ChunkPlan:
        """Raises RequestError for what this model cannot carry out, here or in what the volume begins with."""
        self.card.check(request)
        if isinstance(start, ScanStart):
            self._grid.check(start.scan)
        elif start:
            self._plan(start.request, start.start)
        return plan_chunks(request, start, self.card.geometry.slices_per_chunk)

    def _decoded(self, sampled: Sampled, draft_after: int) -> Generator[StepDone | Drafted | ChunkDone, None, None]:
        """Chunks in order, each as soon as it is decoded, while at most one more is sampled.

        A draft of the first one comes after `draft_after` steps; 0 means never.
        """
        pending: deque[PendingChunk] = deque()
        first_slice = 0
        for event in sampled:
            if isinstance(event, StepSampled):
                self._engine.pace()
                yield StepDone(event.chunk, event.step)
                if (event.chunk, event.step + 1) == (0, draft_after):
                    yield self._draft(event)
                    draft_after = 0  # other chunks 0 may follow, which this volume's chunks are made from
                yield from self._arrived(pending, wait=False)
            else:
                yield from self._arrived(pending, wait=True)
                for some in self._decoder.begin(event.chunk, first_slice, event.latents):
                    pending.append(some)
                    yield from self._arrived(pending, wait=False)
                first_slice += event.latents.shape[1]
        yield from self._arrived(pending, wait=True)

    def _arrived(self, pending: deque[PendingChunk], wait: bool) -> Iterator[ChunkDone]:
        """Those that are decoded, or all if we `wait`."""
        while pending and (wait or pending[0].slices.ready()):
            yield self._decoder.done(pending.popleft())

    @torch.inference_mode()
    def _draft(self, event: StepSampled) -> Drafted:
        """Some slices of the chunk that this step points to, each in the place of its neighbours too."""
        (data,) = event.data()
        slices = torch.arange(data.shape[1])
        shown = (slices // DRAFT_EVERY * DRAFT_EVERY + DRAFT_EVERY // 2).clamp(max=len(slices) - 1)
        decoded, places = shown.unique(return_inverse=True)
        done = self._decoder.done(self._decoder.begin_at_once(event.chunk, 0, data[:, decoded]))
        return Drafted(done.chunk, done.first_slice, done.hu[places])

    def generate_together(self, asked: Sequence[tuple[GenerationRequest, Start | None]]) -> list[Volume | VolumeError]:
        """Several volumes in step, as `generate` makes them one by one, but for rounding; or why there is none.

        Raises RequestError for what this model cannot do, and for requests that go through the solver in other ways
        than the first, ResourceError if memory runs out.
        """
        ways = {replace(request, report=WARM_UP, seed=0, chunks=1) for request, _ in asked}
        if len(ways) > 1:
            raise RequestError("Volumes that are made together need the same solver, steps, shift and guidance.")
        with memory_of(self.device):
            return self._made_together(asked)

    def _made_together(self, asked: Sequence[tuple[GenerationRequest, Start | None]]) -> list[Volume | VolumeError]:
        plans = [self._plan(request, start) for request, start in asked]
        chunks = self._chunks(KeptChunks(2 * len(plans)))  # the chunks in the making, and those before them
        pending: list[list[PendingChunk]] = [[] for _ in plans]
        for event in sample_together(plans, chunks, self._end):
            if isinstance(event, StepSampled):
                self._engine.pace()
            else:
                number, sampled = event
                pending[number].extend(self._decoder.begin(sampled.chunk, 0, sampled.latents))
        return [
            self._finished(parts, request, scan_of(start))
            for parts, (request, start) in zip(pending, asked, strict=True)
        ]

    def _finished(
        self, parts: Sequence[PendingChunk], request: GenerationRequest, scan: ScanStart | None
    ) -> Volume | VolumeError:
        try:
            hu = [self._decoder.done(part).hu for part in parts]
            check_length(sum(map(len, hu)), request, scan)
        except VolumeError as error:
            return error
        return Volume(np.concatenate(hu), scan.scan.affine if scan else self._grid.affine)

    def generate(self, request: GenerationRequest, start: Start | None = None) -> Volume:
        """The whole volume: drains `stream`."""
        return generate(self, request, start)

    def read(self, report: Report | None) -> Reading:
        """See `VolumeGenerator.read`."""
        return self._reader.read(report)

    @torch.inference_mode()
    def score(self, volume: Volume, report: Report) -> float | None:
        """See `VolumeGenerator.score`: CT-CLIP's score, as the VLM3D challenge counts it."""
        if self._ctclip is None:
            return None
        with memory_of(self.device):
            image = challenge_input(volume, self._ctclip.config).to(self._device)
            text = self._ctclip.text_latent(self._encode(clip_text(report))[0])
            return clip_score(text, self._ctclip.image_latent(image)).item()

    @torch.inference_mode()
    def labels(self, volume: Volume) -> dict[str, float] | None:
        """See `VolumeGenerator.labels`: CT-CLIP's zero-shot probabilities."""
        if self._ctclip is None:
            return None
        labels = self._ctclip.config.labels
        with memory_of(self.device):
            image = clip_input(volume, self._ctclip.config).to(self._device)
            texts = torch.cat([self._text.encode(prompt)[0] for pair in prompts(labels) for prompt in pair])
            pairs = self._ctclip.text_latent(texts).unflatten(0, (-1, 2))
            present = self._ctclip.present(pairs, self._ctclip.image_latent(image))[0]
            return dict(zip(labels, present.tolist(), strict=True))

    def _sample(self, plan: ChunkPlan, kept: KeptChunks) -> Sampled:
        return sample(plan, self._chunks(kept), self._end)

    def _chunks(self, kept: KeptChunks) -> Chunks:
        scan_chunk = cache(self._scan_chunk)  # a scan's chunk is shown, and the next one is made from it
        transformer, prediction = self._engine.transformer, self.card.prediction
        return Chunks(transformer, prediction, self._first_previous, self._conditions, scan_chunk, kept)

    def _scan_chunk(self, start: ScanStart, chunk: int) -> Tensor:
        """The latents (C, slices, H, W) of a scan's chunk. Where it is shown they are decoded, as all others are."""
        per_chunk = self.card.geometry.slices_per_chunk
        slices = self._grid.to_model(start.scan.hu[chunk * per_chunk : (chunk + 1) * per_chunk])
        intensity = torch.from_numpy(self.card.intensity.to_intensity(slices))
        return self._avae.encode(intensity.to(self._device)).transpose(0, 1)

    def _conditions(self, request: GenerationRequest) -> Conditions:
        latent = self.card.latent
        shape = (latent.channels, self.card.geometry.slices_per_chunk, latent.rows, latent.columns)
        text = self._encode(encoder_text(request.report, self.card.text.parts))
        drawn = seeded_noise(request.seed, shape)

        def noise(chunk: int) -> Iterator[Tensor]:
            return map(self._engine.upload, drawn(chunk))

        return Conditions(text, noise)

    def _warm_up(self) -> None:
        """Runs all that a request may run: steps of both batch sizes, and the one size in which slices are decoded."""
        for guidance in (1.0, 2.0) if self.card.guidance.trained else (1.0,):
            request = self.card.request(WARM_UP, seed=0, chunks=1, steps=2, guidance=guidance)
            for _ in self._sample(self._plan(request, None), KeptChunks(1)):
                pass
        some = self._first_previous[:, : self._engine.slices_at_once]
        self._decoder.done(self._decoder.begin_at_once(0, 0, some))
