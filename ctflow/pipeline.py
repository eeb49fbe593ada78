"""CTFlow: a request in, events out. Owns the device, and turns latents into HU in the patient's space."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ctflow.checkpoints import Checkpoint, load_checkpoint
from ctflow.errors import RequestError, ResourceError, VolumeError
from ctflow.events import ChunkDone, Event, Finished, GenerationRequest, Reading, Started, StepDone, generate
from ctflow.report import Report, encoder_text
from ctflow.sampler import ChunkSampled, WhiteRule, sample, seeded_noise
from ctflow.volume import Volume, plane_affine

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


class CTFlow:
    """A `Generator` (see `ctflow.events`) that runs a checkpoint. One request at a time."""

    def __init__(self, checkpoint: Checkpoint, device: torch.device) -> None:
        self.card, self.model_sha256, self.device = checkpoint.card, checkpoint.sha256, str(device)
        self._transformer = checkpoint.transformer.to(device)
        self._avae = checkpoint.avae.to(device)
        self._text = checkpoint.text.to(device)
        with torch.inference_mode():
            self._first_previous = self._make_first_previous()
            self._white = self._make_white_rule()

    @classmethod
    def load(cls, folder: Path, device: str = "auto") -> "CTFlow":
        """Loads a checkpoint folder. Raises CheckpointError, RequestError or ResourceError."""
        on = resolve_device(device)
        with _memory_of(on):
            return cls(load_checkpoint(folder), on)

    def stream(self, request: GenerationRequest) -> Iterator[Event]:
        """Makes one volume. Closing the iterator stops it within one step. See `Generator.stream`.

        Raises RequestError for what this model cannot do, VolumeError if the volume ends before its first slice,
        ResourceError where memory runs out.
        """
        with _memory_of(self.device), contextlib.closing(self._events(request)) as events:
            yield from events

    def _events(self, request: GenerationRequest) -> Iterator[Event]:
        self.card.check(request)
        geometry = self.card.geometry
        slices = request.chunks * geometry.slices_per_chunk
        yield Started(request, (slices, *self._plane_shape), self.affine)
        done: list[np.ndarray] = []
        with contextlib.closing(self._sample(request)) as sampled:
            for event in sampled:
                if not isinstance(event, ChunkSampled):
                    yield StepDone(event.chunk, event.step)
                elif event.latents.shape[1]:
                    hu = self._decode(event.latents)
                    yield ChunkDone(event.chunk, sum(map(len, done)), hu)
                    done.append(hu)
        if not done:
            raise VolumeError(f"Seed {request.seed} ended this volume before its first slice. Try another seed.")
        yield Finished(Volume(np.concatenate(done), self.affine))

    def generate(self, request: GenerationRequest) -> Volume:
        """Drains `stream`."""
        return generate(self, request)

    def read(self, report: Report) -> Reading:
        """See `Generator.read`."""
        return self._text.read(encoder_text(report, self.card.text.parts))

    def score(self, volume: Volume, report: Report) -> float | None:
        """See `Generator.score`; no model has an image tower yet."""
        return None

    @property
    def affine(self) -> np.ndarray:
        """Of every volume this model makes: slices as the model orders them, rows to the back, columns to the left."""
        geometry = self.card.geometry
        spacing_mm = (geometry.slice_spacing_mm, geometry.pixel_spacing_mm, geometry.pixel_spacing_mm)
        return plane_affine((geometry.axes[0], "P", "L"), spacing_mm, *self._plane_shape)

    @property
    def _turned(self) -> bool:
        """Whether the model's rows run along the patient's left-right axis."""
        return self.card.geometry.axes[1] in "LR"

    @property
    def _plane_shape(self) -> tuple[int, int]:
        rows, columns = self.card.geometry.rows, self.card.geometry.columns
        return (columns, rows) if self._turned else (rows, columns)

    def _sample(self, request: GenerationRequest) -> Iterator[object]:
        latent = self.card.latent
        shape = (latent.channels, self.card.geometry.slices_per_chunk, latent.rows, latent.columns)
        with torch.inference_mode():
            text = self._text.encode(encoder_text(request.report, self.card.text.parts))
        noise = seeded_noise(request.seed, shape)
        return sample(self._transformer, self.card.prediction, request, text, self._first_previous, self._white, noise)

    @torch.inference_mode()
    def _decode(self, latents: Tensor) -> np.ndarray:
        """Latents (C, slices, H, W) -> int16 HU (slices, rows, columns), rows to the back and columns to the left."""
        intensity = self._avae.decode(latents.transpose(0, 1)).float().cpu().numpy()
        hu = self.card.intensity.to_hu(intensity)
        row_axis, column_axis = self.card.geometry.axes[1:]
        hu = np.flip(hu, [axis for axis, way in ((1, row_axis), (2, column_axis)) if way in "AR"])
        return np.ascontiguousarray(hu.swapaxes(1, 2) if self._turned else hu)

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
