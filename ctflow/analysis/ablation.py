"""What each sentence of a report does: the volume without it, beside what chance alone would have changed.

The volume of the whole report comes first. Then come its other seeds, which give the chance floor, and then the volumes
without one sentence each. What is made in which way is compared in the same way:

- `shared`: each chunk is made from the whole report's chunk before it, with the other seeds too. What differs is what
  the sentence, or chance, does to that chunk.
- `plain`: volumes as they come from the report without the sentence. Each chunk goes on from its own, so that
  differences grow from chunk to chunk, those of chance as well. The first chunk is the one of `shared`, not made twice.
"""

import time
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from ctflow.analysis.floor import chance_floor
from ctflow.analysis.making import Clock, Progress, Work, make, other_seeds
from ctflow.analysis.places import Place, body_of, mask_of, places_of
from ctflow.errors import RequestError
from ctflow.generator import VolumeGenerator
from ctflow.report import Report, sentences, without
from ctflow.request import GenerationRequest, SharedPrevious, Start, VolumeStart
from ctflow.volume import Volume

Way = Literal["shared", "plain"]


@dataclass(frozen=True, eq=False)
class WholeReport:
    """The volume of the whole report: all others are compared with it."""

    request: GenerationRequest
    volume: Volume
    seconds: float


@dataclass(frozen=True, eq=False)
class ChanceFloor:
    """What other seeds change. `hu`: float32 (slices, rows, columns), see `chance_floor`; `seeds`: which they were.

    `mean_hu`: the mean |ΔHU| in the body. `changed_ml`: of the body, above the floor, in the mean of the seeds: near to
    5 % of it.
    """

    way: Way
    hu: np.ndarray
    seeds: tuple[int, ...]
    mean_hu: float
    changed_ml: float


@dataclass(frozen=True, eq=False)
class SentenceEffect:
    """What one sentence does. `volume`: the one without it; `difference`: int16 (slices, rows, columns), HU with the
    sentence minus HU without it, for the slices that both volumes have.

    `changed_ml`: the body where |difference| is above the chance floor. `mean_hu`: the mean |difference| in the body;
    `inside_hu` and `outside_hu`: in the place that the sentence names and in the rest of the body, None where the model
    reads no place in it.
    """

    sentence: str
    way: Way
    places: tuple[Place, ...]
    volume: Volume
    difference: np.ndarray
    changed_ml: float
    mean_hu: float
    inside_hu: float | None
    outside_hu: float | None


Ablation = Generator[Progress | WholeReport | ChanceFloor | SentenceEffect, None, None]


def check_ablation(request: GenerationRequest, seeds: int) -> list[str]:
    """The sentences that are left out in turn. Raises RequestError for fewer than two, or for no other seed."""
    said = sentences(request.report)
    if len(said) < 2:
        raise RequestError(
            f"An ablation leaves out one sentence at a time, and of a report of {len(said)} nothing would be left: "
            "write at least two sentences."
        )
    if type(seeds) is not int or seeds < 1:
        raise RequestError(f"The chance floor needs a whole number of other seeds, at least one; got {seeds!r}.")
    return said


def ablate(
    generator: VolumeGenerator,
    request: GenerationRequest,
    seeds: int = 3,
    plain: bool = False,
    clock: Clock = time.monotonic,
) -> Ablation:
    """Yields Progress after every evaluation, and each result as soon as it is there; closing it stops it.

    `plain`: compare in that way, too; for a volume of one chunk it would be the same. For n sentences this takes the
    evaluations of n + 1 + `seeds` volumes, by a generator that keeps the chunks of its last volumes; `plain` adds those
    of n + `seeds` volumes without their first chunks. Raises RequestError as `check_ablation`.
    """
    said = check_ablation(request, seeds)
    variations = len(said) + seeds
    work = Work(_evaluations(request.chunks, variations, plain) * request.steps, clock)
    whole = yield from make(generator, request, None, work, "whole report")
    yield WholeReport(request, whole.volume, whole.seconds)
    left = _evaluations(whole.chunks, variations, plain) - whole.chunks
    work.total = work.done + left * request.steps
    ways: tuple[Way, ...] = ("shared", "plain") if plain and whole.chunks > 1 else ("shared",)
    comparison = _Comparison(generator, replace(request, chunks=whole.chunks), whole.volume, work)

    others = other_seeds(request.seed, seeds)
    by_chance: dict[Way, list[np.ndarray]] = {way: [] for way in ways}
    for seed in others:
        for way in ways:
            other = yield from comparison.variation(way, f"seed {seed}", seed=seed)
            by_chance[way].append(comparison.difference(other))
    floors = {way: _floor(way, others, by_chance[way], comparison) for way in ways}
    yield from floors.values()
    for number, sentence in enumerate(said, 1):
        report = without(request.report, sentence)
        places = places_of(generator.read(Report(sentence)).found)
        for way in ways:
            doing = f"sentence {number} of {len(said)}"
            variation = yield from comparison.variation(way, doing, report=report)
            yield _effect(sentence, places, variation, floors[way], comparison)


