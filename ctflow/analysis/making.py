"""Volumes made one after another, with progress and the time that is left. Closing a generator here stops at a step."""

import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass

from ctflow.generator import ChunkDone, Event, StepDone, VolumeGenerator, joined
from ctflow.request import MAX_SEED, GenerationRequest, Start
from ctflow.volume import Volume

Clock = Callable[[], float]  # seconds


@dataclass(frozen=True)
class Progress:
    """`done` of `total` evaluations of the transformer; `left_s`: seconds left at this pace. `doing`: in words."""

    doing: str
    done: int
    total: int
    left_s: float


@dataclass(frozen=True, eq=False)
class Made:
    """A volume, the number of its chunks that brought slices, and how long it took."""

    volume: Volume
    chunks: int
    seconds: float


class Work:
    """Counts evaluations. `total` may be set again once it is known better, as when a volume has ended early."""

    def __init__(self, total: int, clock: Clock = time.monotonic) -> None:
        self.total, self.done = total, 0
        self._clock, self._began_s = clock, clock()

    @property
    def elapsed_s(self) -> float:
        """Seconds since it began."""
        return self._clock() - self._began_s

    def step_done(self, doing: str) -> Progress:
        """Counts one evaluation more."""
        self.done += 1
        left = max(0, self.total - self.done)
        return Progress(doing, self.done, self.done + left, left * self.elapsed_s / self.done)


def make(
    generator: VolumeGenerator, request: GenerationRequest, start: Start | None, work: Work, doing: str
) -> Generator[Progress, None, Made]:
    """Makes one volume, and yields after each evaluation."""
    events: list[Event] = []
    began_s = work.elapsed_s
    with closing(generator.stream(request, start)) as stream:
        for event in stream:
            events.append(event)
            if isinstance(event, StepDone):
                yield work.step_done(doing)
    chunks = [event.chunk for event in events if isinstance(event, ChunkDone) and len(event.hu)]
    return Made(joined(events), 1 + max(chunks), work.elapsed_s - began_s)


def other_seeds(seed: int, count: int) -> list[int]:
    """The `count` seeds after this one; after the last there is comes 0."""
    return [(seed + 1 + i) % (MAX_SEED + 1) for i in range(count)]
