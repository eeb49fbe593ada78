"""CTFlow: a request in, events out. Owns the device, and turns latents into HU in the patient's space."""

import contextlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ctflow.checkpoints import Checkpoint, load_checkpoint
from ctflow.errors import RequestError, ResourceError, VolumeError
from ctflow.events import ChunkDone, Event, Finished, GenerationRequest, Reading, Start, Started, StepDone, generate
from ctflow.frame import Frame
from ctflow.labels import LABELS
from ctflow.models.ctclip import clip_score
from ctflow.models.ctclip_input import challenge_input, clip_input, clip_text, prompts
from ctflow.report import Report, encoder_text
from ctflow.sampler import ChunkSampled, Given, WhiteRule, sample, seeded_noise
from ctflow.start import check_start
from ctflow.volume import Volume

DEVICES = ("auto", "cpu", "cuda")


def resolve_device(name: str) -> torch.device:
    """`auto` is the GPU where there is one.

    Raises RequestError for a name that is not in DEVICES, ResourceError for a GPU that is not there.
    """
    if name not in DEVICES:
        raise RequestError(f"The device is one of {', '.join(DEVICES)}; got {name!r}.")
    if name == "cuda" and not torch.cuda.is_available():
        raise ResourceError("The device cuda was asked for, but torch finds no CUDA GPU here. Use cpu or auto.")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


