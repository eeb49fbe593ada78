"""What a load test is judged by: figures beside their targets, the server's memory, and the steps of its model."""

import statistics
import threading
import time
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.app.server import Apart

SAMPLE_S = 1.0
WARM_UP = 0.2  # of the time


@dataclass(frozen=True)
class Figure:
    """A measured value and the most that it may be, its `target`."""

    name: str
    value: float
    target: float
    unit: str = ""

    @property
    def met(self) -> bool:
        return self.value <= self.target

    def __str__(self) -> str:
        value, target = (f"{100 * v:+.1f}" if self.unit == "%" else f"{v:.4g}" for v in (self.value, self.target))
        return f"{self.name}: {value}{self.unit}   (at most {target}: {'met' if self.met else 'MISSED'})"


def met(figures: Iterable[Figure]) -> bool:
    """Prints each figure as soon as it is known. Returns whether all targets are met."""
    judged = []
    for figure in figures:
        print(figure, flush=True)
        judged.append(figure.met)
    return all(judged)


class Memory:
    """The resident memory of one process (Linux), sampled while this context is open."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self.samples_mb: list[float] = []
        self.late_s: list[float] = []  # how much later than planned each sample was taken, because the machine was busy

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _sample(self) -> None:
        planned_from_s = time.monotonic()
        while not self._done.wait(SAMPLE_S):
            self.late_s.append(time.monotonic() - planned_from_s - SAMPLE_S)
            lines = self._status.read_text().splitlines()
            self.samples_mb.append(next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")))
            planned_from_s = time.monotonic()


def growth_of(memory: Memory) -> float:
    """The share by which it grew between the first and the last quarter of the time after warming up; prints both."""
    warm = memory.samples_mb[int(len(memory.samples_mb) * WARM_UP) :]
    quarter = max(1, len(warm) // 4)
    first, last = statistics.median(warm[:quarter]), statistics.median(warm[-quarter:])
    print(f"memory {memory.samples_mb[0]:.0f} MB at the start, {first:.0f} warmed up, {last:.0f} at the end")
    return last / first - 1


@dataclass(frozen=True)
class Steps:
    """When each event of the model was ready, on the machine's monotonic clock, and how long it took."""

    ends_s: list[float]
    took_s: list[float]

    def running_at(self, moment_s: float) -> float:
        """How long the step took that ran at this moment, or the next one."""
        place = bisect_left(self.ends_s, moment_s)
        return self.took_s[place] if place < len(self.took_s) else 0.0


def steps_of(server: Apart) -> Steps:
    """Reads them from the server's log, where `tests.app.serve.Paced` wrote them."""
    lines = [line.split()[1:] for line in server.log.read_text().splitlines() if line.startswith("STEP ")]
    pairs = sorted((float(end), float(took)) for end, took in lines)
    return Steps([end for end, _ in pairs], [took for _, took in pairs])


def beyond_a_step(stops: list[tuple[float, float]], steps: Steps) -> float:
    """The most seconds that a Stop took beyond the step in which it came. `stops`: when each came, and its seconds."""
    return max((took_s - steps.running_at(asked_s) for asked_s, took_s in stops), default=0.0)


def spread(seconds: list[float]) -> str:
    if not seconds:
        return "none"
    most = sorted(seconds)[int(0.95 * (len(seconds) - 1))]
    middle = statistics.median(seconds)
    return f"{middle:.2f} s, 95 % within {most:.2f} s, the slowest of {len(seconds)} {max(seconds):.2f} s"


def count_in_log(server: Apart, word: str) -> int:
    return server.log.read_text().count(word)
