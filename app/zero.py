"""ZeroGPU, where Spaces lend a GPU to one request at a time: imported first of all, and nothing anywhere else.

There a generator runs in a forked process, which pickles what it yields. So the request that asks for a volume drives
it, and the registry in the parent process only records; locks and stop events stay on its side.
"""

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import gradio as gr

from app.clock import Clock
from app.messages import WorkerBug, error_places
from ctflow.card import ModelCard
from ctflow.errors import CTFlowError, ResourceError
from ctflow.generator import ChunkDone, Event, EventStream, StepDone, VolumeGenerator
from ctflow.reading import Reading
from ctflow.report import Report
from ctflow.request import GenerationRequest, SharedPrevious, Start
from ctflow.volume import Volume

try:
    import spaces
except ImportError:
    spaces = None

# The most that is asked for. Who asks for less comes sooner, and a visitor without an account has two minutes a day, of
# which `spaces` (0.51.3) counts half as much again on the cards of today.
LONGEST_S = 120
STARTING_S = 15  # an estimate: the worker is forked, the model brought to the GPU, and the first step chooses kernels
# An estimate for the largest released model, until a run has shown its pace; nothing was measured there yet.
FIRST_EVALUATION_S = 0.05
DECODING_EVALUATIONS = 6  # of the transformer take as long as decoding a chunk does
MARGIN = 1.5  # a run that outlasts its time is cut short, and the lent cards are shared


def on_zero_gpu() -> bool:
    """Whether this process is on a Space that lends GPUs."""
    return spaces is not None and bool(os.environ.get("SPACES_ZERO_GPU"))


class _Done:
    """What has been done of a run since its first step, which takes longer, and in how many seconds."""

    def __init__(self, clock: Clock) -> None:
        self.steps, self.seconds = 0, 0.0
        self.chunks: set[int] = set()
        self._clock = clock
        self._first_step_at_s: float | None = None

    def note(self, event: Event) -> None:
        now_s = self._clock.monotonic()
        if self._first_step_at_s is None:
            self._first_step_at_s = now_s if isinstance(event, StepDone) else None
            return
        self.seconds = now_s - self._first_step_at_s
        match event:
            case StepDone():
                self.steps += 1
            case ChunkDone():
                self.chunks.add(event.chunk)


class GPUTime:
    """How long a request needs the GPU, by the pace of the run before it."""

    def __init__(self) -> None:
        self._evaluation_s = FIRST_EVALUATION_S

    def seconds_for(self, request: GenerationRequest, start: Start | None = None) -> int:
        """What to ask for. Takes what the stream takes, because `spaces` calls it so."""
        work = _evaluations(request, request.chunks * request.steps, request.chunks)
        if isinstance(start, SharedPrevious):
            work += _evaluations(start.request, request.chunks * request.steps, 0)  # each worker makes those again
        return min(LONGEST_S, math.ceil(STARTING_S + MARGIN * self._evaluation_s * work))

    def learn(self, request: GenerationRequest, done: _Done) -> None:
        """Takes the pace from a run, or from as much as there was of it."""
        if done.steps:
            self._evaluation_s = done.seconds / _evaluations(request, done.steps, len(done.chunks))


def _evaluations(request: GenerationRequest, steps: int, chunks: int) -> float:
    """The work in these steps and chunks, in evaluations of the transformer for one sample."""
    return steps * request.evaluations / request.steps + chunks * DECODING_EVALUATIONS


class OnZeroGPU:
    """A generator whose stream borrows the GPU while it runs, for the time that its request needs.

    `gpu`: makes a decorator of a `duration`, as `spaces.GPU` does, which it is if not given.
    """

    def __init__(self, inner: VolumeGenerator, gpu: Callable[..., Any] | None = None, clock: Clock = time) -> None:
        self.card: ModelCard = inner.card
        self.model_sha256 = inner.model_sha256
        self.device, self.cuda, self.hardware = inner.device, inner.cuda, inner.hardware
        self.precision, self.drawn = inner.precision, inner.drawn
        self._inner = inner
        self._time, self._clock = GPUTime(), clock
        lend = gpu or spaces.GPU
        self._stream = lend(duration=self._time.seconds_for)(_yielding_errors(inner.stream))

    def stream(self, request: GenerationRequest, start: Start | None = None) -> EventStream:
        """See `VolumeGenerator.stream`. After it is closed, the worker stops at its next event.

        Raises ResourceError if ZeroGPU lends no GPU, or takes it back.
        """
        done = _Done(self._clock)
        try:
            with closing(self._stream(request, start)) as events:
                for event in events:
                    if isinstance(event, Exception):
                        raise event
                    done.note(event)
                    yield event
        except gr.Error as error:
            raise ResourceError(f"{error.title}: {error.message}") from error
        finally:
            self._time.learn(request, done)

    def read(self, report: Report | None) -> Reading:
        return self._inner.read(report)

    def score(self, volume: Volume, report: Report) -> float | None:
        return self._inner.score(volume, report)

    def labels(self, volume: Volume) -> dict[str, float] | None:
        return self._inner.labels(volume)


def _yielding_errors(stream: Callable[..., Iterator[Event]]) -> Callable[..., Iterator[Event | Exception]]:
    """A stream that yields its error instead of raising it.

    `spaces` prints the text of what a worker raises, and passes on only its class.
    """

    def yielding(request: GenerationRequest, start: Start | None) -> Iterator[Event | Exception]:
        try:
            yield from stream(request, start)
        except CTFlowError as error:
            yield error
        except Exception as error:  # its text may quote a report, and perhaps it cannot be pickled
            yield WorkerBug(error_places(error))

    return yielding