@contextlib.contextmanager
def _memory_of(device: torch.device | str) -> Iterator[None]:
    """Says memory that ran out as a ResourceError, with the knobs that help."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # On the CPU torch has no type of its own for it.
        if not isinstance(error, (MemoryError, torch.OutOfMemoryError)) and "allocate memory" not in str(error):
            raise
        elsewhere = "" if str(device) == "cpu" else ", or run it on the CPU (--device cpu)"
        raise ResourceError(
            f"The memory of {device} is not enough for this model. Close other programs, leave guidance at 1, "
            f"choose a smaller model{elsewhere}."
        ) from error


def precision(compute_capability: tuple[int, int]) -> tuple[torch.dtype, torch.dtype]:
    """Of the transformer and of the A-VAE on a GPU. A T4 has no bf16, and FLUX's A-VAE gives NaN in fp16.

    Not `torch.cuda.is_bf16_supported`, which says yes where it is only emulated.
    """
    if compute_capability >= (8, 0):
        return torch.bfloat16, torch.bfloat16
    return torch.float16, torch.float32


class CTFlow:
    """A `Generator` (see `ctflow.events`) that runs a checkpoint. One request at a time."""

    def __init__(self, checkpoint: Checkpoint, device: torch.device) -> None:
        self.card, self.model_sha256, self.device = checkpoint.card, checkpoint.sha256, str(device)
        self._device = device
        self._frame = Frame(self.card.geometry)
        self._transformer = checkpoint.transformer.to(device)
        self._avae = checkpoint.avae.to(device)
        self._text = checkpoint.text.to(device)
        self._ctclip = checkpoint.ctclip.to(device) if checkpoint.ctclip else None
        self._encode = lru_cache(maxsize=16)(torch.inference_mode()(self._text.encode))
        with torch.inference_mode():
            self._first_previous = self._make_first_previous()
            self._white = self._make_white_rule()
        if device.type == "cuda":
            self._lower(*precision(torch.cuda.get_device_capability(device)))
        else:
            self._avae.kl.to(memory_format=torch.channels_last)  # a quarter faster; CUDA's group norm undoes it

    def _lower(self, transformer: torch.dtype, avae: torch.dtype) -> None:
        """After the codes of black and white were made, which the stop rule compares with."""
        self._transformer.lower(transformer)
        self._avae.kl.to(avae)

    @classmethod
    def load(cls, folder: Path, device: str = "auto") -> "CTFlow":
        """Loads a checkpoint folder. Raises CheckpointError, RequestError or ResourceError."""
        on = resolve_device(device)
        with _memory_of(on):
            return cls(load_checkpoint(folder), on)

    def stream(self, request: GenerationRequest, start: Start | None = None) -> Iterator[Event]:
        """Makes one volume. Closing the iterator stops it within one step. See `Generator.stream`.

        Raises RequestError for what this model cannot do, VolumeError if the volume ends before its first slice,
        ResourceError where memory runs out.
        """
        with _memory_of(self.device), contextlib.closing(self._events(request, start)) as events:
            yield from events

    def _events(self, request: GenerationRequest, start: Start | None) -> Iterator[Event]:
        self.card.check(request)
        scan = self._frame.bring(start.scan) if start else None
        given = self._given(start, scan, request) if start and scan else None
        affine = scan.affine if scan else self._frame.affine
        yield Started(request, (request.chunks * self.card.geometry.slices_per_chunk, *self._frame.plane), affine)
        done: list[np.ndarray] = []
        with contextlib.closing(self._sample(request, given)) as sampled:
            for event in sampled:
                if not isinstance(event, ChunkSampled):
                    yield StepDone(event.chunk, event.step)
                elif event.latents.shape[1]:
                    for hu in self._decode(event.latents):
                        yield ChunkDone(event.chunk, sum(map(len, done)), hu)
                        done.append(hu)
        if not done:
            raise VolumeError(f"Seed {request.seed} ended this volume before its first slice. Try another seed.")
        yield Finished(Volume(np.concatenate(done), affine))

    def generate(self, request: GenerationRequest, start: Start | None = None) -> Volume:
        """Drains `stream`."""
        return generate(self, request, start)

    def read(self, report: Report) -> Reading:
        """See `Generator.read`."""
        return self._text.read(encoder_text(report, self.card.text.parts))

    @torch.inference_mode()
    def score(self, volume: Volume, report: Report) -> float | None:
        """See `Generator.score`: the CLIP score of CT-CLIP, as the VLM3D challenge counts it."""
        if self._ctclip is None:
            return None
        image = challenge_input(volume, self._ctclip.config.input_size).to(self._device)
        text = self._ctclip.text_latent(self._encode(clip_text(report))[0])
        return clip_score(text, self._ctclip.image_latent(image)).item()

    @torch.inference_mode()
    def labels(self, volume: Volume) -> dict[str, float] | None:
        """See `Generator.labels`: zero-shot probabilities of CT-RATE's labels, by CT-CLIP."""
        if self._ctclip is None:
            return None
        image = clip_input(volume, self._ctclip.config.input_size).to(self._device)
        texts = torch.cat([self._text.encode(prompt)[0] for pair in prompts() for prompt in pair])
        pairs = self._ctclip.text_latent(texts).unflatten(0, (-1, 2))
        present = self._ctclip.present(pairs, self._ctclip.image_latent(image))[0]
        return dict(zip(LABELS, present.tolist(), strict=True))

    @torch.inference_mode()
    def _given(self, start: Start, scan: Volume, request: GenerationRequest) -> Given:
        """The chunks of a scan that lies on our grid, encoded: what is shown of them is decoded as all others are."""
        head = check_start(start, scan, request, self.card.geometry.slices_per_chunk)
        always_previous = start.mode == "next-block"
        count = (request.chunks if always_previous else head) * self.card.geometry.slices_per_chunk
        intensity = self.card.intensity.to_intensity(self._frame.to_model(scan.hu[:count]))
        latents = self._avae.encode(torch.from_numpy(intensity).to(self._device))
        return Given(latents.transpose(0, 1), head, always_previous)

    def _sample(self, request: GenerationRequest, given: Given | None) -> Iterator[object]:
        latent = self.card.latent
        shape = (latent.channels, self.card.geometry.slices_per_chunk, latent.rows, latent.columns)
        text = self._encode(encoder_text(request.report, self.card.text.parts))
        noise = seeded_noise(request.seed, shape)
        return sample(
            self._transformer, self.card.prediction, request, text, self._first_previous, self._white, noise, given
        )

    @torch.inference_mode()
    def _decode(self, latents: Tensor) -> Iterator[np.ndarray]:
        """Latents (C, slices, H, W) -> int16 HU (slices, rows, columns), rows to the back and columns to the left.

        A few slices at a time, because a whole chunk may take longer than steps do, and Stop is heard in between.
        """
        few = self._avae.slices_at_once(self.card.geometry.rows, self.card.geometry.columns)
        for slices in latents.transpose(0, 1).split(few):
            intensity = self._avae.decode(slices).float().cpu().numpy()
            yield self._frame.to_volume(self.card.intensity.to_hu(intensity))

    def _plain_code(self, intensity: float) -> Tensor:
        return self._avae.code_of(intensity, self.card.geometry.rows, self.card.geometry.columns)

    def _make_first_previous(self) -> Tensor:
        black = self._plain_code(self.card.intensity.black)
        if self.card.first_previous == "zeros":
            black = torch.zeros_like(black)
        return black[:, None].expand(-1, self.card.geometry.slices_per_chunk, -1, -1)

    def _make_white_rule(self) -> WhiteRule:
        stop = self.card.stop
        return WhiteRule(self._plain_code(self.card.intensity.white), stop.tolerance, stop.share)
