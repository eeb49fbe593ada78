"""Volumes one by one against the same ones together, as `generate --reports` makes them, in turns."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from ctflow.benchmark.against import Ratio
from ctflow.errors import RequestError
from ctflow.pipeline import CTFlow
from ctflow.report import Report
from ctflow.request import GenerationRequest
from ctflow.runtime.device import resolve_device
from ctflow.runtime.processes import processes
from ctflow.runtime.threads import cores_given
from ctflow.volume import Volume

REPORT = Report("Large right pleural effusion. No pneumothorax.")


@dataclass(frozen=True)
class Side:
    """A model and how it runs, for whoever has to load it."""

    folder: Path
    device: str
    precision: str

    def model(self) -> CTFlow:
        """Loaded once in a process."""
        return _loaded(self)


@lru_cache(maxsize=1)
def _loaded(side: Side) -> CTFlow:
    return CTFlow.load(side.folder, side.device, precision=side.precision)


def compare_together(side: Side, volumes: int, chunks: int | None, budget_s: float) -> Ratio:
    """As many rounds as fit into `budget_s`, of one at least.

    One by one, a volume has all cores. Together, each core has a process and an equal share of the volumes, in step; on
    a GPU all of them are in step. Loading is not counted. Raises RequestError for fewer than two volumes.
    """
    if volumes < 2:
        raise RequestError(f"Two volumes or more can be made together; got {volumes}.")
    card = side.model().card
    requests = [card.request(REPORT, seed, chunks=chunks) for seed in range(volumes)]
    workers = 1 if resolve_device(side.device).type == "cuda" else min(cores_given(), volumes)
    with processes(workers) as pool:
        _together(pool, side, [card.request(REPORT, 0, chunks=1)] * workers, workers)  # loads
        one_by_one_s, together_s, began = list[float](), list[float](), time.monotonic()
        while not one_by_one_s or (time.monotonic() - began) * (1 + 1 / len(one_by_one_s)) < budget_s:
            before, seconds = _timed(lambda: [side.model().generate(request) for request in requests])
            one_by_one_s.append(seconds)
            after, seconds = _timed(lambda: _together(pool, side, requests, workers))
            together_s.append(seconds)
    name = f"{volumes} volumes: one by one → together, in {workers} process{'es' if workers > 1 else ''}"
    return Ratio(name, tuple(one_by_one_s), tuple(together_s), _difference(before, after))


def _timed(make: Callable[[], list[Volume]]) -> tuple[list[Volume], float]:
    began = time.perf_counter()
    return make(), time.perf_counter() - began


def _together(pool: Executor, side: Side, requests: Sequence[GenerationRequest], workers: int) -> list[Volume]:
    shares = [requests[first::workers] for first in range(workers)]
    made = list(pool.map(_made, [side] * workers, shares))
    return [made[number % workers][number // workers] for number in range(len(requests))]


def _made(side: Side, requests: Sequence[GenerationRequest]) -> list[Volume]:
    made = side.model().generate_together([(request, None) for request in requests])
    return [_whole(volume) for volume in made]


def _whole(volume: Volume | Exception) -> Volume:
    if isinstance(volume, Exception):
        raise volume
    return volume


def _difference(expected: Sequence[Volume], found: Sequence[Volume]) -> str:
    pairs = list(zip(expected, found, strict=True))
    if any(before.hu.shape != after.hu.shape for before, after in pairs):
        return "their lengths differ"
    most = max(int(np.abs(after.hu.astype(np.int32) - before.hu).max()) for before, after in pairs)
    return f"they differ by {most} HU at most"