def _evaluations(chunks: int, variations: int, plain: bool) -> int:
    """In chunks."""
    return chunks * (1 + variations) + plain * (chunks - 1) * variations


class _Comparison:
    """Makes variations of a request, and compares each with the volume of the request itself."""

    def __init__(self, generator: VolumeGenerator, request: GenerationRequest, whole: Volume, work: Work) -> None:
        self._generator, self._request, self._work = generator, request, work
        self.whole, self.body = whole, body_of(whole)
        self.voxel_ml = float(np.prod(whole.spacing_mm)) / 1000

    def variation(self, way: Way, doing: str, **changes: Any) -> Generator[Progress, None, Volume]:
        """The volume of the request with `changes`."""
        request = replace(self._request, **changes)
        start: Start = SharedPrevious(request=self._request)
        if way == "plain":  # its first chunk is the one that was made for `shared`
            start = VolumeStart(request=request, chunks=1)
        made = yield from make(self._generator, request, start, self._work, doing)
        return made.volume

    def difference(self, other: Volume) -> np.ndarray:
        """int16 (slices that both have, rows, columns): HU of the whole minus HU of the other."""
        slices = min(len(self.whole.hu), len(other.hu))
        return hu_difference(self.whole.hu[:slices], other.hu[:slices])

    def changed_ml(self, difference: np.ndarray, floor_hu: np.ndarray) -> float:
        """The part of the body where |difference| is above the floor, as far as both reach."""
        slices = min(len(difference), len(floor_hu))
        above = np.abs(difference[:slices]) > floor_hu[:slices]
        return float((above & self.body[:slices]).sum()) * self.voxel_ml


def hu_difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """int16 HU of one shape -> a minus b, int16, cut to where it has a positive counterpart."""
    most = np.iinfo(np.int16).max
    return (a.astype(np.int32) - b).clip(-most, most).astype(np.int16)


def _floor(way: Way, seeds: list[int], differences: list[np.ndarray], comparison: _Comparison) -> ChanceFloor:
    slices = min(map(len, differences))
    differences = [one[:slices] for one in differences]
    hu = chance_floor(differences, comparison.whole.spacing_mm)
    return ChanceFloor(
        way=way,
        hu=hu,
        seeds=tuple(seeds),
        mean_hu=float(np.mean([_mean_hu(one, comparison.body) for one in differences])),
        changed_ml=float(np.mean([comparison.changed_ml(one, hu) for one in differences])),
    )


def _effect(
    sentence: str, places: tuple[Place, ...], variation: Volume, floor: ChanceFloor, comparison: _Comparison
) -> SentenceEffect:
    body, difference = comparison.body, comparison.difference(variation)
    inside = mask_of(places, comparison.whole, body)
    return SentenceEffect(
        sentence=sentence,
        way=floor.way,
        places=places,
        volume=variation,
        difference=difference,
        changed_ml=comparison.changed_ml(difference, floor.hu),
        mean_hu=_mean_hu(difference, body),
        inside_hu=_mean_hu(difference, inside) if places else None,
        outside_hu=_mean_hu(difference, body & ~inside) if places else None,
    )


def _mean_hu(difference: np.ndarray, mask: np.ndarray) -> float:
    """The mean of |difference| where the mask is, 0 where it is nowhere."""
    there = np.abs(difference[mask[: len(difference)]])
    return float(there.mean()) if there.size else 0.0
