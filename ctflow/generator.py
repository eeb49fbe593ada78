"""What comes out of a generator, and the protocol by which the app knows one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ctflow.card import ModelCard
from ctflow.reading import Reading
from ctflow.report import Report
from ctflow.request import GenerationRequest, ScanStart
from ctflow.volume import Volume


@dataclass(frozen=True, eq=False)
class Started:
    """The request was accepted. `shape`: (slices, rows, columns) if no chunk ends the volume early."""

    request: GenerationRequest
    shape: tuple[int, int, int]
    affine: np.ndarray


@dataclass(frozen=True)
class StepDone:
    """One evaluation of the transformer is done; `chunk` and `step` count from 0."""

    chunk: int
    step: int


@dataclass(frozen=True, eq=False)
class ChunkDone:
    """Slices that will not be taken back: int16 HU (slices, rows, columns), beginning at `first_slice`.

    A chunk may come in several of these, as its slices are decoded.
    """

    chunk: int
    first_slice: int
    hu: np.ndarray


@dataclass(frozen=True, eq=False)
class Finished:
    """The whole volume: the `hu` of all ChunkDone, concatenated."""

    volume: Volume


Event = Started | StepDone | ChunkDone | Finished


class VolumeGenerator(Protocol):
    """Anything that turns requests into events."""

    card: ModelCard
    model_sha256: str
    device: str
    cuda: str  # one of CUDA_LEVELS
    hardware: str  # what else of the machine its bytes depend on

    def stream(self, request: GenerationRequest, start: ScanStart | None = None) -> Iterator[Event]:
        """Started, then StepDone and ChunkDone in order, then Finished. Closing the iterator cancels."""
        ...

    def read(self, report: Report | None) -> Reading:
        """What of this report reaches the model; None is a report that is not written yet."""
        ...

    def score(self, volume: Volume, report: Report) -> float | None:
        """How well a volume fits a report by the model's own image tower, 0 to 100; None where it has none."""
        ...

    def labels(self, volume: Volume) -> dict[str, float] | None:
        """How likely each finding is in a volume, by the same tower; None where it has none."""
        ...


def generate(generator: VolumeGenerator, request: GenerationRequest, start: ScanStart | None = None) -> Volume:
    """Drains `generator.stream`."""
    for event in generator.stream(request, start):
        if isinstance(event, Finished):
            return event.volume
    raise AssertionError("a stream ends with Finished")
