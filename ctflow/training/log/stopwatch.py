"""How long a device computes, as against the time of the clock."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch


class Stopwatch:
    """Adds up how long its device computes within `running`. Only `seconds` waits for a GPU."""

    def __init__(self, device: torch.device) -> None:
        self._is_cuda = device.type == "cuda"
        self._events: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []
        self._seconds = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """What is computed within it counts."""
        if self._is_cuda:
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            begin.record()
            yield
            end.record()
            self._events.append((begin, end))
        else:
            began_s = time.perf_counter()
            yield
            self._seconds += time.perf_counter() - began_s

    def seconds(self) -> float:
        """The sum since this was last called."""
        if self._events:
            self._events[-1][1].synchronize()
            self._seconds = sum(begin.elapsed_time(end) for begin, end in self._events) / 1000
            self._events = []
        total, self._seconds = self._seconds, 0.0
        return total
