"""Several seeds of one report: what the report fixes, and what it leaves open."""

import time
from collections.abc import Generator
from dataclasses import dataclass, replace

import numpy as np

from ctflow.analysis.making import Clock, Progress, Work, make, other_seeds
from ctflow.errors import RequestError
from ctflow.generator import VolumeGenerator
from ctflow.request import GenerationRequest
from ctflow.volume import Volume


@dataclass(frozen=True, eq=False)
class SeedVolume:
    """The volume of one seed."""

    request: GenerationRequest
    volume: Volume
    seconds: float


@dataclass(frozen=True, eq=False)
class Spread:
    """Mean and standard deviation of the volumes so far, voxel by voxel, rounded to HU.

    They have as many slices as the shortest of the volumes, whose number is `count`.
    """

    mean: Volume
    deviation: Volume
    count: int


def check_seeds(count: int) -> None:
    """Raises RequestError for fewer than two seeds."""
    if type(count) is not int or count < 2:
        raise RequestError(f"To compare seeds, a whole number of at least two is needed; got {count!r}.")


def compare_seeds(
    generator: VolumeGenerator, request: GenerationRequest, count: int, clock: Clock = time.monotonic
) -> Generator[Progress | SeedVolume | Spread, None, None]:
    """The request's own seed and those after it. Yields Progress after every evaluation; closing it stops it.

    After each volume there is a SeedVolume, and from the second on the Spread of all so far. Raises RequestError for
    fewer than two.
    """
    check_seeds(count)
    work = Work(count * request.chunks * request.steps, clock)
    mean = squares = np.zeros(0)
    for number, seed in enumerate([request.seed, *other_seeds(request.seed, count - 1)], 1):
        one = replace(request, seed=seed)
        made = yield from make(generator, one, None, work, f"seed {seed}")
        volume = made.volume
        yield SeedVolume(one, volume, made.seconds)
        if number == 1:
            mean, squares = volume.hu.astype(np.float32), np.zeros(volume.hu.shape, np.float32)
            continue
        mean, squares = _with(volume.hu, mean, squares, number)
        deviation = np.sqrt(squares / (number - 1))
        yield Spread(_rounded(mean, volume.affine), _rounded(deviation, volume.affine), number)


def _with(hu: np.ndarray, mean: np.ndarray, squares: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and sum of squared deviations with one volume more, the `number`th (Welford, Technometrics 1962)."""
    slices = min(len(hu), len(mean))
    mean, squares = mean[:slices], squares[:slices]
    off = hu[:slices] - mean
    mean = mean + off / number
    return mean, squares + off * (hu[:slices] - mean)


def _rounded(hu: np.ndarray, affine: np.ndarray) -> Volume:
    return Volume(np.rint(hu).astype(np.int16), affine)
