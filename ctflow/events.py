"""What goes into a generator and what comes out of it. The app knows generators by these types alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

import numpy as np

from ctflow.errors import RequestError
from ctflow.report import Report
from ctflow.volume import Volume

if TYPE_CHECKING:
    from ctflow.card import ModelCard

Solver = Literal["euler", "midpoint", "stochastic"]
# Ways through the solver by name: the published one, and two that spend fewer steps.
PRESETS: dict[str, dict[str, Any]] = {
    "parity": {"solver": "euler", "steps": 200, "shift": 1.0},
    "quality": {"solver": "midpoint", "steps": 24, "shift": 1.5},
    "fast": {"solver": "midpoint", "steps": 10, "shift": 1.5},
}
MAX_SEED = 2**32 - 1
MAX_STEPS = 1000


def _check_whole(name: str, value: object, low: int, high: int) -> None:
    if type(value) is not int or not low <= value <= high:
        raise RequestError(f"{name} is a whole number from {low} to {high}; got {value!r}.")


def _check_number(name: str, value: object, low: float, high: float) -> None:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not low <= value <= high:
        raise RequestError(f"{name} is a number from {low:g} to {high:g}; got {value!r}.")


@dataclass(frozen=True, kw_only=True)
class GenerationRequest:
    """One volume to make. `ModelCard.request` fills in a model's defaults and checks its limits.

    `steps` is the number of evaluations of the transformer per chunk, so midpoint needs an even one.
    `shift` bends the time grid towards noise (1 = equal steps). `guidance` 1 = none.
    Raises RequestError for values out of range.
    """

    report: Report
    seed: int
    solver: Solver
    steps: int
    shift: float
    chunks: int
    guidance: float

    def __post_init__(self) -> None:
        _check_whole("Seed", self.seed, 0, MAX_SEED)
        _check_whole("Steps", self.steps, 1, MAX_STEPS)
        _check_whole("The number of chunks", self.chunks, 1, 64)
        _check_number("Shift", self.shift, 0.1, 10)
        _check_number("Guidance", self.guidance, 0, 20)
        if self.solver not in get_args(Solver):
            raise RequestError(f"The solver is one of {', '.join(get_args(Solver))}; got {self.solver!r}.")
        if self.solver == "midpoint" and self.steps % 2:
            raise RequestError(f"Midpoint takes its steps in pairs: give an even number of steps, not {self.steps}.")


@dataclass(frozen=True, eq=False)
class Start:
    """A real scan that a volume begins with, as the paper's modes have it.

    `gt-head`: its first `slices` stand at the beginning, and the model goes on from there.
    `next-block`: every chunk is made from the scan's own chunk before it.
    """

    mode: Literal["gt-head", "next-block"]
    scan: Volume
    slices: int


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


@dataclass(frozen=True)
class Mention:
    """What a report says of one finding: that it is there, or, if not `asserted`, that it is not.

    `side`: right, left or both; `lobe`: upper, middle or lower; `size`: small, moderate or large; each None where the
    report does not say, or the finding is not told apart by it.
    """

    finding: str
    asserted: bool
    side: str | None
    lobe: str | None
    size: str | None


@dataclass(frozen=True)
class Reading:
    """How much of a report the text encoder takes in: tokens of at most `limit`, and the text cut off past it.

    `known`: all findings that the model tells apart; `found`: those that it recognised in what it takes in; `unread`:
    the sentences in which it recognised none. All are empty for a model that cannot say.
    """

    tokens: int
    limit: int
    cut_text: str
    known: tuple[str, ...] = ()
    found: tuple[Mention, ...] = ()
    unread: tuple[str, ...] = ()


class Generator(Protocol):
    """Anything that turns requests into events."""

    card: "ModelCard"
    model_sha256: str
    device: str
    cuda: str  # one of CUDA_LEVELS
    hardware: str  # what else of the machine its bytes depend on

    def stream(self, request: GenerationRequest, start: Start | None = None) -> Iterator[Event]:
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


def generate(generator: Generator, request: GenerationRequest, start: Start | None = None) -> Volume:
    """Drains `generator.stream`."""
    for event in generator.stream(request, start):
        if isinstance(event, Finished):
            return event.volume
    raise AssertionError("a stream ends with Finished")
