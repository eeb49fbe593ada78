"""Measures of a fake set against a real one: FID, FVD, KID, precision, recall and the inception score."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ctflow.evaluation.metrics.beginnings import GT_HEAD
from ctflow.evaluation.metrics.extraction import FeatureSet
from ctflow.evaluation.metrics.features import Features
from ctflow.evaluation.metrics.figure import Better, Figure
from ctflow.evaluation.metrics.frechet import frechet_distance
from ctflow.evaluation.metrics.inception_score import inception_score
from ctflow.evaluation.metrics.kernel import kernel_distance
from ctflow.evaluation.metrics.precision_recall import NEIGHBOURS, precision_recall
from ctflow.evaluation.metrics.resampling import (
    INF,
    LEAST_VOLUMES,
    RESAMPLES,
    Limits,
    Rows,
    Values,
    floors,
    interval,
    values_of_halves,
)
from ctflow.evaluation.metrics.sets import Sets
from ctflow.evaluation.statistics import NAN

REAL_AGAINST_REAL = "half of the real set against others of it"
ByVolume = list[NDArray[np.float32]]  # of each volume: (samples, dimensions)


@dataclass(frozen=True, eq=False)
class Drawn:
    """Of one kind of features, or the mean over several: the value of all, of halves, and of real against real."""

    value: float
    of_halves: Values
    floors: Values
    samples: tuple[int, int]
    dimensions: int


@dataclass(frozen=True, kw_only=True)
class SetMeasure(ABC):
    """A number for two sets of samples; the mean over `kinds` of features, where there are several.

    `real_kinds`: those of the real set, where they are others. `each`: the names of the numbers of all kinds by
    themselves, where they are wanted too. `resamples`: of its interval. `limit_real`, `limit_fake`: how many samples
    count, in the order of the volumes' names; None for all.
    """

    better: ClassVar[Better]
    limits: ClassVar[Limits]
    name: str
    extractor: str
    kinds: tuple[str, ...]
    real_kinds: tuple[str, ...] | None = None
    each: tuple[str, ...] = ()
    resamples: int = RESAMPLES
    limit_real: int | None = None
    limit_fake: int | None = None

    @abstractmethod
    def metric(self, real: Features, fake: Features) -> float:
        """Of features (samples, dimensions). Raises RequestError."""

    def figures(self, sets: Sets) -> Iterator[Figure]:
        """One, and one for each kind where they are wanted. Raises RequestError for sets that have no such number."""
        pairs = zip(self.real_kinds or self.kinds, self.kinds, strict=True)
        drawn = [self._drawn(sets, real, fake) for real, fake in pairs]
        yield self._figure(self.name, _mean(drawn), sets)
        if self.each:
            yield from (self._figure(name, one, sets) for name, one in zip(self.each, drawn, strict=True))

    def _drawn(self, sets: Sets, real_kind: str, fake_kind: str) -> Drawn:
        """One kind at a time, because the features of several may not fit into memory."""
        real, fake = sets.real.rows(self.extractor, real_kind), sets.fake.rows(self.extractor, fake_kind)
        patients, theirs = ([volume.patient for volume in of.volumes] for of in (sets.real, sets.fake))
        return Drawn(
            value=self._of(real, fake, np.arange(len(real)), np.arange(len(fake))),
            of_halves=values_of_halves(
                lambda a, b: self._of(real, fake, a, b), patients, theirs, sets.seed, self.resamples, self.least
            ),
            floors=floors(
                lambda a, b: self._of(real, real, a, b), patients, len(fake) // 2, sets.seed, least=self.least
            ),
            samples=(_count(real, self.limit_real), _count(fake, self.limit_fake)),
            dimensions=real[0].shape[1],
        )

    def _figure(self, name: str, drawn: Drawn, sets: Sets) -> Figure:
        bounds = interval(drawn.value, drawn.of_halves, self.limits)
        return Figure(
            name=name,
            value=drawn.value,
            low=bounds.low,
            high=bounds.high,
            better=self.better,
            reference=float(drawn.floors.mean()) if len(drawn.floors) else NAN,
            reference_is=REAL_AGAINST_REAL,
            beside_reference=bounds.of_halves,
            samples=drawn.samples,
            warnings=(
                *self.warnings(min(drawn.samples), drawn.dimensions),
                *self.warnings_of_modes(sets.modes),
                *_copies(sets.fake),
                *_taught(sets.real, sets.training),
            ),
        )

    @property
    def least(self) -> int:
        """Patients of a set whose halves can be measured."""
        return LEAST_VOLUMES

    def warnings(self, samples: int, dimensions: int) -> tuple[str, ...]:
        """What a reader must know of a number from so few samples."""
        return ()

    def warnings_of_modes(self, modes: Mapping[str, str]) -> tuple[str, ...]:
        """What a reader must know of a number, given how the fake volumes were made."""
        return ()

    def _of(self, real: ByVolume, fake: ByVolume, a: Rows, b: Rows) -> float:
        return self.metric(_joined(real, a, self.limit_real), _joined(fake, b, self.limit_fake))


def _mean(drawn: Sequence[Drawn]) -> Drawn:
    """Over kinds of which all have the same volumes and halves."""
    return Drawn(
        value=float(np.mean([one.value for one in drawn])),
        of_halves=np.mean([one.of_halves for one in drawn], axis=0),
        floors=np.mean([one.floors for one in drawn], axis=0),
        samples=drawn[0].samples,
        dimensions=drawn[0].dimensions,
    )


def _copies(fake: FeatureSet) -> tuple[str, ...]:
    seen = Counter(volume.sha256 for volume in fake.volumes)
    copies = sum(count for count in seen.values() if count > 1)
    if not copies:
        return ()
    return (f"{copies} of {len(fake.volumes)} fake volumes are the same, byte for byte, as another one",)


def _taught(real: FeatureSet, training: FeatureSet | None) -> tuple[str, ...]:
    """A model that copies is nearest to a real set of what it was trained on."""
    taught = training.volumes if training else ()
    patients, scans = {volume.patient for volume in taught}, {volume.sha256 for volume in taught}
    known = sum(volume.patient in patients or volume.sha256 in scans for volume in real.volumes)
    return (f"{known} of {len(real.volumes)} real volumes are of patients of the training set",) if known else ()


def _count(volumes: ByVolume, limit: int | None) -> int:
    count = sum(map(len, volumes))
    return count if limit is None else min(count, limit)


def _joined(volumes: ByVolume, rows: Rows, limit: int | None) -> Features:
    return np.concatenate([volumes[row] for row in rows])[:limit].astype(np.float64)


@dataclass(frozen=True, kw_only=True)
class Frechet(SetMeasure):
    """FID or FVD, see `frechet_distance`. `head_alone`: whether of a fake volume it sees no more than its head."""

    better = "lower"
    limits = (0.0, INF)
    biased: bool = False
    head_alone: bool = False

    def metric(self, real: Features, fake: Features) -> float:
        return frechet_distance(real, fake, biased=self.biased)

    def warnings(self, samples: int, dimensions: int) -> tuple[str, ...]:
        if samples > dimensions:
            return ()
        return (f"{samples} samples for {dimensions} dimensions: only comparable at the same number of samples",)

    def warnings_of_modes(self, modes: Mapping[str, str]) -> tuple[str, ...]:
        copied = sum(mode == GT_HEAD for mode in modes.values())
        if not (copied and self.head_alone):
            return ()
        return (
            f"uninformative: it sees the first slices alone, and {copied} fake volume(s) copy them from real scans",
        )


@dataclass(frozen=True, kw_only=True)
class Kernel(SetMeasure):
    """KID, see `kernel_distance`."""

    better = "lower"
    limits = (-INF, INF)
    subsets: int = 100
    subset_size: int = 1000

    def metric(self, real: Features, fake: Features) -> float:
        return kernel_distance(real, fake, subsets=self.subsets, subset_size=self.subset_size)


@dataclass(frozen=True, kw_only=True)
class _Neighbourhood(SetMeasure):
    """What precision and recall have in common, see `precision_recall`."""

    better = "higher"
    limits = (0.0, 1.0)
    neighbours: int = NEIGHBOURS

    @property
    def least(self) -> int:
        return 2 * (self.neighbours + 1)


@dataclass(frozen=True, kw_only=True)
class Precision(_Neighbourhood):
    """See `precision_recall`."""

    def metric(self, real: Features, fake: Features) -> float:
        return precision_recall(real, fake, neighbours=self.neighbours).precision


@dataclass(frozen=True, kw_only=True)
class Recall(_Neighbourhood):
    """See `precision_recall`."""

    def metric(self, real: Features, fake: Features) -> float:
        return precision_recall(real, fake, neighbours=self.neighbours).recall


@dataclass(frozen=True, kw_only=True)
class Inception(SetMeasure):
    """IS of the fake set, see `inception_score`. Its reference is the IS of halves of the real set."""

    better = "higher"
    limits = (1.0, INF)
    splits: int = 10

    def metric(self, real: Features, fake: Features) -> float:
        return inception_score(fake, splits=self.splits)
