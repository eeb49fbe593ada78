"""What comes out of a generator, and the protocol by which the app knows one."""

from collections.abc import Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ctflow.card import ModelCard
from ctflow.drawn import Drawn
from ctflow.reading import Reading
from ctflow.report import Report
from ctflow.request import GenerationRequest, Start
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
class Drafted:
    """What a chunk may become: int16 HU (slices, rows, columns), for a person to look at while it is made.

    It belongs to no volume, and ChunkDone brings other slices in its place. Only a generator that was made for it
    yields one, once in a volume.
    """

    chunk: int
    first_slice: int
    hu: np.ndarray


@dataclass(frozen=True, eq=False)
class ChunkDone:
    """Slices that will not be taken back: int16 HU (slices, rows, columns), beginning at `first_slice`.

    A chunk may come in several of these, as its slices are decoded.
    """

    chunk: int
    first_slice: int
    hu: np.ndarray


@dataclass(frozen=True)
class Finished:
    """The volume is complete: the `hu` of all ChunkDone, one after another.

    `shape`: (slices, rows, columns); fewer slices than in Started if a chunk ended the volume early.
    """

    shape: tuple[int, int, int]


Event = Started | StepDone | Drafted | ChunkDone | Finished
EventStream = Generator[Event, None, None]


class VolumeGenerator(Protocol):
    """Anything that turns requests into events."""

    card: ModelCard
    model_sha256: str
    device: str
    cuda: str  # one of `ctflow.choices.CUDA_LEVELS`
    precision: str  # one of `ctflow.choices.PRECISIONS`, but not auto
    hardware: str  # what else of the machine its volumes' bytes depend on
    drawn: Mapping[str, Drawn]  # by finding, how often it draws what it read; empty where that was never measured

    def stream(self, request: GenerationRequest, start: Start | None = None) -> EventStream:
        """Started, then StepDone and ChunkDone in order, then Finished. Closing the iterator cancels."""
        ...

    def read(self, report: Report | None) -> Reading:
        """What the model takes in of this report; None is a report that is not written yet."""
        ...

    def score(self, volume: Volume, report: Report) -> float | None:
        """How well a volume fits a report, 0 to 100, by the model's own image tower; None where it has none."""
        ...

    def labels(self, volume: Volume) -> dict[str, float] | None:
        """How likely each finding is in a volume, by the same tower; None where it has none."""
        ...


def generate(generator: VolumeGenerator, request: GenerationRequest, start: Start | None = None) -> Volume:
    """The whole volume of one request: drains `generator.stream`."""
    with closing(generator.stream(request, start)) as events:
        return joined(events)


def joined(events: Iterable[Event]) -> Volume:
    """The volume that these events of one stream bring, up to the last of them. There must be slices among them."""
    affine: np.ndarray | None = None
    chunks: list[np.ndarray] = []
    for event in events:
        match event:
            case Started():
                affine = event.affine
            case ChunkDone():
                chunks.append(event.hu)
    if affine is None or not chunks:
        raise AssertionError("a stream brings Started, then ChunkDone")
    return Volume(np.concatenate(chunks), affine)
