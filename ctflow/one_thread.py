"""A model that belongs to one thread, whoever asks.

On a GPU, what a first use prepares (plans of convolutions, workspaces, compiled code) is kept for each thread apart, so
a server that gave each visitor a thread would prepare it again for each. ZeroGPU needs none of this: there a worker
process drives whole requests, and what stands for the GPU before it knows only the thread that imported `spaces`.
"""

import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

from ctflow.card import ModelCard
from ctflow.generator import Event, EventStream, VolumeGenerator
from ctflow.reading import Reading
from ctflow.report import Report
from ctflow.request import GenerationRequest, Start
from ctflow.volume import Volume

EVENTS_AHEAD = 32  # about as many steps as a GPU makes while a caller packs and stores a chunk
T = TypeVar("T")
_Call = tuple[Future[Any], Callable[[], Any]]


class WorkThread:
    """A thread that makes one call after another. It ends when nobody holds this object any more.

    A daemon: at the end of the process nobody waits for a step that is still running.
    """

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._thread = threading.Thread(target=_work, args=(self._calls,), name=name, daemon=True)
        self._thread.start()
        # Not at the exit of the process, before which somebody may still want to close a stream.
        weakref.finalize(self, self._calls.put, None).atexit = False

    def ask(self, work: Callable[..., T], *arguments: Any) -> Future[T]:
        """Puts a call in line; its future brings what it returns or raises, and can be cancelled until it begins."""
        future: Future[T] = Future()
        self._calls.put((future, partial(work, *arguments)))
        return future

    def call(self, work: Callable[..., T], *arguments: Any) -> T:
        """Makes a call there and waits for it. On that thread itself, where waiting would never end, makes it at once.

        It is the caller there if the garbage collector closes a stream that nobody has closed.
        """
        if threading.current_thread() is self._thread:
            return work(*arguments)
        return self.ask(work, *arguments).result()


def _work(calls: "SimpleQueue[_Call | None]") -> None:
    while (call := calls.get()) is not None:
        future, work = call
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(work())
            except BaseException as error:  # whatever it is, it belongs to whoever asked
                future.set_exception(error)
        del call, future, work  # while it waits, this thread keeps no model alive


class OnOneThread:
    """A `VolumeGenerator` that is loaded, warmed up and run on one long-lived thread of its own.

    `load` makes the generator, on that thread; what it raises is raised here.
    """

    def __init__(self, load: Callable[[], VolumeGenerator]) -> None:
        self._thread = WorkThread("model")
        self._inner = self._thread.call(load)
        self.card: ModelCard = self._inner.card
        self.model_sha256 = self._inner.model_sha256
        self.device, self.hardware = self._inner.device, self._inner.hardware
        self.cuda, self.precision = self._inner.cuda, self._inner.precision
        self.drawn = self._inner.drawn

    def stream(self, request: GenerationRequest, start: Start | None = None) -> EventStream:
        """See `VolumeGenerator.stream`. The model works on while the caller is busy with an event.

        Closing it ends the work after the step that is being made. Raises what the generator raises.
        """
        events = self._inner.stream(request, start)
        asked: deque[Future[Event | None]] = deque(self._thread.ask(next, events, None) for _ in range(EVENTS_AHEAD))
        try:
            while (event := asked.popleft().result()) is not None:
                asked.append(self._thread.ask(next, events, None))
                yield event
        finally:
            for future in asked:
                future.cancel()
            if not sys.is_finalizing():  # then the thread runs no more, and whoever waited would wait forever
                self._thread.call(events.close)

    def read(self, report: Report | None) -> Reading:
        """See `VolumeGenerator.read`. On the caller's thread, so that nobody who types waits for a step."""
        return self._inner.read(report)

    def score(self, volume: Volume, report: Report) -> float | None:
        """See `VolumeGenerator.score`."""
        return self._thread.call(self._inner.score, volume, report)

    def labels(self, volume: Volume) -> dict[str, float] | None:
        """See `VolumeGenerator.labels`."""
        return self._thread.call(self._inner.labels, volume)
