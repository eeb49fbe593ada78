"""Which volume each sample of a training is drawn from, and which samples each process computes.

All of it is a function of the seed and the step, so a training that was cut short goes on exactly where it was, and so
does one with another number of processes.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import count
from typing import NamedTuple

import numpy as np

from ctflow.errors import RequestError
from ctflow.training.randomness import random_stream


class Place(NamedTuple):
    """A sample's place in a training: its step, and its number in the step's batch, over all processes."""

    step: int
    number: int


def volume_of(seed: int, batch: int, place: Place, volumes: int) -> int:
    """The number of the volume that a sample is drawn from.

    Each epoch visits every volume once, in an order of its own. `batch`: samples in a step.
    """
    epoch, visit = divmod(place.step * batch + place.number, volumes)
    return int(_order(seed, epoch, volumes)[visit])


@lru_cache(maxsize=2)  # a batch may end one epoch and begin the next
def _order(seed: int, epoch: int, volumes: int) -> np.ndarray:
    return random_stream(seed, "order of an epoch", epoch).permutation(volumes)


def places(first_step: int, batch: int, accumulation: int, rank: int, processes: int) -> Iterator[list[Place]]:
    """What process `rank` computes from `first_step` on: `accumulation` lists for each step, without end."""
    size = samples_at_once(batch, accumulation, processes)
    for step in count(first_step):
        for part in range(accumulation):
            first = (part * processes + rank) * size
            yield [Place(step, first + index) for index in range(size)]


def samples_at_once(batch: int, accumulation: int, processes: int) -> int:
    """How many samples a process computes together. Raises RequestError where a batch does not divide evenly."""
    size, left = divmod(batch, accumulation * processes)
    if left:
        raise RequestError(
            f"batch.size {batch} does not divide into {processes} processes times batch.accumulation {accumulation}: "
            "choose numbers that do."
        )
    return size
