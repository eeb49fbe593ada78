"""ZeroGPU, where Spaces lend a GPU to one request at a time: imported first of all, and nothing anywhere else.

There a generator runs in a forked process, which pickles what it yields. So the request that asks for a volume drives
it, and the registry in the parent process only records; locks and stop events stay on its side.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import gradio as gr

from app.messages import WorkerBug, error_places
from ctflow.card import ModelCard
from ctflow.errors import CTFlowError, ResourceError
from ctflow.generator import Event, EventStream, VolumeGenerator
from ctflow.reading import Reading
from ctflow.report import Report
from ctflow.request import GenerationRequest, Start
from ctflow.volume import Volume

try:
    import spaces
except ImportError:
    spaces = None

LONGEST_S = 120


def on_zero_gpu() -> bool:
    """Whether this process is on a Space that lends GPUs."""
    return spaces is not None and bool(os.environ.get("SPACES_ZERO_GPU"))


class OnZeroGPU:
    """A generator whose stream borrows the GPU while it runs. `gpu`: a decorator, `spaces.GPU` if not given."""

    def __init__(self, inner: VolumeGenerator, gpu: Callable[..., Any] | None = None) -> None:
        self.card: ModelCard = inner.card
        self.model_sha256 = inner.model_sha256
        self.device, self.cuda, self.hardware = inner.device, inner.cuda, inner.hardware
        self.precision = inner.precision
        self._inner = inner
        self._stream = (gpu or spaces.GPU(duration=LONGEST_S))(_yielding_errors(inner.stream))

    def stream(self, request: GenerationRequest, start: Start | None = None) -> EventStream:
        """See `VolumeGenerator.stream`. After it is closed, the worker stops at its next event.

        Raises ResourceError if ZeroGPU lends no GPU, or takes it back.
        """
        try:
            with closing(self._stream(request, start)) as events:
                for event in events:
                    if isinstance(event, Exception):
                        raise event
                    yield event
        except gr.Error as error:
            raise ResourceError(f"{error.title}: {error.message}") from error

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
